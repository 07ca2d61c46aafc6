"""Prints how fast the doctor is, as ratios taken in one run: `python -m tests.bench`.

Nothing here passes or fails; the aims stand beside the figures.
"""

from __future__ import annotations

import base64
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tabbydoctor.demo.deployment import DemoDeployment, demo_deployment
from tabbydoctor.redaction import redact, remember

ROUNDS = 9
LIBRARIES = "typer, rich.console, httpx, yaml, ruamel.yaml, pydantic, psutil, pynvml, pluggy"


# As it is installed: compiled once, not at each start.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def run(argv: Sequence[str]) -> None:
    """Run a command to its end, whatever it says."""
    subprocess.run(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=ENVIRONMENT
    )


def seconds(argv: Sequence[str]) -> float:
    """Wall time of a command."""
    started = time.perf_counter()
    run(argv)
    return time.perf_counter() - started


def in_turn(*commands: Sequence[str]) -> list[float]:
    """Median wall time of each, run in turn so that a slow moment hits all alike."""
    for command in commands:
        seconds(command)
    rounds = [[seconds(command) for command in commands] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def python(*arguments: str) -> list[str]:
    """A command line of this interpreter."""
    return [sys.executable, *arguments]


def doctor(deployment: DemoDeployment, *arguments: str) -> list[str]:
    """`tabbydoctor check` of the stand-in deployment."""
    return python(
        "-m", "tabbydoctor", "check", "--format", "json",
        "--dir", str(deployment.directory), "--url", deployment.url, *arguments,
    )  # fmt: skip


def show(what: str, figure: str, aim: str) -> None:
    """One line of the table."""
    sys.stdout.write(f"{what:<58} {figure:>9}   {aim}\n")


def slowest_probe(deployment: DemoDeployment) -> float:
    """Seconds of the slowest single request, a fresh connection each."""
    import httpx

    def once(path: str) -> float:
        started = time.perf_counter()
        httpx.get(f"{deployment.url}{path}", trust_env=False)
        return time.perf_counter() - started

    paths = ("/health", "/v1/auth/permission", "/v1/models", "/v1/model")
    return max(statistics.median(once(path) for _ in range(5)) for path in paths)


def peak_memory(argv: Sequence[str]) -> float:
    """MB of resident memory of the largest process, as the kernel accounts it."""
    pid = os.fork()
    if pid == 0:
        run(argv)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        os._exit(min(255, peak // 1024))
    return float(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def many_keys(deployment: DemoDeployment, count: int) -> None:
    """Give the server a list of keys."""
    keys = "\n".join(f"- {number:032x}" for number in range(count))
    tokens = deployment.directory / "api_tokens.yml"
    tokens.write_text(f"api_key:\n{keys}\nadmin_key: {'a' * 32}\n")


def versus(deployment: DemoDeployment, change: Callable[[], None]) -> float:
    """How many times longer a check takes after a change than before it."""
    before = statistics.median(seconds(doctor(deployment)) for _ in range(ROUNDS))
    change()
    after = statistics.median(seconds(doctor(deployment)) for _ in range(ROUNDS))
    return after / before


TEXTS: dict[str, Callable[[int], str]] = {
    "one character": lambda size: "a" * size,
    "hex": lambda size: random.Random(1).randbytes(size // 2).hex(),
    "base64": lambda size: base64.b64encode(random.Random(1).randbytes(size * 3 // 4)).decode(),
    "prose": lambda size: (
        "The token limit of a server is no key, and its keys are kept.\n" * (size // 62)
    ),
}
"""Texts of so many bytes."""


def redaction(text: Callable[[int], str]) -> tuple[float, float]:
    """How many times longer 2 MB take than 1 MB, and the seconds of the latter."""

    def once(size: int) -> float:
        given = text(size)
        started = time.perf_counter()
        redact(given)
        return time.perf_counter() - started

    rounds = [(once(1_000_000), once(2_000_000)) for _ in range(ROUNDS)]
    one, two = (statistics.median(column) for column in zip(*rounds, strict=True))
    return two / one, one


def redactions() -> None:
    """The redactor, with the keys of a large deployment in mind."""
    for number in range(10_000):
        remember(f"{number:032x}")
    for name, text in TEXTS.items():
        ratio, one = redaction(text)
        what = f"redact 2 MB / 1 MB, {name}"
        show(what, f"{ratio:.2f}×", f"aim: at most 2.5×   ({one * 1000:.0f} ms)")


def main() -> None:
    """Measure and print."""
    redactions()
    bare, version = in_turn(python("-c", "pass"), python("-m", "tabbydoctor", "--version"))
    show("tabbydoctor --version / python -c pass", f"{version / bare:.2f}×", "aim: at most 10×")
    with demo_deployment() as deployment:
        libraries, check = in_turn(python("-c", f"import {LIBRARIES}"), doctor(deployment))
        floor = libraries + slowest_probe(deployment)
        show("check / (import of libraries + slowest probe)", f"{check / floor:.2f}×", "aim: 1.5×")
        show("  check, wall time", f"{check * 1000:.0f} ms", "")
        show("peak memory of check", f"{peak_memory(doctor(deployment)):.0f} MB", "aim: < 120 MB")
        ratio = versus(deployment, lambda: many_keys(deployment, 10_000))
        show("check with 10,000 keys / with one", f"{ratio:.2f}×", "aim: about 1×")
        log = Path(deployment.directory, "logs", "tabby.log")
        log.parent.mkdir(exist_ok=True)
        line = 'INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200\n'
        ratio = versus(deployment, lambda: void(log.write_text(line * 1_000_000)))
        show("check with a log of a million lines / without", f"{ratio:.2f}×", "aim: about 1×")


def void(_: object) -> None:
    """Throw a value away."""


if __name__ == "__main__":
    main()
