"""Putting the API key in the place of an admin key, or of a key that may be a list."""

from __future__ import annotations

import re
from collections.abc import Callable

import libcst as cst

from tabbydoctor.routers.wiring.plan import Plan, leaks_more
from tabbydoctor.routers.wiring.source import Edit, Tree, edited, last_name

_ADMIN = re.compile(r"admin", re.IGNORECASE)
_API = re.compile(r"api_key\Z")
_ADMIN_HEADER = re.compile(r"""(['"])x-admin-key\1""", re.IGNORECASE)


def wire_keys(
    plan: Plan, blocked: Callable[[str], str], strings: tuple[int, ...], list_key: bool
) -> None:
    """Replace what takes the admin key, or takes `api_key` for a string, by the helper's key.

    Not where other servers are sent what is taken there: they would get TabbyAPI's key.
    `blocked` puts the helper into a text that calls it; `strings` are the lines that take a
    string, which is a fault where `list_key`.
    """
    for line in plan.reading.uses_admin_key:
        if _manages(plan):
            plan.leave(f"line {line}: the admin key is also what manages models: left as it is")
        elif not _replace(
            plan, blocked, line, _ADMIN, f"line {line}: the API key instead of the admin key"
        ):
            plan.leave(f"line {line}: sends the admin key; let it send _tabby_key()")
    for line in strings:
        said = f"line {line}: an api_key that is a list works too"
        if not _replace(plan, blocked, line, _API, said) and list_key:
            plan.leave(f"line {line}: breaks when api_key is a list; let it take the first")


def _manages(plan: Plan) -> bool:
    return any("admin" in call.key_from.lower() for call in plan.reading.of("other"))


def _replace(
    plan: Plan, blocked: Callable[[str], str], line: int, wanted: re.Pattern[str], said: str
) -> bool:
    tree = plan.tree
    found = [
        node
        for node in [*tree.nodes(cst.Subscript), *tree.nodes(cst.Call)]
        if wanted.search(_taken(node)) and not _assigned_to(tree, node)
    ]
    here = [node for node in found if tree.range(node).start.line == line]
    chosen = here or (found if len(found) == 1 else [])
    edits = [Edit(*tree.span(node), "_tabby_key()") for node in chosen]
    if not edits or _goes_elsewhere(plan, blocked, edits):
        return False
    plan.change(said, *edits, *_headers(tree, line), uses="key")
    return True


def _goes_elsewhere(plan: Plan, blocked: Callable[[str], str], edits: list[Edit]) -> bool:
    """Whether more calls to other servers carry TabbyAPI's key after the edits."""
    before, after = (
        plan.read(blocked(edited(plan.tree.text, [*plan.edits, *more]))) for more in ([], edits)
    )
    return leaks_more(before, after)


def _taken(node: cst.CSTNode) -> str:
    """The name that `x["name"]`, `x.get("name")` or `getenv("name")` takes."""
    match node:
        case cst.Subscript(
            slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as text))]
        ):
            return str(text.raw_value)
        case cst.Call(args=[cst.Arg(value=cst.SimpleString() as text), *_]):
            return str(text.raw_value) if last_name(node) in ("get", "getenv", "pop") else ""
    return ""


def _assigned_to(tree: Tree, node: cst.CSTNode) -> bool:
    return isinstance(tree.parent(node), cst.AssignTarget | cst.Del)


def _headers(tree: Tree, line: int) -> list[Edit]:
    """X-Admin-Key opens no route that takes the API key."""
    start, end = tree.offset(line, 0), tree.offset(line + 1, 0)
    return [
        Edit(found.start(), found.end(), f"{found[1]}X-API-Key{found[1]}")
        for found in _ADMIN_HEADER.finditer(tree.text, start, end)
    ]
