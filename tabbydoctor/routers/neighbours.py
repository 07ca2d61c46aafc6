"""Modules beside a router's source from which it imports: settings, and what works on headers."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping

from tabbydoctor.documents import Unreadable, python_of
from tabbydoctor.host import Host

_SENDS = re.compile(
    r"\b(httpx|requests|aiohttp|openai|urllib3?|http\.client|litellm|websockets|socket)\b"
)
"""A module that sends requests itself is not followed: its lines are not those of the source."""
_LIMIT = 64 << 10
_MOST = 12


def neighbours(host: Host, path: str, text: str) -> Iterator[tuple[str, str]]:
    """Path and text of each module beside a source that it imports names from."""
    for module in list(_imported_from(text))[:_MOST]:
        place = posixpath.join(posixpath.dirname(path), f"{module}.py")
        try:
            found = host.read(place, _LIMIT)
        except (OSError, ValueError):
            continue
        if not found.truncated and not _SENDS.search(found.text()):
            yield place, found.text()


def beside(path: str, files: Mapping[str, str]) -> dict[str, ast.Module]:
    """Those among some files that are modules beside a source, by name."""
    found: dict[str, ast.Module] = {}
    for place, text in files.items():
        directory, name = posixpath.split(place)
        if name.endswith(".py") and place != path and directory == posixpath.dirname(path):
            tree = _parsed(text)
            if tree:
                found[name.removesuffix(".py")] = tree
    return found


def _imported_from(text: str) -> Iterator[str]:
    tree = _parsed(text)
    for node in ast.walk(tree) if tree else ():
        if (
            isinstance(node, ast.ImportFrom)
            and node.level <= 1
            and (node.module or "").isidentifier()
        ):
            yield node.module or ""


def _parsed(text: str) -> ast.Module | None:
    try:
        return python_of(text)
    except Unreadable:
        return None
