"""The directory into which TabbyAPI opens a log before anything else."""

from __future__ import annotations

import posixpath

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.paths import path_status
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass


@dataclass(frozen=True, slots=True)
class LogDirectory:
    """`logs/` of the working directory."""

    path: str
    way: PathStatus
    """To it; where there is none yet, to the working directory, in which it is to be made."""
    exists: bool


def log_directory(host: Host, instance: Instance) -> LogDirectory:
    """Look at it. Raises Absent where there is no working directory either."""
    path = posixpath.join(instance.directory, "logs")
    try:
        return LogDirectory(path, path_status(host, path), exists=True)
    except FileNotFoundError:
        pass
    try:
        return LogDirectory(path, path_status(host, instance.directory), exists=False)
    except FileNotFoundError as error:
        raise Absent(f"{instance.directory} is not there") from error


GATHERERS = (log_directory,)
