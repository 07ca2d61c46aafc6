"""Which requests of a router are health probes, and what its probes make of a 401."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable

from tabbydoctor.routers import Call, Purpose
from tabbydoctor.routers.suppositions import degraded
from tabbydoctor.source.guards import ANY, Guard, satisfies
from tabbydoctor.source.seen import Seen, Sent
from tabbydoctor.source.values import FALSE, NOTHING, TRUE, Const, List, Place, Symbol, Value

_PROBING = re.compile(
    r"health|read(y|iness)|ping|probe|alive|is_up|available|online|wait_|check|status|monitor|poll"
)
_FORWARDING = re.compile(r"forward|proxy|relay|dispatch|generate|complet")
_STATE_PATHS = ("/health", "/v1/models", "/models", "/v1/model", "/", "", "/v1/auth/permission")
_MANAGING = re.compile(r"/v1/(model|models|lora|template|download|token|sampling)s?/")
_OPEN_PATHS = ("/health", "/.well-known/serviceinfo", "/openapi.json", "/docs", "/")
"""What TabbyAPI answers without a key."""


def is_open(path: str) -> bool:
    """Whether TabbyAPI answers a path without a key."""
    return path.rstrip("/") in _OPEN_PATHS or path in _OPEN_PATHS


def hopeless(call: Call) -> bool:
    """Whether TabbyAPI cannot be relied on to answer a probe with success when it is well.

    It answers HEAD and OPTIONS /health with 405, and a completion with 500 or 503 while no model
    is loaded, with 401 where it names another under inline loading.
    """
    if call.method in ("HEAD", "OPTIONS"):
        return bool(call.path)
    return call.method == "POST" and call.path.endswith("completions")


def purpose_of(sent: Sent, method: str, path: str) -> Purpose:
    """What a request is for."""
    name = sent.function.lower()
    reading = method in ("GET", "HEAD")
    if _PROBING.search(name) and not _FORWARDING.search(name):
        return "probe"
    asked_by = [getattr(node, "name", "").lower() for node in sent.stack]
    if reading and path in _STATE_PATHS and any(_PROBING.search(each) for each in asked_by):
        return "probe"
    if reading and path in _STATE_PATHS:
        return "probe" if is_open(path) or not _hands_on(sent) else "other"
    if _MANAGING.match(path) or reading:
        return "other"
    return "forward"


def _hands_on(sent: Sent) -> bool:
    """Whether the function gives the answer's content on, rather than judging its status."""
    innermost = next((node for node in reversed(sent.stack) if hasattr(node, "name")), None)
    if innermost is None:
        return False
    return _takes_content(innermost)


@functools.lru_cache(maxsize=256)
def _takes_content(function: ast.AST) -> bool:
    """Looked up once for all the requests of a function."""
    content = {"json", "content", "text", "aread", "read", "aiter_bytes", "iter_content"}
    names = {n.attr for n in ast.walk(function) if isinstance(n, ast.Attribute)}
    return bool(names & content)


_STATUS = ("status_code", "status", "code", "getcode()")
_FINE = ("ok", "is_success")
_FAILED = ("is_error", "is_client_error")


def accepting_401(seen: Seen, probes: Iterable[Sent]) -> list[Place]:
    """Where a probe's function comes to the same good verdict on 401 as on 200."""
    found: dict[Place, None] = {}
    checked: set[ast.AST] = set()
    for sent in probes:
        inner = False
        for node in reversed(sent.stack):
            if node in checked or not hasattr(node, "name"):
                continue
            checked.add(node)
            ends = list(seen.returned.get(node, ()))
            good = [_verdict(value, 200) for guard, value, _ in ends if _comes_to(guard, 200)]
            for guard, value, returned in ends:
                if not _comes_to(guard, 401):
                    continue
                said = _verdict(value, 401)
                if said is not None and said in good:
                    line = _judged(seen, guard) or (0 if inner else returned or sent.place.line)
                    if line:
                        found.setdefault(Place(sent.place.file, line))
                        inner = True
            if not inner and _marks_healthy(seen, node, 200) and _marks_healthy(seen, node, 401):
                found.setdefault(Place(sent.place.file, sent.place.line))
    return list(found)


def _comes_to(guard: Guard, status: int) -> bool:
    """Whether a path is taken when every answer has a status."""
    return not degraded(guard) and all(
        any(_comes_to(each, status) for each in operand) if operator == ANY
        else _said(name, operator, operand, status) in (holds, None)
        for name, operator, operand, holds in guard
    )  # fmt: skip


def _said(name: tuple[str, ...], operator: str, operand: object, status: int) -> bool | None:
    """What a test of an answer gives at a status; None where it tests something else."""
    if not name[0].startswith("answer "):
        return None
    if name[-1] in _STATUS:
        return satisfies(status, operator, operand)
    if name[-1] in _FINE:
        return satisfies(status < 400, operator, operand)
    return satisfies(status >= 400, operator, operand) if name[-1] in _FAILED else None


def _judged(seen: Seen, guard: Guard) -> int:
    """The line that last looked at an answer's status."""
    lines = [
        seen.judged.get(literal, 0) for literal in guard
        if _said(literal[0], literal[1], literal[2], 200) is not None
    ]  # fmt: skip
    return max(lines, default=0)


def _verdict(value: Value, status: int) -> str | bool | int | None:
    """What a function says of a backend; None where it says nothing good or nothing plain."""
    if isinstance(value, List):
        parts = [one for each in value.items for guard, one in each if _comes_to(guard, status)]
        value = next((each for each in parts if each in (TRUE, FALSE)), NOTHING)
    if isinstance(value, Symbol):
        return _said(value.name, "true", None, status) or None
    if isinstance(value, Const) and isinstance(value.value, str | bool) and value.value:
        return value.value
    return None


def _marks_healthy(seen: Seen, node: ast.AST, status: int) -> bool:
    """Whether it stores True under a name such as `healthy`."""
    return any(
        _PROBING.search(stored.name)
        and node in stored.stack
        and _comes_to(stored.guard, status)
        and any(_stored(guard, value, status) for guard, value in stored.values)
        for stored in seen.stored
    )


def _stored(guard: Guard, value: Value, status: int) -> bool:
    if isinstance(value, Symbol):
        return bool(_said(value.name, "true", None, status)) and _comes_to(guard, status)
    return value == TRUE and _comes_to(guard, status)
