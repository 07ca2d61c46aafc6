"""A key cannot be sent in an HTTP header.

## What it checks
Every key is printable ASCII without spaces.

## Why it matters
TabbyAPI cuts a Bearer token at the first space, and most clients refuse to send anything but
ASCII in a header: such a key is right and yet never accepted.

## How it is told
By the characters of the keys. They are not shown, only which key it is. A block text in YAML
(`api_key: |`) ends with a line break, which is such a character.

## What to do
Replace the key by one of letters and digits.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

from . import require_auth, require_read


@check(
    "TOK006",
    "tokens-unsendable",
    category="tokens",
    severity=Severity.ERROR,
)
def unsendable(tokens: Tokens, config: EffectiveConfig) -> Iterator[Finding]:
    require_auth(config)
    require_read(tokens)
    named = [
        (f"api_key[{number}]" if tokens.is_list else "api_key", key)
        for number, key in enumerate(tokens.api_keys)
    ]
    named.append(("admin_key", tokens.admin_key or ""))
    bad = [(name, _reason(key)) for name, key in named if _reason(key)]
    if bad:
        names = ", ".join(name for name, _ in bad[:5]) + (", …" if len(bad) > 5 else "")
        yield Finding(
            f"{tokens.path}: {names} cannot be sent",
            "A key of printable ASCII without spaces is needed: "
            "clients refuse to send others, or TabbyAPI cuts them.",
            tuple(
                Evidence(f"{tokens.path} {name}", "printable ASCII without spaces", reason)
                for name, reason in bad[:5]
            ),
            (
                Remedy(
                    "Replace it, for example by what the first command prints",
                    commands=("openssl rand -hex 16", f"sudoedit {shlex.quote(tokens.path)}"),
                ),
            ),
        )


def _reason(key: str) -> str:
    if not key or re.fullmatch(r"[!-~]+", key):
        return ""
    if "\n" in key or "\r" in key:
        return "a line break"
    if not key.isascii():
        return "a character that is not ASCII"
    return "a space" if " " in key else "a control character"
