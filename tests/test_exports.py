"""`__all__` hides no import that nobody needs: what it passes on is taken from there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for top in ("tabbydoctor", "checks", "tests")
    for path in (ROOT / top).rglob("*.py")
}
FREE = ("tabbydoctor/api/", "tests/source/corpus/")
"""For plug-ins, who are not here; and routers of others."""


def dotted(path: str) -> list[str]:
    """How a module is imported."""
    return path.removesuffix(".py").removesuffix("/__init__").split("/")


def passed_on(source: str) -> set[str]:
    """What a module imports, lists in `__all__`, and does not use itself."""
    listed: set[str] = set()
    imported = set()
    module = ast.parse(source)
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                listed = set(ast.literal_eval(value))
            case ast.ImportFrom(names=names):
                imported |= {name.asname or name.name for name in names}
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    return listed & imported - used


def taken(name: str, path: str) -> bool:
    """Whether another module takes it from there, by an import or as an attribute."""
    module = dotted(path)
    readers = {one: text for one, text in SOURCES.items() if name in text and one != path}
    return any(
        f"{module[-1]}.{name}" in text or (module, name) in imports(one)
        for one, text in readers.items()
    )


def imports(path: str) -> Iterator[tuple[list[str], str]]:
    """What a module takes from others: (module, name)."""
    package = dotted(path) if path.endswith("__init__.py") else dotted(path)[:-1]
    for node in ast.walk(ast.parse(SOURCES[path])):
        match node:
            case ast.ImportFrom(module=named, level=level, names=names):
                above = package[: len(package) - level + 1] if level else []
                source = [*above, *(named.split(".") if named else [])]
                yield from ((source, name.name) for name in names)


def test_nothing_is_imported_for_nobody() -> None:
    idle = {
        f"{path}: {name}"
        for path, text in SOURCES.items()
        if "__all__" in text and not path.startswith(FREE) and not path.endswith("conftest.py")
        for name in passed_on(text)
        if not taken(name, path)
    }
    assert idle == set()


def test_one_is_found() -> None:
    assert passed_on("from a import b, c\n__all__ = ['b', 'c', 'd']\nd = c") == {"b"}
