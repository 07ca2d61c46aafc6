"""Running reading commands (systemctl, journalctl, …) without a shell, bounded in every way."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence

from tabbydoctor.host.data import CommandResult

_TIMED_OUT, _MISSING = 124, 127


def run(
    argv: Sequence[str], *, timeout: float, limit: int, line_limit: int | None
) -> CommandResult:
    """Run and read until the end, `timeout` seconds, `limit` bytes or `line_limit` lines."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LD_", "PYTHON", "SYSTEMD_"))
    }
    environment |= {"LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except FileNotFoundError:
        return CommandResult(tuple(argv), _MISSING, stderr=f"{argv[0]}: not found")
    except OSError as error:
        return CommandResult(tuple(argv), 126, stderr=f"{argv[0]}: {error.strerror}")
    with process:
        output, errors, stopped = _collect(process, time.monotonic() + timeout, limit, line_limit)
        if stopped:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    if stopped:
        code = _TIMED_OUT if stopped == "time" else 0
    text = output.decode("utf-8", errors="replace")
    if line_limit is not None:
        text = "".join(text.splitlines(keepends=True)[:line_limit])
    return CommandResult(
        tuple(argv), code, text, errors.decode("utf-8", errors="replace"), stopped != ""
    )


def _collect(
    process: subprocess.Popen[bytes], deadline: float, limit: int, line_limit: int | None
) -> tuple[bytes, bytes, str]:
    """stdout, stderr, and why reading stopped before the end: "", "time" or "size"."""
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, target in ((process.stdout, output), (process.stderr, errors)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, target)
        lines = 0
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(output), bytes(errors), "time"
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
                lines += chunk.count(b"\n") if key.data is output else 0
            if len(output) > limit or (line_limit is not None and lines >= line_limit):
                return bytes(output), bytes(errors), "size"
    return bytes(output), bytes(errors), ""
