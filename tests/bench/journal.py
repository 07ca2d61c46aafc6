"""Prints what a journal of a million lines costs a check: `python -m tests.bench.journal`.

In the lab, so it needs root.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.deployment import Deployment
from tests.lab.installed import CACHE, installed
from tests.lab.machine import Machine

LINES = 1_000_000
ROUNDS = 5
CHATTER = f"""\
[Service]
ExecStartPre=/usr/bin/seq {LINES}
TimeoutStartSec=600
"""


def check_seconds(deployment: Deployment) -> float:
    """Median wall time of a check inside."""

    def once() -> float:
        started = time.perf_counter()
        deployment.doctor("check", "--format", "json")
        return time.perf_counter() - started

    return statistics.median(once() for _ in range(ROUNDS))


def main() -> None:
    """Measure and print."""
    CACHE.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        Machine.boot(Path(scratch), shown=[CACHE]) as machine,
        installed() as place,
    ):
        deployment = Deployment.deploy(machine, place)
        deployment.start()
        deployment.wait_ready()
        before = check_seconds(deployment)
        journald = "[Journal]\nRuntimeMaxUse=2G\nRuntimeMaxFileSize=512M\nRateLimitIntervalSec=0\n"
        machine.write("/etc/systemd/journald.conf.d/room.conf", journald)
        machine.systemctl("restart", "systemd-journald")
        machine.dropin("tabbyapi.service", CHATTER)
        machine.run(["systemctl", "restart", "tabbyapi.service"], timeout=600)
        deployment.wait_ready(120)
        machine.run(["journalctl", "--sync"])
        held = machine.run(["sh", "-c", "journalctl -u tabbyapi.service | wc -l"], timeout=300)
        after = check_seconds(deployment)
        sys.stdout.write(
            f"check, journal of {int(held.stdout):,} lines / of a few   {after / before:.2f}×"
            f"   aim: about 1×   ({before * 1000:.0f} ms before)\n"
        )


if __name__ == "__main__":
    main()
