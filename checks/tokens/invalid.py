"""The tokens file is YAML, but not what TabbyAPI takes.

## What it checks
`api_key` is text (or a list of texts, where the installed version takes lists), `admin_key`
is text, both are there, and the path is a file.

## Why it matters
TabbyAPI exits with status 1, and only after the model was loaded; its log then quotes the
keys.

## How it is told
The file is validated as TabbyAPI does. A key of digits only is read as a number, an empty
value as nothing: the sample file copied as it is has two of those.

## What to do
Put quotes around keys that look like numbers, and fill in what is missing. Or remove the file:
TabbyAPI makes a new one, with new keys, at its next start.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Remedy, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.tokens import Tokens

from ..key_rotation import rotation
from . import place, require_auth, require_read, start


@check(
    "TOK003",
    "tokens-invalid",
    category="tokens",
    severity=Severity.ERROR,
    caused_by=("SVC013", "CTR001"),
)
def invalid(tokens: Tokens, config: EffectiveConfig, instance: Instance) -> Iterator[Finding]:
    require_auth(config)
    require_read(tokens)
    if tokens.problem != "invalid":
        return
    quoted = shlex.quote(tokens.path)
    if tokens.status and not tokens.status.is_file:
        remedies: tuple[Remedy, ...] = (
            Remedy(
                "Move it out of the way",
                commands=(f"sudo mv -T {quoted} {quoted}.moved", *start(instance)),
            ),
        )
    else:
        edit = Remedy("Correct the file", commands=(f"sudoedit {quoted}", *start(instance)))
        remedies = (edit, rotation(instance, tokens))
    yield Finding(
        f"TabbyAPI will not start with {place(tokens)}",
        f"It does not take the file: {tokens.detail}.",
        (Evidence(place(tokens), "text in api_key and in admin_key", tokens.detail),),
        remedies,
    )
