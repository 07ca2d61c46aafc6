"""Taking TabbyAPI's key out of headers that go to every backend."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tabbydoctor.routers.wiring.clients import wire_call
from tabbydoctor.routers.wiring.plan import WiringPlan
from tabbydoctor.routers.wiring.source import Edit, Tree, argument

_HEADERS = ("authorization", "x-api-key", "x-admin-key")


def wire_leaks(plan: WiringPlan) -> None:
    """Plan that a key which other backends get is sent to TabbyAPI alone, by the helper."""
    for call in plan.reading.calls:
        if call.line not in plan.reading.leaks:
            continue
        places = [*((at.line, at.column) for at in call.constructors), (call.line, call.column)]
        made = [each for place in places for each in plan.tree.calls.get(place, [])]
        gone = [edit for each in made for edit in _without_key(plan.tree, each)]
        if gone and wire_call(plan, call):
            plan.change(f"line {call.line}: other backends no longer get TabbyAPI's key", *gone)
        else:
            plan.leave(
                f"line {call.line}: other backends get TabbyAPI's key; "
                f"send it where the URL of this {call.library} call is TabbyAPI's"
            )


def _without_key(tree: Tree, call: cst.Call) -> list[Edit]:
    """The edit that takes the key out of `headers={…}` of a call; none where it is no literal."""
    headers = argument(call, "headers")
    if not isinstance(headers, cst.Dict):
        return []
    keyed = [at for at, each in enumerate(headers.elements) if _is_key(each)]
    if keyed and len(keyed) == len(headers.elements):
        at = next(at for at, arg in enumerate(call.args) if arg.value is headers)
        return [cut(tree, call.args, at)]
    return [cut(tree, headers.elements, at) for at in keyed]


def _is_key(element: cst.BaseDictElement) -> bool:
    key = element.key if isinstance(element, cst.DictElement) else None
    name = key.evaluated_value if isinstance(key, cst.SimpleString) else None
    return isinstance(name, str) and name.lower() in _HEADERS


def cut(tree: Tree, row: Sequence[cst.CSTNode], at: int) -> Edit:
    """One of a row of arguments or elements, with the comma that goes with it."""
    start, end = tree.span(row[at])
    if at + 1 < len(row):
        return Edit(start, tree.span(row[at + 1])[0], "")
    return Edit(tree.span(row[at - 1])[1] if at else start, end, "")
