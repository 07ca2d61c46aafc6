"""Which file a gateway's command line begins with: what its options name, else the usual one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tabbydoctor.host import Host


@dataclass(frozen=True, slots=True)
class _Program:
    """How a gateway is told its configuration."""

    options: tuple[str, ...]
    usual: tuple[str, ...]
    """Where it looks without, the first that is there."""


_PROGRAMS: Mapping[str, _Program] = {
    "nginx": _Program(("-c",), ("/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf")),
    "haproxy": _Program(("-f", "--"), ("/etc/haproxy/haproxy.cfg",)),
    "caddy": _Program(("--config", "-config", "-c"), ("Caddyfile", "/etc/caddy/Caddyfile")),
}
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


def gateway_command(words: Sequence[str], directory: str, host: Host) -> tuple[str, str] | None:
    """(file, kind) of a command that runs a gateway; None where it runs none, or the file is not
    there.
    """
    if len(words) == 1 and " " in words[0]:
        title = _TITLE.match(words[0])
        words = words[0][title.end() :].split() if title else words[0].split()
        words = words or ([title[1]] if title else [])
    for at, word in enumerate(words[:3]):
        name = posixpath.basename(word).rstrip(":")
        program = _PROGRAMS.get(name)
        if program is not None:
            given = _named(words[at + 1 :], program.options)
            for path in (given,) if given else program.usual:
                whole = posixpath.normpath(posixpath.join(directory, path))
                if _is_file(host, whole):
                    return whole, name
            return None
    return None


def _named(words: Sequence[str], options: tuple[str, ...]) -> str:
    for at, word in enumerate(words):
        name, given, value = word.partition("=")
        if given and name in options:
            return value
        if word in options and at + 1 < len(words):
            return words[at + 1]
    return ""


def _is_file(host: Host, path: str) -> bool:
    try:
        return host.status(path).is_file
    except (OSError, ValueError):
        return False
