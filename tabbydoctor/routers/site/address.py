"""Where the address under which a router reaches TabbyAPI is written, so that it can be mended."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.documents import python_of

_COMMENT = ("#", ";")


def written_at(urls: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    """Base URL -> `path:line` of the line that sets it; a URL that is nowhere is left out.

    `texts` are files by path, those that overrule others first. A line with host and port
    counts most, then one with the port that names TabbyAPI, then one with the port alone.
    """
    urls = tuple(urls)
    lines = [
        (f"{path}:{n}", line)
        for path, text in texts.items()
        if any(_rank(url, text) is not None for url in urls)
        for n, line in _lines(text)
    ]
    found: dict[str, str] = {}
    for url in urls:
        ranked = [(rank, where) for where, line in lines if (rank := _rank(url, line)) is not None]
        if ranked:
            found[url] = min(ranked, key=lambda each: each[0])[1]
    return found


def unit_texts(site: RouterSite) -> dict[str, str]:
    """The files that set the variables and arguments of its next start, the last word first."""
    if site.unit is None:
        return {}
    given = {file.path: file.text or "" for file in site.unit.environment_files}
    return {**given, **{file.path: file.text for file in reversed(site.unit.files)}}


def _rank(url: str, line: str) -> int | None:
    place = urlsplit(url)
    if place.netloc and re.search(rf"{re.escape(place.netloc)}(?!\d)", line):
        return 0
    if place.port is None or not re.search(rf"(?<![\w.]){place.port}(?![\w.])", line):
        return None
    return 1 if "tabby" in line.lower() else 2


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something: no comments, and of Python no docstrings."""
    silent = _docstrings(text)
    for number, line in enumerate(text.splitlines(), 1):
        if number not in silent and not line.lstrip().startswith(_COMMENT):
            yield number, line


def _docstrings(text: str) -> set[int]:
    try:
        tree = python_of(text)
    except ValueError:
        return set()
    return {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
