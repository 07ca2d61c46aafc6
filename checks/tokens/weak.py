"""A key protects less than it should.

## What it checks
`api_key` is empty or an empty list, equal to `admin_key`, or short enough to be guessed.

## Why it matters
No key matches an empty one: only the admin key works then. A client whose key is the admin key
can load and unload models. A short key is found by trying.

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
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

from . import require_auth, require_read

SHORTEST = 8
_GUESSED_FIRST = {"changeme", "password", "tabbyapi", "12345678", "123456789", "1234567890"}


@check("TOK010", "tokens-weak", category="tokens", severity=Severity.WARNING)
def weak(tokens: Tokens, config: EffectiveConfig) -> Iterator[Finding]:
    require_auth(config)
    require_read(tokens)
    if tokens.problem:
        return
    for title, expected, actual in _weaknesses(tokens):
        yield Finding(
            f"{tokens.path}: {title}",
            "A key made by the first command below is safe; every client must be given it.",
            (Evidence(tokens.path, expected, actual),),
            (
                Remedy(
                    "Replace it",
                    commands=("openssl rand -hex 16", f"sudoedit {shlex.quote(tokens.path)}"),
                ),
            ),
        )


def _weaknesses(tokens: Tokens) -> Iterator[tuple[str, str, str]]:
    if not tokens.api_keys:
        what = "an empty list" if tokens.is_list else "empty"
        yield f"api_key is {what}", "at least one key", f"api_key is {what}"
    if tokens.admin_key and tokens.admin_key in tokens.api_keys:
        yield (
            "api_key and admin_key are the same",
            "two different keys",
            "every client is an administrator",
        )
    guessable = [
        name
        for name, keys in (("api_key", tokens.api_keys), ("admin_key", (tokens.admin_key or "",)))
        if any(_guessable(key) for key in keys)
    ]
    if guessable:
        names = " and ".join(guessable)
        yield (
            f"{names} can be guessed",
            f"{SHORTEST} characters or more",
            "shorter, or a usual word",
        )


def _guessable(key: str) -> bool:
    return len(key) < SHORTEST or key.lower() in _GUESSED_FIRST
