"""The requests by which it is seen what a gateway does: those that TabbyAPI's callers send."""

from __future__ import annotations

import re

COMPLETION = "/v1/chat/completions"
_TAILS = ("chat/completions", "completions", "models")
"""What OpenAI's clients ask for below their base URL."""
_SERVED = re.compile(
    r"/v1/(chat/completions|completions|embeddings|messages|responses|download)"
    r"|/v1/(models?|loras?|templates?|sampling|token|auth|internal)(/[\w.-]+){0,3}"
    r"|/api/(v1|latest|extra)/[a-z_/]+|/sdapi/v1/[a-z-]+"
    r"|/health|/metrics|/docs|/openapi\.json|/\.well-known/serviceinfo"
)


def below(prefix: str) -> tuple[str, ...]:
    """The paths that callers ask for below a prefix that a gateway passes on.

    A prefix that ends in /v1 is a base URL itself; below any other, /v1 may be part of it or not.
    """
    base = prefix.rstrip("/")
    tails = [f"{base}/{tail}" for tail in _TAILS]
    if base.endswith("/v1"):
        return tuple(tails)
    return (*(f"{base}/v1/{tail}" for tail in _TAILS), *tails)


def is_served(path: str) -> bool:
    """Whether TabbyAPI has a route of that kind: OpenAI's below /v1, Kobold's below /api."""
    return _SERVED.fullmatch(path.partition("?")[0]) is not None


def generates(path: str) -> bool:
    """Whether an answer may take minutes: not that of a health route, or of a list of models."""
    return path.endswith(("completions", "messages", "responses")) or not is_served(path)


def best(pairs: list[tuple[str, str]]) -> tuple[str, str]:
    """The request that shows most, of (path asked for, path passed on): a completion, else one
    that TabbyAPI serves.
    """
    return min(pairs, key=lambda pair: (pair[1] != COMPLETION, not is_served(pair[1])))


def misses(pairs: list[tuple[str, str]]) -> bool:
    """Whether none of some requests comes to what TabbyAPI serves."""
    telling = [sent for asked, sent in pairs if (asked, sent) != ("/", "/")]
    return bool(telling) and not any(map(is_served, telling))
