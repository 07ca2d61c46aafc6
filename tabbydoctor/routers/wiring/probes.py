"""Replacing a probe that cannot turn healthy: a completion, HEAD or OPTIONS.

TabbyAPI answers a completion with 500 while no model is loaded, 401 under inline loading, and
HEAD and OPTIONS with 405. Other backends keep their probe as it is.
"""

from __future__ import annotations

import libcst as cst

from tabbydoctor.routers import Call
from tabbydoctor.routers.probes import hopeless
from tabbydoctor.routers.wiring.leaks import cut
from tabbydoctor.routers.wiring.plan import WiringPlan
from tabbydoctor.routers.wiring.source import Edit, argument, last_name, quoted

_EMPTY = ("HEAD", "OPTIONS")
_BODIES = ("json", "data")
_LIBRARIES = ("httpx", "requests")
_EVALUATED_ONCE = (cst.Call, cst.Await, cst.Yield, cst.NamedExpr, cst.BaseComp, cst.Lambda)


def wire_probes(plan: WiringPlan) -> None:
    """Plan GET for HEAD and OPTIONS, and keyed requests that load nothing for completions."""
    for call in plan.reading.of("probe"):
        if call.certain and hopeless(call) and not _replaced(plan, call):
            plan.leave(
                f"line {call.line}: {call.method} {call.path} cannot turn healthy with TabbyAPI; "
                "ask GET /health, then GET /v1/models with the key"
            )


def _replaced(plan: WiringPlan, call: Call) -> bool:
    if call.method in _EMPTY:
        return _by_get(plan, call)
    if call.library in _LIBRARIES:
        return _asked_twice(plan, call)
    return _by_models(plan, call)


def _by_get(plan: WiringPlan, call: Call) -> bool:
    """GET in the place of HEAD or OPTIONS, where TabbyAPI is asked."""
    place, verb = (call.line, call.column), call.method.lower()
    sent = plan.tree.call(*place, lambda name: name == verb)
    edits: list[Edit] = []
    if sent is not None:
        edits = _getting(plan, call, sent)
    elif not call.reaches_others:
        made = plan.tree.calls.get(place, [])
        edits = [edit for each in made for edit in _verbs(plan, each, call.method)]
    if edits:
        plan.change(f"line {call.line}: TabbyAPI is asked by GET", *edits)
    return bool(edits)


def _getting(plan: WiringPlan, call: Call, sent: cst.Call) -> list[Edit]:
    """Edits that make `client.verb(…)` a GET where TabbyAPI is asked; none if that is not told."""
    tree, url = plan.tree, _url(sent)
    if not isinstance(sent.func, cst.Attribute):
        return []
    if not call.reaches_others:
        return [Edit(*tree.span(sent.func.attr), "get")]
    if url is None or not _tells_server(plan, url) or not _pure(sent.func):
        return []
    get = f"{tree.code(sent.func.value)}.get"
    choice = f"({get} if _tabby_serves({tree.code(url)}) else {tree.code(sent.func)})"
    return [Edit(*tree.span(sent.func), choice)]


def _verbs(plan: WiringPlan, sent: cst.Call, verb: str) -> list[Edit]:
    """GET for a verb that is written as an argument: `request("HEAD", …)`, `method="HEAD"`."""
    written = [arg.value for arg in sent.args if isinstance(arg.value, cst.SimpleString)]
    return [
        Edit(*plan.tree.span(value), quoted("GET", value.quote))
        for value in written
        if str(value.evaluated_value).upper() == verb
    ]


def _by_models(plan: WiringPlan, call: Call) -> bool:
    """For aiohttp and urllib: a keyed GET /v1/models in the place of a completion."""
    tree = plan.tree
    sent = tree.call(call.line, call.column, lambda name: name in ("post", "Request", "urlopen"))
    url = _url(sent) if sent is not None else None
    if sent is None or url is None or not _pure(url):
        return False
    if _guarded(plan, sent) or "_tabby_models" in tree.code(url):
        return True
    get = _getting(plan, call, sent) if call.library == "aiohttp" else []
    if not get and (call.library != "urllib" or call.reaches_others):
        return False
    edits = [Edit(*tree.span(url), f"_tabby_models({tree.code(url)})"), *get]
    if not call.reaches_others:
        edits += _bodies_gone(plan, sent)
    if call.library == "urllib":
        edits += _verbs(plan, sent, "POST")
    plan.change(f"line {call.line}: TabbyAPI is asked GET /v1/models", *edits)
    return True


def _bodies_gone(plan: WiringPlan, sent: cst.Call) -> list[Edit]:
    """Edits that leave out what is sent with a request."""
    edits = []
    positional = [arg for arg in sent.args if arg.keyword is None]
    for at, arg in enumerate(sent.args):
        named = arg.keyword is not None and arg.keyword.value in _BODIES
        second = last_name(sent) in ("Request", "urlopen") and arg in positional[1:2]
        if named or second:
            edits.append(cut(plan.tree, sent.args, at))
    return edits


def _tells_server(plan: WiringPlan, url: cst.BaseExpression) -> bool:
    """Whether an expression for a URL may be evaluated twice, and names its server."""
    return _pure(url) and ("://" in plan.tree.code(url) or _names_url(plan, url))


def _asked_twice(plan: WiringPlan, call: Call) -> bool:
    """For httpx and requests: GET /health, then a keyed GET /v1/models."""
    tree = plan.tree
    sent = tree.call(call.line, call.column, lambda name: name == "post")
    if sent is None or not isinstance(sent.func, cst.Attribute):
        return False
    url = _url(sent)
    if url is None or not _pure(url):
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
        plan.change(said, Edit(start, end, asked))
        return True
    if call.path and "://" not in text and not _names_url(plan, url):
        return False
    guard = f"({asked} if _tabby_serves({text}) else "
    plan.change(said, Edit(start, start, guard), Edit(end, end, ")"))
    return True


def _url(sent: cst.Call) -> cst.BaseExpression | None:
    first = sent.args[0] if sent.args else None
    positional = first.value if first and not first.star and first.keyword is None else None
    return argument(sent, "url") or positional


def _names_url(plan: WiringPlan, url: cst.BaseExpression) -> bool:
    """Whether a URL without a scheme in sight may still be a whole one: not if it starts with /."""
    return not plan.tree.code(url).lstrip("rfRF'\"").startswith("/")


def _pure(node: cst.CSTNode) -> bool:
    """Whether an expression may be evaluated twice."""
    return not isinstance(node, _EVALUATED_ONCE) and all(_pure(each) for each in node.children)


def _guarded(plan: WiringPlan, sent: cst.Call) -> bool:
    """Whether it is the other branch of an edit made before."""
    around = plan.tree.parent(sent)
    return isinstance(around, cst.IfExp) and "_tabby_serves" in plan.tree.code(around.test)
