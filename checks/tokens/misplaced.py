"""A tokens file lies where TabbyAPI does not look.

## What it checks
`api_keys.yml` in the working directory, and `api_tokens.yml` beside the `--config` file or
beside main.py where the working directory is another.

## Why it matters
Keys written there do nothing: TabbyAPI reads `api_tokens.yml` in its working directory alone,
and makes one with new keys where it is missing. Clients set up with the keys of the other file
are refused.

## How it is told
By the paths alone.

## What to do
Move the file to where TabbyAPI looks, or remove it. Where it lies beside main.py and the unit's
`WorkingDirectory=` is wrong, correct that, and leave the file where it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, check
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import Tokens


@check(
    "TOK005",
    "tokens-misplaced",
    category="tokens",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.files:place_tokens", Safety.SAFE),
)
def misplaced(tokens: Tokens, paths: TokenPaths) -> Iterator[Finding]:
    for stray in paths.strays:
        source, target = shlex.quote(stray), shlex.quote(tokens.path)
        if tokens.problem == "missing":
            remedies: tuple[Remedy, ...] = (
                Remedy(
                    "Move it where TabbyAPI looks", Safety.SAFE, (f"sudo mv -n {source} {target}",)
                ),
                CURE,
            )
        else:
            remedies = (
                Remedy(
                    "Correct WorkingDirectory= if it is wrong; else remove this file"
                    if stray == paths.beside_main
                    else "Compare the two, and remove the one that is not used",
                    Safety.MANUAL,
                    (f"sudo rm {source}",),
                ),
            )
        yield Finding(
            f"TabbyAPI does not read {stray}",
            f"It reads {tokens.path} alone.",
            (Evidence(stray, tokens.path, "a file that is not read"),),
            remedies,
            caused_by=("SVC007",) if stray == paths.beside_main else None,
        )
