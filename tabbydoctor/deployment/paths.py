"""The status of a path and of everything on the way to it: path_resolution(7)."""

from __future__ import annotations

import posixpath

from tabbydoctor.deployment.access import PathStatus
from tabbydoctor.facts import Unknown
from tabbydoctor.host import FileStatus, Host


def path_status(host: Host, path: str) -> PathStatus:
    """The chain from `/` to the thing itself, links resolved on both ways.

    Whoever opens a path searches the directories it is written with and, where one of them
    is a link, those it leads to. Raises FileNotFoundError where there is nothing, Unknown
    where the doctor may not look.
    """
    chain: dict[str, FileStatus] = {}
    real = host.real_path(path)
    try:
        for written in (path, real):
            for directory in _parents(written):
                chain.setdefault(directory, host.status(directory))
        return PathStatus((*chain.values(), host.status(real)))
    except PermissionError as error:
        raise Unknown(f"{path} cannot be looked at without root (use sudo)") from error
    except NotADirectoryError as error:
        raise FileNotFoundError(*error.args) from error


def find_path(host: Host, path: str) -> PathStatus | None:
    """The same; None where there is nothing or it may not be looked at."""
    try:
        return path_status(host, path)
    except (OSError, Unknown):
        return None


def _parents(path: str) -> list[str]:
    """`/`, `/srv`, … up to the directory of the path, outermost first."""
    found: list[str] = []
    directory = posixpath.dirname(posixpath.normpath(path))
    while directory not in found:
        found.append(directory)
        directory = posixpath.dirname(directory)
    return found[::-1]
