"""Which file a gateway's command line begins with: what its options name, else the usual one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from tabbydoctor.host import Host
from tabbydoctor.records import dataclass


@dataclass(frozen=True, slots=True)
class _Program:
    """How a gateway is told its configuration."""

    options: tuple[str, ...]
    usual: tuple[str, ...]
    """Where it looks without, the first that is there."""
    further: tuple[str, ...] = ()
    """Options that name what counts where there is no such file."""
    resumed: tuple[str, ...] = ()
    """What `--resume` has it begin with: of the distributions' account, of the container image."""


_PROGRAMS: Mapping[str, _Program] = {
    "nginx": _Program(("-c",), ("/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf")),
    "haproxy": _Program(("-f", "--"), ("/etc/haproxy/haproxy.cfg",)),
    "caddy": _Program(
        ("--config", "-config", "-c"),
        ("Caddyfile", "/etc/caddy/Caddyfile"),
        resumed=("/var/lib/caddy/.config/caddy/autosave.json", "/config/caddy/autosave.json"),
    ),
    "traefik": _Program(
        ("--configfile", "-configfile"),
        (
            *(f"/etc/traefik/traefik.{ending}" for ending in ("yml", "yaml", "toml")),
            *(f"traefik.{ending}" for ending in ("yml", "yaml", "toml")),
        ),
        ("--providers.file.filename", "--providers.file.directory"),
    ),
}
_ENDINGS = (".cfg", ".yml", ".yaml", ".toml")
"""How the files end that count of a directory."""
_TITLE = re.compile(r"(\w+): (?:master process|worker process)\s*")
"""What nginx writes over its command line."""


_REFERENCE = re.compile(r"\$\{(\w+)\}")


def expanded(words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """A unit's command line with its variables put in: `$NAME` as a word of its own is as many
    words as its value has (systemd.service(5), "Command lines"). Unknown ones stay.
    """
    found: list[str] = []
    for word in words:
        alone = re.fullmatch(r"\$(\w+)", word)
        if alone and alone[1] in environment:
            found += environment[alone[1]].split()
        else:
            found.append(_REFERENCE.sub(lambda one: environment.get(one[1], one[0]), word))
    return found


def gateway_command(
    words: Sequence[str], directory: str, host: Host, root: str = ""
) -> tuple[str, str] | None:
    """(file, kind) of a command that runs a gateway; None where it runs none, or the file is not
    there. `root` is what its paths begin below: a container's.
    """
    if len(words) == 1 and " " in words[0]:
        title = _TITLE.match(words[0])
        words = words[0][title.end() :].split() if title else words[0].split()
        words = words or ([title[1]] if title else [])
    for at, word in enumerate(words[:3]):
        name = posixpath.basename(word).rstrip(":")
        program = _PROGRAMS.get(name)
        if program is not None:
            found = (
                _file(host, directory, path, root) for path in _places(words[at + 1 :], program)
            )
            return next(((path, name) for path in found if path), None)
    return None


def _places(words: Sequence[str], program: _Program) -> Iterator[str]:
    """Where its configuration may be: what is named for it, else where it looks."""
    if program.resumed and "--resume" in words:
        yield from program.resumed
    given = _named(words, program.options)
    yield from (given,) if given else program.usual
    yield from filter(None, (_named(words, (option,)) for option in program.further))


def _file(host: Host, directory: str, path: str, root: str) -> str:
    """The file at a place, the first of a directory; empty where there is none."""
    whole = root + posixpath.normpath(posixpath.join(directory, path))
    try:
        status = host.status(whole)
        if status.is_file:
            return whole
        names = host.names(whole) if status.is_directory else []
    except (OSError, ValueError):
        return ""
    return next((f"{whole}/{name}" for name in names if name.endswith(_ENDINGS)), "")


def _named(words: Sequence[str], options: tuple[str, ...]) -> str:
    for at, word in enumerate(words):
        name, given, value = word.partition("=")
        if given and name.lower() in options:
            return value
        if word.lower() in options and at + 1 < len(words):
            return words[at + 1]
    return ""
