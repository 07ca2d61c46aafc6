"""The marked block of functions that a wired router calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Literal
from urllib.parse import urlsplit

from tabbydoctor.routers.marked_block import BEGIN, BLOCK, END
from tabbydoctor.routers.urls import server
from tabbydoctor.routers.wiring.source import lines_of, newline_of, quoted

KeyFrom = Literal["tokens", "environment"]
_ASKING = ("request", "probe", "async_probe", "aiohttp", "litellm", "handed")
ASKING = [f"_tabby_{name}" for name in _ASKING]
"""Those of its functions that stand where a request is made, and give it the key."""


@cache
def _parts() -> Mapping[str, str]:
    """The text of each part: the function `_tabby_` and its name, with those of its own."""
    folder = resources.files("tabbydoctor.routers.wiring").joinpath("helper")
    found = {file.name.partition(".")[0]: file for file in folder.iterdir() if file.is_file()}
    return {name: found[name].read_text("utf-8").strip("\n") + "\n" for name in sorted(found)}


def called(text: str) -> set[str]:
    """The parts of the block that a text's lines outside of the block call; `key` reads the key."""
    names = re.findall(r"\b_tabby_(\w+)", BLOCK.sub("", text))
    return {"key" if name == "keys" else name for name in names} & {*_parts(), "key"}


def rendered(
    parts: Iterable[str], key: KeyFrom, tabby_urls: Iterable[str], tokens_path: str, *,
    manages: bool = False,
) -> str:  # fmt: skip
    """The block with some parts and all they call.

    `manages`: the router manages models with a key of its own, which its calls keep.
    """
    needed: set[str] = set()
    waiting = [*parts]
    while waiting:
        part = waiting.pop()
        part = key if part == "key" else part
        if part not in needed:
            needed.add(part)
            waiting += called(_parts()[part])
    if manages and "authorize" in needed:
        needed.add("managing")
    addresses = sorted({_address(url) for url in tabby_urls})
    body = "\n\n".join(text for name, text in _parts().items() if name in needed)
    for name, value in {
        "ADDRESSES_HERE": "{" + ", ".join(f'("{host}", {port})' for host, port in addresses) + "}",
        "TOKENS_HERE": quoted(tokens_path),
    }.items():
        body = body.replace(name, value)
    return f"{BEGIN}\n{body}{END}\n"


def _address(url: str) -> tuple[str, int]:
    """As the helper's `_tabby_address` tells it. Raises ValueError for what is no URL."""
    found = server(url if "://" in url else f"//{url}")
    if found is None or not urlsplit(url).scheme:
        raise ValueError(f"{url!r} is not a URL")
    return found


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
    above, below = "".join(lines[:at]), "".join(lines[at:])
    if above:
        above += newline if above.endswith(("\n", "\r")) else newline * 2
    blank = not below.split("\n")[0].strip()
    return above + block + ("" if blank else newline) + below


def _below_imports(text: str) -> int:
    """How many lines the docstring and the first run of imports take."""
    last = 0
    for node in ast.parse(text).body:
        docstring = not last and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (docstring or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        last = node.end_lineno or last
    return last
