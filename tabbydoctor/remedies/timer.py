"""A service and a timer that run the doctor: what they are made of, planned as any other change."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.records import dataclass
from tabbydoctor.remedies.draft import Draft

SERVICE, TIMER = "tabbydoctor.service", "tabbydoctor.timer"
DIRECTORY = "/etc/systemd/system"
TITLE = "run the doctor by a timer"
STATE = "tabbydoctor-watch"
"""Below /var/lib: what the last run found."""
INTERVAL = re.compile(r"[1-9]\d{0,5}(s|min|h|d)")
"""A time span of systemd.time(7) in one unit."""
_SPECIAL = re.compile(r'(["\\])')
_SANDBOX = (
    ("CapabilityBoundingSet", "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_SYSLOG CAP_NET_ADMIN"),
    ("NoNewPrivileges", "yes"),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "read-only"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallErrorNumber", "EPERM"),
)
"""It reads everything and writes its record and the metric alone. The kernel's log, modules,
devices, processes and /tmp stay in sight: checks look at them."""


@dataclass(frozen=True, slots=True)
class Watching:
    """What the timer is to run, and how often."""

    command: tuple[str, ...]
    """The doctor's command line, its program with the whole path."""
    textfile: str | None
    """Where the metric goes; None for none."""
    interval: str
    """As INTERVAL says."""
    zipped: bool = False
    """Whether the program is one file, which unpacks itself: where the service may write."""


def service_settings(watching: Watching) -> list[tuple[str, str]]:
    """The lines below [Service]."""
    writes = watching.textfile.rpartition("/")[0] if watching.textfile else ""
    return [
        ("Type", "oneshot"),
        ("ExecStart", " ".join(map(_word, watching.command))),
        ("SuccessExitStatus", "1"),
        ("StateDirectory", STATE),
        ("StateDirectoryMode", "0700"),
        *([("ReadWritePaths", f"-{_word(writes)}")] if writes else []),
        ("TimeoutStartSec", "5min"),
        *([("Environment", f"SHIV_ROOT=/var/lib/{STATE}/code")] if watching.zipped else []),
        ("Nice", "10"),
        ("IOSchedulingClass", "idle"),
        ("UMask", "0022"),
        *_SANDBOX,
    ]


def unit_texts(watching: Watching) -> dict[str, str]:
    """Path -> content of the service and of the timer."""
    lines = "".join(f"{key}={value}\n" for key, value in service_settings(watching))
    head = "# Written by tabbydoctor; `tabbydoctor remove-timer` takes it back.\n[Unit]\n"
    return {
        f"{DIRECTORY}/{SERVICE}": (
            f"{head}Description=Look at TabbyAPI (tabbydoctor)\nAfter=network.target\n\n"
            f"[Service]\n{lines}"
        ),
        f"{DIRECTORY}/{TIMER}": (
            f"{head}Description=Look at TabbyAPI every {watching.interval} (tabbydoctor)\n\n"
            f"[Timer]\nOnActiveSec=1s\nOnBootSec=2min\nOnUnitActiveSec={watching.interval}\n"
            "AccuracySec=10s\n\n[Install]\nWantedBy=timers.target\n"
        ),
    }


def plan_timer(draft: Draft, watching: Watching) -> None:
    """Write both and start the timer; nothing where they are there as they should be."""
    draft.title = TITLE
    there = draft.read(f"{DIRECTORY}/{TIMER}") is not None
    changed = [
        draft.write(path, text.encode(), TITLE) for path, text in unit_texts(watching).items()
    ]
    if any(changed):
        draft.reload(Unit(TIMER, {}), TITLE)
        if there:
            draft.restart(Unit(TIMER, {}), TITLE)
        else:
            draft.enable(TIMER, TITLE)


def nix_lines(watching: Watching, quoted: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The same for configuration.nix; `quoted` are the settings, their values as Nix has them."""
    settings = " ".join(f"{key} = {value};" for key, value in quoted)
    return (
        f"systemd.services.tabbydoctor.serviceConfig = {{ {settings} }};",
        'systemd.timers.tabbydoctor = { wantedBy = [ "timers.target" ]; timerConfig = { '
        f'OnBootSec = "2min"; OnUnitActiveSec = "{watching.interval}"; }}; }};',
    )


def _word(text: str) -> str:
    """One word of a command line, as systemd.service(5) reads it: no variable, no specifier."""
    return '"' + _SPECIAL.sub(r"\\\1", text).replace("%", "%%").replace("$", "$$") + '"'
