"""Which requests of a router are health probes, and what its probes make of a 401."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable

from tabbydoctor.routers import Call, Purpose
from tabbydoctor.routers.interpreter import Interpreter
from tabbydoctor.routers.trace import Sent
from tabbydoctor.routers.values import Const, Items, Value
from tabbydoctor.routers.world import World

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


def accepting_401(run: Interpreter, probes: Iterable[Sent]) -> list[int]:
    """Lines where a probe's function comes to the same good verdict on 401 as on 200."""
    lines: dict[int, None] = {}
    checked: set[ast.AST] = set()
    for sent in probes:
        for node in sent.stack:
            if node in checked or not hasattr(node, "name"):
                continue
            checked.add(node)
            good = [verdict(end) for end in _ends(run, node, 200)]
            for end in _ends(run, node, 401):
                said = verdict(end)
                if said is not None and said in good:
                    lines.setdefault(end.judged or sent.place.line)
            if _marks_healthy(run, node, 200) and _marks_healthy(run, node, 401):
                lines.setdefault(sent.place.line)
    return list(lines)


def _ends(run: Interpreter, node: ast.AST, answer: int) -> list[World]:
    ends = run.like(answer).start(node)
    return [end for end in ends if not end.degraded and end.flow == "return"]


def verdict(end: World) -> str | bool | int | None:
    """What a function says of a backend; None where it says nothing good or nothing plain."""
    result: Value = end.result
    if isinstance(result, Items) and result.items:
        result = result.items[0]
    if isinstance(result, Const) and isinstance(result.value, str | bool) and result.value:
        return result.value
    return None


def _marks_healthy(run: Interpreter, node: ast.AST, answer: int) -> bool:
    """Whether it stores True under a name such as `healthy`."""
    again = run.like(answer)
    again.pool = {
        name: values for name, values in again.pool.items() if not _PROBING.search(name[1])
    }
    again.start(node)
    return any(
        _PROBING.search(name) and Const(True) in values for (_, name), values in again.pool.items()
    )
