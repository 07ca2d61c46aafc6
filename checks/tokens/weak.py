"""A key protects less than it should.

## What it checks
`api_key` is empty or an empty list, equal to `admin_key`, or short enough to be guessed.

## Why it matters
An empty key is one that everybody has: TabbyAPI splits the header `Authorization: Bearer  x`
at each space, finds nothing between the two, and lets the request in. With an empty list only the
admin key works. A client whose key is the admin key can load and unload models. A short key is
found by trying.

## How it is told
By the keys' lengths, by a few words everyone tries first, and by comparing them. They are not
shown.

## What to do
Use keys of 32 hexadecimal digits, as TabbyAPI makes them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.redaction.standins import GUESSED_FIRST
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

from . import require_auth, require_read

SHORTEST = 8


@check("TOK010", "tokens-weak", category="tokens", severity=Severity.WARNING)
def weak(tokens: Tokens, config: EffectiveConfig) -> Iterator[Finding]:
    require_auth(config)
    require_read(tokens)
    if tokens.problem:
        return
    for title, expected, actual in _empty(tokens):
        yield _finding(tokens, title, expected, actual, Severity.ERROR)
    for title, expected, actual in _weaknesses(tokens):
        yield _finding(tokens, title, expected, actual, None)


def _finding(
    tokens: Tokens, title: str, expected: str, actual: str, severity: Severity | None
) -> Finding:
    return Finding(
        f"{tokens.path}: {title}",
        "A key made by the first command below is safe; every client must be given it.",
        (Evidence(tokens.path, expected, actual),),
        (
            Remedy(
                "Replace it",
                commands=("openssl rand -hex 16", f"sudoedit {shlex.quote(tokens.path)}"),
            ),
        ),
        severity=severity,
    )


def _empty(tokens: Tokens) -> Iterator[tuple[str, str, str]]:
    """Keys that every request has: two spaces after `Bearer` (TabbyAPI's common/auth.py)."""
    admits = "a request with two spaces after Bearer is let in"
    if tokens.empty_api_key:
        what = "api_key holds an empty key" if tokens.is_list else "api_key is empty"
        yield f"{what}, and everybody has that", "no empty key", admits
    if tokens.admin_key == "":
        yield "admin_key is empty, and everybody has that", "no empty key", f"{admits} as admin"


def _weaknesses(tokens: Tokens) -> Iterator[tuple[str, str, str]]:
    if tokens.is_list and not tokens.api_keys and not tokens.empty_api_key:
        yield "api_key is an empty list", "at least one key", "api_key is an empty list"
    if tokens.admin_key and tokens.admin_key in tokens.api_keys:
        yield (
            "api_key and admin_key are the same",
            "two different keys",
            "every client is an administrator",
        )
    guessable = [
        name
        for name, keys in (("api_key", tokens.api_keys), ("admin_key", (tokens.admin_key or "",)))
        if any(key and _guessable(key) for key in keys)
    ]
    if guessable:
        names = " and ".join(guessable)
        yield (
            f"{names} can be guessed",
            f"{SHORTEST} characters or more",
            "shorter, or a usual word",
        )


def _guessable(key: str) -> bool:
    return len(key) < SHORTEST or key.lower() in GUESSED_FIRST
