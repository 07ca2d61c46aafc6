"""HAProxy's control sockets: `show map` prints the maps, the key with them, to any who may ask.

https://docs.haproxy.org/2.6/management.html#9.3
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from tabbydoctor.routers.haproxy.syntax import VARIABLE, sections

_OTHERS_WRITE = 0o002


def open_control(texts: Mapping[str, str], command: Sequence[str]) -> str:
    """The first that other accounts can reach, in words; empty where there is none.

    A Unix socket without a mode is root's alone to write: it is made with the umask of the start.
    """
    for words, where in (*_of_files(texts), *_of_command(command)):
        address, settings = words[0], words[1:]
        mode = dict(pairwise(settings)).get("mode", "600")
        path = address.removeprefix("unix@")
        if not path.startswith("/") or VARIABLE in path or not mode.isdecimal():
            return f"{where}: {address.replace(VARIABLE, '$')} is no Unix socket of root's"
        if set(mode) - set("01234567") or int(mode, 8) & _OTHERS_WRITE:
            return f"{where}: every account may write {address} (mode {mode})"
    return ""


def _of_files(texts: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Address and settings of each `stats socket`, those that hold for all sockets behind them."""
    for file, text in texts.items():
        parts = [one for one in sections(text, file) if one.kind == "global"]
        lines = [line for one in parts for line in one.lines]
        common = [word for line in lines if line.starts("unix-bind") for word in line.words[1:]]
        for line in lines:
            if line.starts("stats", "socket") and len(line.words) > 2:
                address, *settings = line.words[2:]
                yield (address, *common, *settings), f"{file}:{line.number}"


def _of_command(command: Sequence[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """That of the master process (-S)."""
    for option, value in pairwise(command):
        if option == "-S":
            yield tuple(value.split(",")), "-S"
