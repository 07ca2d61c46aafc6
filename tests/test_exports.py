"""`__all__` hides no import that nobody needs: what it lists and did not make is taken from there."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PUBLIC = ("tabbydoctor/api/",)
"""For plug-ins: what they take is not here."""


def modules() -> dict[str, ast.Module]:
    """The project's modules, by path."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for top in ("tabbydoctor", "checks", "tests")
        for path in (ROOT / top).rglob("*.py")
        if "corpus" not in path.parts
    }


def dotted(path: str) -> list[str]:
    """How a module is imported; the built-in checks by the name that they are installed under."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ["tabbydoctor_checks", *parts[1:]] if parts[0] == "checks" else parts


def taken(path: str, module: ast.Module) -> Iterator[tuple[str, str]]:
    """What it imports by name: (module, name)."""
    package = dotted(path) if path.endswith("__init__.py") else dotted(path)[:-1]
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = [*above, *(node.module.split(".") if node.module else [])]
            if source[:1] == ["checks"]:
                source[0] = "tabbydoctor_checks"
            for name in node.names:
                yield ".".join(source), name.name


def passed_on(module: ast.Module) -> set[str]:
    """What it imports, lists in `__all__`, and does not use itself."""
    listed: set[str] = set()
    imported = set()
    for statement in module.body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as names
            ):
                listed = set(ast.literal_eval(names))
            case ast.ImportFrom(names=names):
                imported |= {name.asname or name.name for name in names}
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    return listed & imported - used


def test_nothing_is_imported_for_nobody() -> None:
    found = modules()
    wanted = defaultdict(set)
    for path, module in found.items():
        for source, name in taken(path, module):
            wanted[source].add(name)
    idle = {
        path: names
        for path, module in found.items()
        if not path.startswith(PUBLIC) and not path.endswith("conftest.py")
        if (names := passed_on(module) - wanted[".".join(dotted(path))])
    }
    assert idle == {}


def test_one_is_found() -> None:
    module = ast.parse("from a import b, c\n__all__ = ['b', 'c', 'd']\nd = c")
    assert passed_on(module) == {"b"}
