"""The modules of a router's program: what its entry file imports, and what these import in turn.

They are its own alone: nothing that is installed, nothing of Python's library.
"""

from __future__ import annotations

import posixpath
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import entry
from tabbydoctor.source.imports import candidates

MOST = 400
"""Modules that are read."""
ROOM = 8 << 20
"""Bytes of all of them together."""
_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]{1,9}(?P<level>\.{0,20})[ \t]{0,9}(?P<module>[\w.]{0,400})"
    r"[ \t]{1,9}import\b[ \t]*(?P<names>\([^)]{0,4000}\)|(?:\\\n|[^\n;])*)"
    r"|import[ \t]+(?P<plain>(?:\\\n|[^\n;])*))"
    r"|\b(?:import_module|import_string|from_object)\(\s*['\"](?P<asked>[\w.]{1,400})['\"]"
    r"|['\"](?P<served>[A-Za-z_][\w.]{0,200}):[A-Za-z_]\w{0,100}['\"]",
    re.M,
)
"""An import, wherever it stands; one that a string shows is taken for one, too."""


@dataclass(slots=True)
class Modules:
    """The modules of one program, read breadth first."""

    host: Host
    """Who reads them: the account that the router runs as, where that is known."""
    roots: Sequence[str]
    files: dict[str, str] = field(default_factory=dict)
    """Path -> text, without the entry file."""
    cuts: list[str] = field(default_factory=list)
    """What is not read and why, in words."""
    _names: dict[str, frozenset[str] | None] = field(default_factory=dict)
    _room: int = ROOM

    @classmethod
    def of(
        cls, host: Host, path: str, text: str, roots: Sequence[str] = (), most: int = MOST
    ) -> Modules:
        """Those that the program needs which begins with a file. No more than `most` are read."""
        here = posixpath.dirname(path)
        roots = roots or (here, entry.outermost(host, path))
        # What adds a place to import from means the directory above it, as a rule.
        further = (posixpath.dirname(here),) if "sys.path." in text else ()
        found = cls(host, tuple(dict.fromkeys((*roots, *further))))
        seen, waiting = {path}, deque(found._imported(path, text))
        while waiting:
            place = waiting.popleft()
            if place in seen:
                continue
            seen.add(place)
            if len(found.files) >= most or found._room <= 0:
                found.cuts.append(f"{place} and what it needs are not read: there is too much")
                break
            if module := found._read(place):
                waiting.extend(found._imported(place, module))
        return found

    def _read(self, path: str) -> str:
        try:
            content = self.host.read(path, min(self._room, 1 << 20))
        except (OSError, ValueError):
            self.cuts.append(f"{path} cannot be read")
            return ""
        if content.truncated:
            self.cuts.append(f"{path} is too large to be read")
            return ""
        self.files[path] = content.text()
        self._room -= len(content.data)
        return self.files[path]

    def _imported(self, importer: str, text: str) -> Iterator[str]:
        """The files of what a module imports, and of the packages that it stands in itself."""
        here = posixpath.dirname(importer)
        inside = (root for root in self.roots if here.startswith(f"{root.rstrip('/')}/"))
        own = [(0, posixpath.relpath(here, root).replace("/", "."), ()) for root in inside]
        for level, module, names in (*own, *_imports(text)):
            parts = module.split(".") if module else []
            ways = [".".join(parts[: n + 1]) for n in range(len(parts))] or [""]
            for way in (*ways, *(".".join((*parts, name)) for name in names)):
                places = candidates(importer, self.roots, level, way)
                yield from islice(filter(self._is_there, places), 1)

    def _is_there(self, path: str) -> bool:
        """By what its directories hold, each looked at once: most imports are of what is not."""
        for each in (posixpath.dirname(path), path):
            above, name = posixpath.split(each)
            held = self._held(above) if above != each else None
            if held is not None and name not in held:
                return False
        return not entry.installed(path) and entry.is_file(self.host, path)

    def _held(self, directory: str) -> frozenset[str] | None:
        """The names in a directory; None where they may not be listed."""
        if directory not in self._names:
            try:
                self._names[directory] = frozenset(self.host.names(directory))
            except (FileNotFoundError, NotADirectoryError):
                self._names[directory] = frozenset()
            except (OSError, ValueError):
                self._names[directory] = None
            if directory not in self.roots and "pyvenv.cfg" in (self._names[directory] or ()):
                self._names[directory] = frozenset()  # an environment inside of the project
        return self._names[directory]


@lru_cache(maxsize=1024)
def _imports(text: str) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """(dots, module, names) of each import of a source."""
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for each in _IMPORT.finditer(text):
        if asked := each["asked"] or each["served"] or "":
            name = asked.lstrip(".")
            found.append((len(asked) - len(name), name, ()))
        elif each["plain"] is not None:
            found += [(0, name, ()) for name in _listed(each["plain"])]
        else:
            level = (each["level"] or "").count(".")
            found.append((level, each["module"] or "", _listed(each["names"])))
    return tuple(dict.fromkeys(found))


def _listed(names: str) -> tuple[str, ...]:
    """`a, b as c` without what they are called."""
    plain = re.sub(r"#[^\n]*|[()\\]", " ", names)
    words = (part.split() for part in plain.split(","))
    return tuple(word[0] for word in words if word and re.fullmatch(r"[\w.]+", word[0]))
