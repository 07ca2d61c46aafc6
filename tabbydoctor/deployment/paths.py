"""The status of a path and of everything on the way to it: path_resolution(7)."""

from __future__ import annotations

from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.host.access import PathStatus


def path_status(host: Host, path: str) -> PathStatus:
    """The chain from `/` to the thing itself, links resolved on the way.

    Whoever opens a path searches the directories it is written with and, where one of them
    is a link, those it leads to. Raises FileNotFoundError where there is nothing, Unknown
    where the doctor may not look, or cannot (links without end).
    """
    try:
        return host.way(path)
    except PermissionError as error:
        raise Unknown(f"{path} cannot be looked at without root (use sudo)") from error
    except NotADirectoryError as error:
        raise FileNotFoundError(*error.args) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unknown(f"{path} cannot be looked at: {error.strerror}") from error


def find_path(host: Host, path: str) -> PathStatus | None:
    """The same; None where there is nothing or it may not be looked at."""
    try:
        return path_status(host, path)
    except (OSError, Unknown):
        return None
