"""Where tokens lie: who can come at the file TabbyAPI reads, and files it does not read."""

from __future__ import annotations

import posixpath

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.paths import find_path, path_status
from tabbydoctor.deployment.reader import reader, teller
from tabbydoctor.host import Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

_TOKENS, _OLD_NAME = "api_tokens.yml", "api_keys.yml"


@dataclass(frozen=True, slots=True)
class TokenPaths:
    """The tokens file and its directory, each with all that leads to it."""

    file: PathStatus | None
    """As TabbyAPI finds it. None where there is no file."""
    directory: PathStatus | None
    """None where there is no such directory."""
    strays: tuple[str, ...] = ()
    """Files that look like tokens in places where TabbyAPI does not look."""
    closed_strays: tuple[str, ...] = ()
    """Those that TabbyAPI's account cannot read, and others than root may have put there, or are
    alone in naming."""
    outside: PathStatus | None = None
    """Of a file that is mounted into a container: as this machine's accounts find it."""
    beside_main: str = ""
    """The one of them beside main.py, where the working directory is another; else empty."""

    @property
    def on_machine(self) -> PathStatus | None:
        """The file as this machine's accounts find it; None where there is none."""
        return self.outside or self.file


def token_paths(
    host: Host, instance: Instance, tokens: Tokens, config: EffectiveConfig | None
) -> TokenPaths:
    """Look at the way to the tokens. Raises Unknown where that needs root."""
    strays = tuple(_strays(host, instance, tokens, config))
    beside_main = posixpath.join(instance.main_directory, _TOKENS)
    own = instance.path(_TOKENS)
    mounted = instance.contained is not None and tokens.path == instance.outside(own) != own
    seen = own if mounted else tokens.path
    return TokenPaths(
        file=path_status(host, seen) if tokens.status else None,
        directory=_directory(host, posixpath.dirname(seen)),
        outside=_directory(host, tokens.path) if mounted else None,
        strays=strays,
        closed_strays=tuple(path for path in strays if _closed(host, path, instance)),
        beside_main=beside_main if beside_main in strays else "",
    )


def _directory(host: Host, path: str) -> PathStatus | None:
    try:
        return path_status(host, path)
    except FileNotFoundError:
        return None


def _strays(
    host: Host, instance: Instance, tokens: Tokens, config: EffectiveConfig | None
) -> list[str]:
    beside = config.config_argument if config else None
    directories = {instance.main_directory}
    if beside:
        directories.add(posixpath.dirname(beside))
    places = [posixpath.join(instance.directory, _OLD_NAME)]
    places += [posixpath.join(directory, _TOKENS) for directory in sorted(directories)]
    # Its own is read whichever file the user names.
    own = posixpath.join(instance.directory, _TOKENS)
    read = {host.real_path(path) for path in (tokens.path, own)}
    return [
        path
        for path in dict.fromkeys(places)
        if host.real_path(path) not in read and find_path(host, path) is not None
    ]


def _closed(host: Host, path: str, instance: Instance) -> bool:
    way, user = find_path(host, path), reader(host, instance)
    if way is None or user is None or not (way.shaper or teller(host, instance)):
        return False
    return way.denied_at(user.uid, {user.gid, *user.groups}, "r") is not None


GATHERERS = (token_paths,)
