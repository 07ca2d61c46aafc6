"""Having a program's own parser look at what was written, before the program itself is told."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tabbydoctor.host.commands import run
from tabbydoctor.redaction import redact
from tabbydoctor.repair.changes import Parser

TIME_LIMIT = 60.0
_SHOWN = 600


def refusals(parsers: Iterable[Parser]) -> tuple[str, ...]:
    """What each of them says that does not accept its files, one redacted line each."""
    return tuple(said for one in parsers if (said := _refusal(one)))


def _refusal(parser: Parser) -> str:
    own = os.geteuid() == 0 and parser.uid != 0
    account = (parser.uid, parser.gid, parser.groups) if own else None
    result = run(
        parser.argv, timeout=TIME_LIMIT, limit=1 << 16, line_limit=None,
        account=account, variables=parser.environment,
    )  # fmt: skip
    if result.code == 0 and not result.timed_out:
        return ""
    why = " ".join(redact(result.stderr or result.stdout).split())[-_SHOWN:]
    why = f"not done after {TIME_LIMIT:g} seconds" if result.timed_out else why
    return redact(f"{parser} refuses it: {why or f'exit status {result.code}'}")
