"""Replacing a probe that cannot turn healthy: a completion, or HEAD /health.

TabbyAPI answers a completion with 500 while no model is loaded, 401 under inline loading, and
HEAD /health with 405. Other backends keep their probe as it is.
"""

from __future__ import annotations

import libcst as cst

from tabbydoctor.routers import Call
from tabbydoctor.routers.wiring.plan import Plan
from tabbydoctor.routers.wiring.source import Edit

_LIBRARIES = ("httpx", "requests")
_PURE = (
    cst.Name,
    cst.Attribute,
    cst.SimpleString,
    cst.FormattedString,
    cst.FormattedStringText,
    cst.FormattedStringExpression,
    cst.ConcatenatedString,
    cst.BinaryOperation,
    cst.Add,
    cst.Dot,
    cst.Integer,
    cst.Float,
    cst.Subscript,
    cst.SubscriptElement,
    cst.Index,
    cst.BaseParenthesizableWhitespace,
    cst.LeftParen,
    cst.RightParen,
    cst.LeftSquareBracket,
    cst.RightSquareBracket,
)


def wire_probes(plan: Plan) -> None:
    """Plan GET /health and a keyed GET /v1/models instead of hopeless probes."""
    for call in plan.reading.of("probe"):
        if call.certain and _hopeless(call) and not _replaced(plan, call):
            plan.leave(
                f"line {call.line}: {call.method} {call.path} cannot turn healthy with TabbyAPI; "
                "ask GET /health, then GET /v1/models with the key"
            )


def _hopeless(call: Call) -> bool:
    if call.method == "HEAD":
        return call.path == "/health"
    return call.method == "POST" and call.path.endswith("completions")


def _replaced(plan: Plan, call: Call) -> bool:
    tree = plan.tree
    sent = tree.call(call.line, call.column, lambda name: name in ("post", "head"))
    if sent is None or not isinstance(sent.func, cst.Attribute):
        return False
    url = _url(sent)
    if url is None or not _pure(url) or call.library not in _LIBRARIES:
        return False
    if _guarded(plan, sent):
        return True
    waits = isinstance(tree.parent(sent), cst.Await)
    text = tree.code(url)
    options = [
        f", {tree.code(arg)}"
        for arg in sent.args
        if arg.keyword and arg.keyword.value == "timeout" and _pure(arg.value)
    ]
    part = "async_probe" if waits else "probe"
    asked = f"_tabby_{part}({tree.code(sent.func.value)}, {text}{''.join(options)})"
    said = f"line {call.line}: TabbyAPI is asked GET /health and GET /v1/models"
    start, end = tree.span(sent)
    if not call.reaches_others:
        plan.change(said, Edit(start, end, asked), uses=part)
        return True
    if call.path and "://" not in text and not _names_url(plan, url):
        return False
    guard = f"({asked} if _tabby_serves({text}) else "
    plan.change(said, Edit(start, start, guard), Edit(end, end, ")"), uses=part)
    return True


def _url(sent: cst.Call) -> cst.BaseExpression | None:
    for arg in sent.args:
        if arg.keyword is not None and arg.keyword.value == "url":
            return arg.value
    first = sent.args[0] if sent.args else None
    return first.value if first and not first.star and first.keyword is None else None


def _names_url(plan: Plan, url: cst.BaseExpression) -> bool:
    """Whether a URL without a scheme in sight may still be a whole one: not if it starts with /."""
    return not plan.tree.code(url).lstrip("rfRF'\"").startswith("/")


def _pure(node: cst.CSTNode) -> bool:
    """Whether an expression may be evaluated twice."""
    return isinstance(node, _PURE) and all(_pure(each) for each in node.children)


def _guarded(plan: Plan, sent: cst.Call) -> bool:
    """Whether it is the other branch of an edit made before."""
    around = plan.tree.parent(sent)
    return isinstance(around, cst.IfExp) and "_tabby_serves" in plan.tree.code(around.test)
