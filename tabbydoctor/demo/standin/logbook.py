"""The stand-in's log: the console as TabbyAPI prints it, and `logs/<time>.log` unwrapped.

Without a terminal the console wraps at 80 columns, or at COLUMNS or
TABBY_LOG_CONSOLE_WIDTH (TabbyAPI's common/logger.py).
"""

import os
import re
import shutil
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import TextIO

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_WORD = re.compile(r"\s*\S+\s*")


def console_width() -> int:
    """Columns of a console line."""
    wanted = os.environ.get("TABBY_LOG_CONSOLE_WIDTH", "")
    return int(wanted) if wanted.isnumeric() else shutil.get_terminal_size((80, 24)).columns


def wrapped(line: str, width: int) -> list[str]:
    """Break a line between words; a word longer than a line starts a new one and is cut."""
    lines = [""]
    for word in _WORD.findall(line) or [line]:
        length = len(word.rstrip())
        if length > width:
            pieces = [word[start : start + width] for start in range(0, len(word), width)]
            lines.extend(pieces)
        elif len(lines[-1]) + length <= width:
            lines[-1] += word
        else:
            lines.append(word)
    return [part[:width] for part in lines if part] or [""]


class Logbook:
    """Writes each record twice: wrapped to stdout, whole to a file of its own.

    Without a directory it is the log of an older server: no file, and no time in the lines.
    Raises OSError when `logs/` cannot be made or written, as the real server does.
    """

    def __init__(self, directory: Path | None) -> None:
        self._file: TextIO | None = None
        if directory is not None:
            directory.mkdir(exist_ok=True)
            name = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S_%f") + ".log"
            self._file = (directory / name).open("a", encoding="utf8")
        self._lock = threading.Lock()
        self._floor = LEVELS.get(os.environ.get("TABBY_LOG_LEVEL", "INFO"), 20)

    def info(self, message: str) -> None:
        """Log at INFO."""
        self._write("INFO", message)

    def warning(self, message: str) -> None:
        """Log at WARNING."""
        self._write("WARNING", message)

    def error(self, message: str) -> None:
        """Log at ERROR."""
        self._write("ERROR", message)

    def _write(self, level: str, message: str) -> None:
        if LEVELS[level] < self._floor:
            return
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        stamp = f"{now} " if self._file else ""
        lead = f"{stamp}{level}:{' ' * (9 - len(level))}"
        width = console_width()
        with self._lock:
            for line in message.replace("<", "\\<").splitlines() or [""]:
                sys.stdout.write("\n".join(wrapped(lead + line, width)) + "\n")
            sys.stdout.flush()
            if self._file:
                self._file.write(f"{now} | {level: <8} | {message}\n")
                self._file.flush()
