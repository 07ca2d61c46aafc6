"""The marked block of functions that a wired router calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Literal
from urllib.parse import urlsplit

from tabbydoctor.routers.marked_block import BEGIN, BLOCK, END
from tabbydoctor.routers.urls import server
from tabbydoctor.routers.wiring.source import lines_of, newline_of

KeyFrom = Literal["tokens", "environment"]
FUNCTIONS = {
    "_tabby_key": "key",
    "_tabby_auth": "auth",
    "_tabby_session": "session",
    "_tabby_trace": "trace",
    "_tabby_http": "http",
    "_tabby_async_http": "async_http",
    "_tabby_request": "request",
    "_tabby_connection": "connection",
    "_tabby_serves": "serves",
    "_tabby_probe": "probe",
    "_tabby_async_probe": "async_probe",
    "_tabby_models": "models",
    "_tabby_kept": "kept",
    "_tabby_open": "open",
}
"""What a router's own lines may call, and the part of the block that holds it."""
ASKING = ("_tabby_request", "_tabby_probe", "_tabby_async_probe")
"""Those that stand where a request is made, and give it the key."""
_NEEDS = {
    "auth": ("address", "authorize"),
    "session": ("auth",),
    "trace": ("address", "authorize"),
    "http": ("auth",),
    "async_http": ("auth",),
    "request": ("address", "authorize"),
    "connection": ("address", "authorize"),
    "serves": ("address",),
    "models": ("address",),
    "probe": ("auth",),
    "async_probe": ("auth",),
    "authorize": ("key",),
    "tokens": ("load",),
    "kept": ("load",),
    "open": ("key",),
}
_ORDER = (
    "address",
    "tokens",
    "environment",
    "load",
    "authorize",
    "managing",
    "auth",
    "session",
    "trace",
    "http",
    "async_http",
    "request",
    "connection",
    "serves",
    "models",
    "probe",
    "async_probe",
    "kept",
    "open",
)


def called(text: str) -> set[str]:
    """The parts of the block that the lines outside of it call."""
    outside = BLOCK.sub("", text)
    return {part for name, part in FUNCTIONS.items() if re.search(rf"\b{name}\b", outside)}


def rendered(
    parts: Iterable[str], key: KeyFrom, tabby_urls: Iterable[str], tokens_path: str, *,
    manages: bool = False,
) -> str:  # fmt: skip
    """The block with some parts and all they need.

    `manages`: the router manages models with a key of its own, which its calls keep.
    """
    needed = _closure(parts, {"key": key})
    if manages and "authorize" in needed:
        needed.add("managing")
    addresses = sorted({_address(url) for url in tabby_urls})
    values = {
        "ADDRESSES_HERE": "{" + ", ".join(f'("{host}", {port})' for host, port in addresses) + "}",
        "TOKENS_HERE": _quoted(tokens_path),
    }
    texts = [_part(part) for part in _ORDER if part in needed]
    body = "\n\n".join(text.strip("\n") + "\n" for text in texts)
    for name, value in values.items():
        body = body.replace(name, value)
    return f"{BEGIN}\n{body}{END}\n"


def _closure(parts: Iterable[str], chosen: Mapping[str, str]) -> set[str]:
    needed: set[str] = set()
    waiting = list(parts)
    while waiting:
        part = waiting.pop()
        part = chosen.get(part, part)
        if part not in needed:
            needed.add(part)
            waiting += _NEEDS.get(part, ())
    return needed


def _address(url: str) -> tuple[str, int]:
    """As the helper's `_tabby_address` tells it. Raises ValueError for what is no URL."""
    found = server(url if "://" in url else f"//{url}")
    if found is None or not urlsplit(url).scheme:
        raise ValueError(f"{url!r} is not a URL")
    return found


def _quoted(text: str) -> str:
    """A Python string of ASCII alone, whatever the file's encoding."""
    return ascii(text) if ascii(text) != f"'{text}'" or '"' in text else f'"{text}"'


def _part(name: str) -> str:
    where = resources.files("tabbydoctor.routers.wiring").joinpath("helper", f"{name}.py.txt")
    return where.read_text(encoding="utf-8")


def placed(text: str, block: str) -> str:
    """The text with the block in it: where one is already, else below the first imports.

    An empty block takes the old one out.
    """
    newline = newline_of(text)
    block = block.replace("\n", newline)
    if BLOCK.search(text):
        return BLOCK.sub(lambda _: block, text, count=1)
    if not block:
        return text
    lines = lines_of(text)
    at = _below_imports(text)
    above = "".join(lines[:at])
    if above and not above.endswith(("\n", "\r")):
        above += newline
    gap = newline if above else ""
    below = "".join(lines[at:])
    blank = not below or not below.split("\n")[0].strip()
    return above + gap + block + ("" if blank else newline) + below


def _below_imports(text: str) -> int:
    """How many lines the docstring and the first run of imports take."""
    last = 0
    for index, node in enumerate(ast.parse(text).body):
        docstring = (
            index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )
        if not (docstring or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        last = node.end_lineno or last
    return last
