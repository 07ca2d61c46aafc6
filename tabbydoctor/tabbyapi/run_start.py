"""What changed on disk since TabbyAPI was started."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

_SLACK = 2.0  # seconds: the clocks of boot time and file system do not agree to the last


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """Files that TabbyAPI read at its start and that changed afterwards."""

    started: float
    """Seconds since the epoch."""
    config_files: tuple[str, ...] = ()
    tokens: bool = False


def changed_since(
    host: Host, instance: Instance, config: EffectiveConfig | None, tokens: Tokens | None
) -> ChangedSince:
    """Compare times. Raises Absent where TabbyAPI is not running, Unknown where its files are in a
    container that may not be looked into."""
    started = _started(host, instance)
    paths = [file.path for file in config.files if file.problem != "missing"] if config else []
    changed = [path for path in paths if _changed(host, path) > started + _SLACK]
    newer = tokens is not None and _changed(host, tokens.path) > started + _SLACK
    if instance.contained and instance.contained.closed and tokens is None and not changed:
        raise Unknown(f"what changed inside {instance.container} is seen by root alone (use sudo)")
    return ChangedSince(started, tuple(changed), newer)


def _started(host: Host, instance: Instance) -> float:
    if instance.process and instance.process.started:
        return instance.process.started
    if instance.unit and instance.unit.active and instance.unit.started:
        return host.boot_time() + instance.unit.started / 1e6
    raise Absent("TabbyAPI is not running")


def _changed(host: Host, path: str) -> float:
    """The last change: a file put in place by rename may keep an old modification time."""
    try:
        status = host.status(path)
    except OSError:
        return 0.0
    return max(status.modified, status.changed)


GATHERERS = (changed_since,)
