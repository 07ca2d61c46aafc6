"""A router that writes TabbyAPI's config.yml is taught to leave authentication as it is.

What it writes for `network.disable_auth` and `network.host` becomes what the file holds at
that moment; without a file, TabbyAPI's own defaults.
"""

from __future__ import annotations

import re

import libcst as cst

from tabbydoctor.routers.wiring.plan import WiringPlan
from tabbydoctor.routers.wiring.source import Edit, Tree, last_name

_SETTINGS = {
    "disable_auth": ("false", """.strip("\\"'").lower() in ("true", "yes", "on", "1")"""),
    "host": ("127.0.0.1", """.strip("\\"'")"""),
}
"""Setting -> its default, and what makes a Python value of a YAML scalar."""
_DUMPERS = ("dump", "safe_dump")
_SECTION = re.compile(
    r"(?:^|\\n|['\"])network:[ ]*(?:\\n|\r?\n)((?:[ ]+.*?(?:\\n|\r?\n|\Z))*)", re.M
)
_KEPT = re.compile(r"disable_auth['\"]?:[ ]*\{?_tabby_kept\([^)]*\)")
"""The setting as an earlier repair left it: what the file holds."""
_LINE = r"((?:^|\\n|(?<=\\n))[ ]+{}:[ ]+)([\w.]+|'[^'\n]*'|\"[^\"\n]*\")"


def wire_configuration(plan: WiringPlan) -> None:
    """Plan the edit of whatever turns authentication off in a config.yml that is written."""
    tree = plan.tree
    for path, line in plan.reading.writes_files.items():
        opened = _opened(tree, line) if path.endswith((".yml", ".yaml")) else None
        if opened is None:
            continue
        around = tree.function(opened)
        text = tree.text if around is tree.module else tree.code(around)
        if "disable_auth" in _KEPT.sub("", text) and not _kept(plan, opened, around):
            plan.leave(
                f"line {line}: the router rewrites {path} and turns authentication off there; "
                "let it write network.disable_auth and network.host as the file has them, or "
                "not at all"
            )


def _opened(tree: Tree, line: int) -> cst.Call | None:
    """`open(path, "w")` or `Path(…).write_text(…)` on a line."""
    calls = tree.calls_on[line]
    return next((each for each in calls if last_name(each) in ("open", "write_text")), None)


def _kept(plan: WiringPlan, opened: cst.Call, around: cst.CSTNode) -> bool:
    tree, value = plan.tree, _written(plan.tree, opened, around)
    path: cst.CSTNode | None = opened.args[0].value if opened.args else None
    start, emptied = tree.span(opened)
    if last_name(opened) == "open":
        emptied = start
    else:
        path = opened.func.value if isinstance(opened.func, cst.Attribute) else None
    if value is None or tree.span(value)[1] > emptied:
        return False
    if isinstance(path, cst.Name):  # it must have its value where the text is made
        assigned = tree.assigned(path.value, around)
        if any(tree.span(each)[1] >= tree.span(value)[0] for each in assigned):
            return False
    elif not isinstance(path, cst.SimpleString):
        return False
    if isinstance(value, cst.Dict):
        return _mapping(plan, value, tree.code(path))
    if isinstance(value, cst.FormattedString | cst.SimpleString):
        return _text(plan, value, path)
    return False


def _written(tree: Tree, opened: cst.Call, around: cst.CSTNode) -> cst.BaseExpression | None:
    """The expression whose value goes into the file; a name is followed to its one assignment."""
    value = _argument(tree, opened)
    if not isinstance(value, cst.Name):
        return value
    assigned = tree.assigned(value.value, around)
    return assigned[0] if len(assigned) == 1 else None


def _argument(tree: Tree, opened: cst.Call) -> cst.BaseExpression | None:
    if last_name(opened) == "write_text":
        return opened.args[0].value if opened.args else None
    body: cst.CSTNode | None = tree.parent(opened)
    while body is not None and not isinstance(body, cst.With):
        body = tree.parent(body)
    if body is None:
        return None
    for node in tree.nodes(cst.Call, within=body):
        if last_name(node) in ("write", *_DUMPERS) and node.args:
            first = node.args[0].value
            if isinstance(first, cst.Call) and last_name(first) in _DUMPERS and first.args:
                return first.args[0].value
            return first
    return None


def _text(
    plan: WiringPlan,
    value: cst.FormattedString | cst.SimpleString,
    path: cst.Name | cst.SimpleString,
) -> bool:
    """YAML written as text: the value becomes a field of the f-string."""
    code = plan.tree.code(value)
    start, _ = plan.tree.span(value)
    head = re.match(r"[A-Za-z]*", code)
    prefix = head[0].lower() if head else ""
    plain = isinstance(value, cst.SimpleString)
    if "r" in prefix or "b" in prefix or (plain and re.search(r"[{}]", code)):
        return False
    quote = "'" if code[len(prefix)] == '"' else '"'
    where = _quoted(path, quote)
    section = _SECTION.search(code)
    if where is None or section is None:
        return False
    edits = [Edit(start, start, "f")] if plain else []
    for name, (default, _) in _SETTINGS.items():
        found = re.compile(_LINE.format(name), re.M).search(code, section.start(1), section.end(1))
        if found:
            field = f"{{_tabby_kept({where}, {quote}{name}{quote}, {quote}{default}{quote})}}"
            edits.append(Edit(start + found.start(2), start + found.end(2), field))
    plan.change(_said(plan, value), *edits)
    return len(edits) > plain


def _quoted(path: cst.Name | cst.SimpleString, quote: str) -> str | None:
    if isinstance(path, cst.Name):
        return path.value
    text = path.evaluated_value
    if not isinstance(text, str) or re.search(r"['\"\\]", text):
        return None
    return f"{quote}{text}{quote}"


def _mapping(plan: WiringPlan, value: cst.Dict, path: str) -> bool:
    """YAML dumped from a dict literal."""
    network = _element(value, "network")
    if not isinstance(network, cst.Dict):
        return False
    edits = []
    for name, (default, read) in _SETTINGS.items():
        set_to = _element(network, name)
        if isinstance(set_to, cst.SimpleString) or (set_to and name != "host"):
            kept = f'_tabby_kept({path}, "{name}", "{default}"){read}'
            edits.append(Edit(*plan.tree.span(set_to), kept))
    plan.change(_said(plan, value), *edits)
    return bool(edits)


def _element(mapping: cst.Dict, name: str) -> cst.BaseExpression | None:
    for each in mapping.elements:
        key = each.key if isinstance(each, cst.DictElement) else None
        if isinstance(key, cst.SimpleString) and key.evaluated_value == name:
            return each.value
    return None


def _said(plan: WiringPlan, value: cst.CSTNode) -> str:
    return (
        f"line {plan.tree.line(value)}: config.yml keeps its network.disable_auth and network.host"
    )
