"""A router that reads a key by lines of its own, from what it cannot open, or cannot send."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from tabbydoctor.routers.marked_block import legible
from tabbydoctor.routers.wiring.plan import Plan
from tabbydoctor.routers.wiring.source import Edit, edited, last_name

_READERS = ("read", "readline", "read_text")


def wire_denied(plan: Plan, denied: Iterable[str]) -> bool:
    """Plan that files which cannot be opened are replaced by the helper's. False: not all can."""
    own = plan.read(legible(plan.tree.text)).reads_files
    done = True
    for path in denied:
        if path not in own:
            continue
        opened = [call for call in _calls(plan, own[path]) if _is_open(call)]
        for call in opened:
            said = f"line {own[path]}: what cannot be opened is replaced by the key alone"
            plan.change(said, Edit(*plan.tree.span(call.func), "_tabby_open"), uses="open")
        if not opened:
            done = False
            plan.leave(f"line {own[path]}: let it open no {path}, which the router may not read")
    return done


def wire_untrimmed(plan: Plan) -> None:
    """Plan that the newline at the end of a key file is not sent with the key."""
    for line in plan.reading.untrimmed:
        for call in _calls(plan, line):
            if last_name(call) not in _READERS:
                continue
            _, end = plan.tree.span(call)
            edit = Edit(end, end, ".strip()")
            if line not in plan.read(edited(plan.tree.text, [edit])).untrimmed:
                plan.change(f"line {line}: the newline at the file's end is not sent", edit)
                break


def _calls(plan: Plan, line: int) -> list[cst.Call]:
    return [node for node in plan.tree.nodes(cst.Call) if plan.tree.range(node).start.line == line]


def _is_open(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Name) and call.func.value == "open"
