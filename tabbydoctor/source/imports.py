"""Where the modules that a source imports may lie."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence


def candidates(importer: str, roots: Sequence[str], level: int, module: str) -> Iterator[str]:
    """The paths at which Python looks for a module, in its order.

    `importer` is the absolute path of the file with the import; `roots` the directories that
    absolute imports start from (the first entries of `sys.path`); `level` the leading dots.
    """
    starts: Sequence[str] = roots
    if level:
        start = posixpath.dirname(importer)
        for _ in range(level - 1):
            start = posixpath.dirname(start)
        starts = (start,)
    for start in starts:
        place = posixpath.join(start, *module.split(".")) if module else start
        yield f"{place}/__init__.py"
        if module:
            yield f"{place}.py"
