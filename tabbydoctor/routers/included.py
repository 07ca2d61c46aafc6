"""The files of a gateway's configuration: what its file includes, and what it is included by."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterator, Sequence

from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field
from tabbydoctor.routers.kind import GivenKind, IncludingKind, RouterKind
from tabbydoctor.routers.patterns import fits

_MOST = 200
_ROOM = 4 << 20
"""Bytes of all of them together."""
_WILD = frozenset("*?[")


@dataclass(slots=True)
class Included:
    """The other files of one configuration."""

    files: dict[str, str] = field(default_factory=dict)
    """Path -> text."""
    cuts: list[str] = field(default_factory=list)
    """What is not read and why, in words."""

    @classmethod
    def of(
        cls,
        host: Host,
        kind: RouterKind | None,
        path: str,
        text: str,
        arguments: Sequence[str] = (),
        directory: str = "",
    ) -> Included:
        """Those that count for a file: what its command line names beside it, else from its main
        file on, where that leads to it.
        """
        given = kind.given(arguments, directory) if isinstance(kind, GivenKind) else ()
        if given:
            return _closure(host, kind, path, text, given)
        if not isinstance(kind, IncludingKind):
            return cls()
        for main in kind.mains:
            if main == path:
                continue
            try:
                first = host.read(main)
            except (OSError, ValueError):
                continue
            found = _closure(host, kind, main, first.text())
            if path in found.files or host.real_path(path) in found.files:
                found.files.pop(path, None)
                found.files[main] = first.text()
                return found
        return _closure(host, kind, path, text)


def _closure(
    host: Host, kind: RouterKind | None, main: str, text: str, given: Sequence[str] = ()
) -> Included:
    found, room = Included(), _ROOM
    waiting = deque([(main, text)])
    while waiting:
        path, held = waiting.popleft()
        named = kind.includes(path, held, main) if isinstance(kind, IncludingKind) else ()
        also, given = given, ()
        for pattern in (*also, *named):
            for each in _named(host, pattern, found):
                if each == main or each in found.files:
                    continue
                if len(found.files) >= _MOST or room <= 0:
                    found.cuts.append(f"{each}: more than {_MOST} files are included")
                    return found
                content = _read(
                    host, each, found, certain=not _WILD & set(pattern) and pattern not in also
                )
                if content is not None:
                    found.files[each] = content
                    room -= len(content)
                    waiting.append((each, content))
    return found


def _named(host: Host, pattern: str, found: Included) -> Iterator[str]:
    """The files that a pattern names; directories are told apart from left to right."""
    pattern = posixpath.normpath(pattern)
    if not _WILD & set(pattern):
        yield pattern
        return
    head, _, tail = pattern.rpartition("/")
    directories = list(_named(host, head, found)) if _WILD & set(head) else [head or "/"]
    for directory in directories[:_MOST]:
        try:
            names = host.names(directory)
        except PermissionError:
            found.cuts.append(f"{directory}, from which it includes, cannot be looked into")
            continue
        except (OSError, ValueError):
            continue
        hidden = tail.startswith(".")
        for name in names:
            if fits(name, tail) and (hidden or not name.startswith(".")):
                yield f"{directory.rstrip('/')}/{name}"


def _read(host: Host, path: str, found: Included, *, certain: bool) -> str | None:
    try:
        content = host.read(path)
    except FileNotFoundError:
        return None  # its kind says so where it is named outright
    except (OSError, ValueError) as error:
        why = "cannot be read without root" if isinstance(error, PermissionError) else "is no file"
        if certain or isinstance(error, PermissionError):
            found.cuts.append(f"{path}, which it includes, {why}")
        return None
    if content.truncated:
        found.cuts.append(f"{path}, which it includes, is too large")
        return None
    return content.text()
