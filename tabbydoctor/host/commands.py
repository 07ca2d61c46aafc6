"""Running reading commands (systemctl, journalctl, …) without a shell, bounded in every way.

What is run may be hostile or broken: it may flood either output, close both and live on, ignore
every signal but SIGKILL, or leave a child behind that holds the outputs open.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from tabbydoctor.host.data import CommandResult

_TIMED_OUT, _MISSING = 124, 127
_MOST_ERRORS = 64 << 10
"""Bytes of stderr that are kept; the rest is read and thrown away."""
_LEFT_OVER = 0.2
"""Seconds for the output of a command that has ended, where a child of it holds that open."""
_REAPING = 1.0
"""Seconds for a killed process to be gone."""


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    limit: int,
    line_limit: int | None,
    account: tuple[int, int, Sequence[int]] | None = None,
    variables: Mapping[str, str] | None = None,
) -> CommandResult:
    """Run and read until the end, `timeout` seconds, `limit` bytes or `line_limit` lines.

    `account`: as whom, by uid, gid and further groups; `variables` are added to its environment.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LD_", "PYTHON", "SYSTEMD_"))
    }
    environment |= {"LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    environment |= variables or {}
    uid, gid, groups = account or (None, None, None)
    deadline = time.monotonic() + timeout
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            cwd="/" if account else None,
            user=uid,
            group=gid,
            extra_groups=groups,
        )
    except FileNotFoundError:
        return CommandResult(tuple(argv), _MISSING, stderr=f"{argv[0]}: not found")
    except OSError as error:
        return CommandResult(tuple(argv), 126, stderr=f"{argv[0]}: {error.strerror}")
    try:
        output, errors, stopped = _collect(process, deadline, limit, line_limit)
        if not stopped and not _ends(process, deadline):
            stopped = "time"
    finally:
        code = _end(process)
    if stopped:
        code = _TIMED_OUT if stopped == "time" else 0
    text = output.decode("utf-8", errors="replace")
    if line_limit is not None:
        text = "".join(text.splitlines(keepends=True)[:line_limit])
    return CommandResult(
        tuple(argv), code, text, errors.decode("utf-8", errors="replace"), stopped != ""
    )


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has. It stays to be reaped: until then its number means nobody else."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _ends(process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Whether it ends in time, its outputs being closed."""
    pause = 0.001
    while not _has_ended(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    return True


def _end(process: subprocess.Popen[bytes]) -> int:
    """The exit status. Nothing of it goes on, and nobody waits for what hangs in the kernel."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    try:
        return process.wait(_REAPING)
    except subprocess.TimeoutExpired:
        return _TIMED_OUT


def _collect(
    process: subprocess.Popen[bytes], deadline: float, limit: int, line_limit: int | None
) -> tuple[bytes, bytes, str]:
    """stdout, stderr, and why reading stopped before the end: "", "time" or "size"."""
    output, errors = bytearray(), bytearray()
    lines = 0
    with selectors.DefaultSelector() as selector:
        for stream, target in ((process.stdout, output), (process.stderr, errors)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, target)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(output), bytes(errors), "time"
            ready = selector.select(min(left, _LEFT_OVER))
            if not ready and _has_ended(process):
                break  # what holds the outputs open is none of its own any more
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data is output:
                    output += chunk
                    lines += chunk.count(b"\n")
                else:
                    errors += chunk[: _MOST_ERRORS - len(errors)]
            if len(output) > limit or (line_limit is not None and lines >= line_limit):
                return bytes(output), bytes(errors), "size"
    return bytes(output), bytes(errors), ""
