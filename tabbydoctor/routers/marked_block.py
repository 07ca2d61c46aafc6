"""The marked block of functions that a wired router calls: finding it, and what it holds.

Reading a router goes past the block: what its functions do is known (`marked_functions`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from tabbydoctor.records import dataclass

BEGIN = "# >>> tabbydoctor: sends TabbyAPI its API key, and no other server"
END = "# <<< tabbydoctor"
BLOCK = re.compile(
    r"^# >>> tabbydoctor\b(?:(?!^# >>> tabbydoctor\b).)*?"
    r"^# <<< tabbydoctor[^\r\n]*(?:\r\n|\r|\n|\Z)",
    re.M | re.S,
)
CREDENTIALS, VARIABLE = "CREDENTIALS_DIRECTORY", "TABBY_API_KEY"
_ADDRESSES = re.compile(r"^_TABBY_ADDRESSES = (\{.*\})", re.M)
_TOKENS = re.compile(r"^_TABBY_TOKENS = (.+?)\r?$", re.M)
_VARIABLE = re.compile(rf"environ\.get\(\"{VARIABLE}\"")
_FUNCTION = re.compile(r"^(?:async )?def (_tabby_\w+)", re.M)


@dataclass(frozen=True, slots=True)
class MarkedBlock:
    """What the block of one router says."""

    functions: tuple[str, ...]
    addresses: frozenset[tuple[str, int]]
    """(host, port) of the servers that are sent the key; `localhost` for this machine."""
    tokens_path: str
    """The file the key is read from; empty where it comes from the environment."""
    line: int
    """The line that tells where the key is from."""
    overrides: bool
    """Whether whatever key a request carries gives way; an older block let a key stay."""

    @property
    def outdated(self) -> bool:
        """Whether it lets requests keep what a caller sent, or an admin key."""
        return "_tabby_authorize" in self.functions and "_tabby_keys" not in self.functions

    @property
    def reads_files(self) -> Mapping[str, int]:
        """Files it opens -> line."""
        return {self.tokens_path: self.line} if self.tokens_path else {}

    @property
    def reads_environment(self) -> Mapping[str, int]:
        """Environment variables it reads -> line."""
        return {} if self.tokens_path else {VARIABLE: self.line, CREDENTIALS: self.line}


def marked_block(text: str) -> MarkedBlock | None:
    """The block of a source; None where it has none, or one that holds no address or key."""
    block = BLOCK.search(text)
    if block is None:
        return None
    tokens, variable = _TOKENS.search(block[0]), _VARIABLE.search(block[0])
    key = tokens or variable
    if key is None:
        return None
    above = text[: block.start() + key.start()]
    return MarkedBlock(
        tuple(_FUNCTION.findall(block[0])),
        _addresses(block[0]),
        _path(tokens[1]) if tokens else "",
        len(re.findall(r"\r\n|\r|\n", above)) + 1,
        "in the place of whatever key they carry" in block[0],
    )


def _addresses(block: str) -> frozenset[tuple[str, int]]:
    found = _ADDRESSES.search(block)
    try:
        return frozenset(ast.literal_eval(found[1])) if found else frozenset()
    except (ValueError, SyntaxError, TypeError):
        return frozenset()


def _path(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return literal.strip("\"'")


def legible(text: str) -> str:
    """The text without the block, in as many lines as before."""
    return BLOCK.sub(lambda block: "".join(re.findall(r"\r\n|\r|\n", block[0])), text)
