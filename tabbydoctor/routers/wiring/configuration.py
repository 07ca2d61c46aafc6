"""A router that writes TabbyAPI's config.yml is taught to leave authentication as it is.

What it writes for `network.disable_auth` and `network.host` becomes what the file holds at
that moment; without a file, TabbyAPI's own defaults.
"""

from __future__ import annotations

import re

import libcst as cst

from tabbydoctor.routers.wiring.plan import Plan
from tabbydoctor.routers.wiring.source import Edit, Tree, last_name

_BARE = """.strip("\\"'")"""
"""Takes the quotes of a YAML scalar off."""
_DEFAULTS = {"disable_auth": "false", "host": "127.0.0.1"}
_DUMPERS = ("dump", "safe_dump")
_SECTION = re.compile(
    r"(?:^|\\n|['\"])network:[ ]*(?:\\n|\r?\n)((?:[ ]+.*?(?:\\n|\r?\n|\Z))*)", re.M
)
_KEPT = re.compile(r"disable_auth['\"]?:[ ]*\{?_tabby_kept\([^)]*\)")
"""The setting as an earlier repair left it: what the file holds."""
_LINE = r"((?:^|\\n|(?<=\\n))[ ]+{}:[ ]+)([\w.]+|'[^'\n]*'|\"[^\"\n]*\")"


def wire_configuration(plan: Plan) -> None:
    """Plan the edit of whatever turns authentication off in a config.yml that is written."""
    for path, line in plan.reading.writes_files.items():
        opened = _opened(plan.tree, line) if path.endswith((".yml", ".yaml")) else None
        around = plan.tree.function(opened) if opened is not None else None
        if opened is None or around is None or not _sets_auth(plan.tree, around):
            continue
        if not _kept(plan, opened, around):
            plan.leave(
                f"line {line}: the router rewrites {path} and turns authentication off there; "
                "let it write network.disable_auth and network.host as the file has them, or "
                "not at all"
            )


def _sets_auth(tree: Tree, around: cst.CSTNode) -> bool:
    text = tree.text if isinstance(around, cst.Module) else tree.code(around)
    return "disable_auth" in _KEPT.sub("", text)


def _opened(tree: Tree, line: int) -> cst.Call | None:
    """`open(path, "w")` or `Path(…).write_text(…)` on a line."""
    for node in tree.nodes(cst.Call):
        if tree.range(node).start.line == line and last_name(node) in ("open", "write_text"):
            return node
    return None


def _kept(plan: Plan, opened: cst.Call, around: cst.CSTNode) -> bool:
    path = _path(plan.tree, opened)
    value = _written(plan.tree, opened, around)
    if path is None or value is None or not _known_at(plan.tree, path, value, around):
        return False
    before = _starts_emptying(plan.tree, opened)
    if plan.tree.span(value)[1] > before:
        return False  # by then the file has been emptied
    if isinstance(value, cst.Dict):
        return _mapping(plan, value, plan.tree.code(path))
    if isinstance(value, cst.FormattedString | cst.SimpleString):
        return _text(plan, value, path)
    return False


def _starts_emptying(tree: Tree, opened: cst.Call) -> int:
    start, end = tree.span(opened)
    return end if last_name(opened) == "write_text" else start


def _path(tree: Tree, opened: cst.Call) -> cst.BaseExpression | None:
    if last_name(opened) == "open" and opened.args:
        return opened.args[0].value
    return opened.func.value if isinstance(opened.func, cst.Attribute) else None


def _known_at(
    tree: Tree, path: cst.BaseExpression, value: cst.BaseExpression, around: cst.CSTNode
) -> bool:
    """Whether the path already has its value where the text is made."""
    if isinstance(path, cst.SimpleString):
        return True
    if not isinstance(path, cst.Name):
        return False
    assigned = _assignments(tree, path.value, around)
    return all(tree.span(node)[1] < tree.span(value)[0] for node in assigned)


def _assignments(tree: Tree, name: str, around: cst.CSTNode) -> list[cst.Assign]:
    return [
        node
        for node in tree.nodes(cst.Assign, within=around)
        if any(isinstance(t.target, cst.Name) and t.target.value == name for t in node.targets)
    ]


def _written(tree: Tree, opened: cst.Call, around: cst.CSTNode) -> cst.BaseExpression | None:
    """The expression whose value goes into the file; a name is followed to its one assignment."""
    value = _argument(tree, opened)
    if not isinstance(value, cst.Name):
        return value
    assigned = _assignments(tree, value.value, around)
    return assigned[0].value if len(assigned) == 1 else None


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
    plan: Plan, value: cst.FormattedString | cst.SimpleString, path: cst.BaseExpression
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
    for name, default in _DEFAULTS.items():
        found = re.compile(_LINE.format(name), re.M).search(code, section.start(1), section.end(1))
        if found:
            field = f"{{_tabby_kept({where}, {quote}{name}{quote}, {quote}{default}{quote})}}"
            edits.append(Edit(start + found.start(2), start + found.end(2), field))
    plan.change(_said(plan, value), *edits, uses="kept")
    return len(edits) > plain


def _quoted(path: cst.BaseExpression, quote: str) -> str | None:
    if isinstance(path, cst.Name):
        return path.value
    text = path.evaluated_value if isinstance(path, cst.SimpleString) else None
    if not isinstance(text, str) or re.search(r"['\"\\]", text):
        return None
    return f"{quote}{text}{quote}"


def _mapping(plan: Plan, value: cst.Dict, path: str) -> bool:
    """YAML dumped from a dict literal."""
    network = _element(value, "network")
    if not isinstance(network, cst.Dict):
        return False
    auth, host = _element(network, "disable_auth"), _element(network, "host")
    asked = f"_tabby_kept({path}, " + '"{}", "{}")'
    edits = []
    if auth is not None:
        text = (
            asked.format("disable_auth", "false")
            + '.strip("\\"\'").lower() in ("true", "yes", "on", "1")'
        )
        edits.append(Edit(*plan.tree.span(auth), text))
    if isinstance(host, cst.SimpleString):
        text = f"{asked.format('host', '127.0.0.1')}{_BARE}"
        edits.append(Edit(*plan.tree.span(host), text))
    plan.change(_said(plan, value), *edits, uses="kept")
    return bool(edits)


def _element(mapping: cst.Dict, name: str) -> cst.BaseExpression | None:
    for each in mapping.elements:
        key = each.key if isinstance(each, cst.DictElement) else None
        if isinstance(key, cst.SimpleString) and key.evaluated_value == name:
            return each.value
    return None


def _said(plan: Plan, value: cst.CSTNode) -> str:
    line = plan.tree.range(value).start.line
    return f"line {line}: config.yml keeps its network.disable_auth and network.host"
