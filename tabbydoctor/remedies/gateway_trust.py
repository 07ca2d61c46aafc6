"""Whether a gateway's parser may be run: as root only where all it opens is root's alone."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from tabbydoctor.trust import Untrusted, trusted

_WRITES = re.compile(
    r"^[ \t]*(#|access_log|error_log|pid|lock_file|log|stats|pidfile|chroot|root|alias)\b.*$|#.*$",
    re.MULTILINE,
)
"""Lines that name what a gateway writes or serves: it is not read to judge a configuration."""
_PATH = re.compile(r"(?:^|[\s\"'=,(])(/[^\s;\"'{}(),]+)")
_CODE = re.compile(
    r"(?:load_module|js_import\s+\w+\s+from|js_import|\w+_by_lua_file|perl_require|"
    r"lua-load(?:-per-thread)?)\s+[\"']?([^/\s;\"'$][^\s;\"']*)"
)
"""Programs that are named by a path that begins at a directory of the gateway's own."""
_BELOW = ("/usr/share/nginx", "/usr/lib/nginx", "/usr/local/nginx", "/etc/nginx")


def exchangeable(program: str, texts: Mapping[str, str], *, as_root: bool) -> str:
    """Who besides root could exchange something that a parser opens, in words; empty for nobody.

    `texts` are those of the configuration's files by path. What a parser opens that is not run as
    root, but for these and itself, is its own account's matter.
    """
    try:
        for path in (program, *texts, *(_opened(texts) if as_root else ())):
            if not posixpath.isabs(path):
                return f"{path} is not found"
            wild = re.search(r"[*?\[]", path)
            if wild:
                trusted(posixpath.dirname(path[: wild.start()]), closed=True)
            else:
                trusted(path)
    except (Untrusted, OSError) as error:
        return str(error)
    return ""


def _opened(texts: Mapping[str, str]) -> Iterator[str]:
    """Files that the configuration names."""
    for path, text in texts.items():
        plain = _WRITES.sub("", text)
        for named in {found[1] for found in _PATH.finditer(plain)}:
            if os.path.isfile(named) or re.search(r"[*?]", named):
                yield named
        for code in {found[1] for found in _CODE.finditer(plain)}:
            yield from _found_below((posixpath.dirname(path), *_BELOW), code)


def _found_below(directories: Iterable[str], name: str) -> Iterator[str]:
    found = [f"{one}/{name}" for one in directories if os.path.exists(f"{one}/{name}")]
    yield from found or [name]
