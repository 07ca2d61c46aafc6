"""Putting the API key in the place of an admin key, or of a key that may be a list."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter

import libcst as cst

from tabbydoctor.records import dataclass
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.wiring.plan import WiringPlan, leaks_more
from tabbydoctor.routers.wiring.source import Edit, Tree, edited, last_name, lines_of

_ADMIN_HEADER = re.compile(r"""(['"])x-admin-key\1""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """A key that is not to be sent as it stands."""

    taken: re.Pattern[str]
    """The name under which it is taken from a file or the environment."""
    lines: Callable[[RouterReading], tuple[int, ...]]


ADMIN = Fault(re.compile(r"admin", re.IGNORECASE), attrgetter("uses_admin_key"))
LIST = Fault(re.compile(r"api_key\Z"), attrgetter("assumes_key_string"))


def wire_keys(
    plan: WiringPlan, blocked: Callable[[str], str], strings: tuple[int, ...], list_key: bool
) -> None:
    """Replace what takes the admin key, or takes `api_key` for a string, by the helper's key.

    Not where other servers are sent what is taken there: they would get TabbyAPI's key.
    `blocked` puts the helper into a text that calls it; `strings` are the lines that take a
    string, which is a fault where `list_key`.
    """
    for line in plan.reading.uses_admin_key:
        if manages(plan.reading):
            plan.leave(f"line {line}: the admin key is also what manages models: left as it is")
        elif not _replace(
            plan, blocked, ADMIN, line, f"line {line}: the API key instead of the admin key"
        ):
            plan.leave(f"line {line}: sends the admin key; let it send _tabby_key()")
    for line in strings:
        said = f"line {line}: an api_key that is a list works too"
        if not _replace(plan, blocked, LIST, line, said) and list_key:
            plan.leave(f"line {line}: breaks when api_key is a list; let it take the first")


def manages(reading: RouterReading) -> bool:
    """Whether a router manages models with a key of its own."""
    return any("admin" in call.key_from.lower() for call in reading.of("other"))


def _replace(
    plan: WiringPlan, blocked: Callable[[str], str], fault: Fault, line: int, said: str
) -> bool:
    """Plan the replacement of what a line takes.

    Where it takes several keys, one of them may be for another server: each is tried alone, and
    the source read again.
    """
    choices = _choices(plan.tree, fault.taken, line)
    before = plan.read(blocked(edited(plan.tree.text, plan.edits)))
    for places in choices:
        edits = [Edit(*plan.tree.span(node), "_tabby_key()") for node in places]
        text = edited(plan.tree.text, [*plan.edits, *edits, *_headers(plan.tree, line)])
        after = plan.read(blocked(text))
        stays = _line_in(plan, blocked, text, line) in fault.lines(after)
        if not leaks_more(before, after) and not (stays and len(choices) > 1):
            plan.change(said, *edits, *_headers(plan.tree, line))
            return True
    return False


def _choices(tree: Tree, wanted: re.Pattern[str], line: int) -> list[list[cst.CSTNode]]:
    """The places of a line that take a key, together those that do it in the same words; where
    it has none, the only one of the source.
    """
    found = [
        node
        for node in [*tree.nodes(cst.Subscript), *tree.nodes(cst.Call)]
        if wanted.search(_taken(node))
        and not isinstance(tree.parent(node), cst.AssignTarget | cst.Del)
    ]
    here = [node for node in found if tree.line(node) == line]
    alike: dict[str, list[cst.CSTNode]] = {}
    for node in here or (found if len(found) == 1 else []):
        alike.setdefault(tree.code(node), []).append(node)
    return list(alike.values())


def _line_in(plan: WiringPlan, blocked: Callable[[str], str], text: str, line: int) -> int:
    """Which line of an edited text, with the helper in it, a line has become."""
    start = plan.tree.offset(line, 0)
    above = [edit for edit in plan.edits if edit.end <= start]
    grown = sum(len(edit.text) - (edit.end - edit.start) for edit in above)
    helper = len(lines_of(blocked(text))) - len(lines_of(text))
    return len(lines_of(text[: start + grown])) + 1 + helper


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


def _headers(tree: Tree, line: int) -> list[Edit]:
    """X-Admin-Key opens no route that takes the API key."""
    start, end = tree.offset(line, 0), tree.offset(line + 1, 0)
    return [
        Edit(found.start(), found.end(), f"{found[1]}X-API-Key{found[1]}")
        for found in _ADMIN_HEADER.finditer(tree.text, start, end)
    ]
