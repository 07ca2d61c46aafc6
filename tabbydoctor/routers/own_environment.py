"""Which environment variables a router's source sets for itself: from a .env file, or by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ANY = "*"
"""Instead of a name: whatever a file holds."""
_LOADERS = ("load_dotenv", "read_dotenv", "read_env", "read_envfile")
"""Of python-dotenv, django-dotenv, environs and django-environ."""
_SOURCES = re.compile(
    r"\b(env_file|secrets_dir|(toml|yaml|json)_file|settings_customise_sources)\b"
)
"""What tells that pydantic's settings have another source than the environment."""
_OVERRIDES = ("override", "overwrite")


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """What is set, and which of it even where it is set already."""

    lines: Mapping[str, int]
    """Variable, or ANY -> the line that sets it."""
    replaced: tuple[str, ...]


def own_environment(tree: ast.Module) -> OwnEnvironment:
    """Look through a source."""
    found = [each for node in ast.walk(tree) for each in _set_by(node)]
    return OwnEnvironment(
        {name: line for name, line, _ in reversed(found)},
        tuple(dict.fromkeys(name for name, _, replaces in found if replaces)),
    )


def _set_by(node: ast.AST) -> Iterator[tuple[str, int, bool]]:
    match node:
        case ast.Assign(targets=targets):
            for target in targets:
                if isinstance(target, ast.Subscript) and _is_environment(target.value):
                    yield _name(target.slice), node.lineno, True
        case ast.AugAssign(target=target) if _is_environment(target):
            yield ANY, node.lineno, True
        case ast.Call():
            yield from _called(node)
        case ast.ClassDef(bases=bases):
            settings = any(ast.unparse(base).endswith("BaseSettings") for base in bases)
            if settings and _SOURCES.search(ast.unparse(node)):
                yield ANY, node.lineno, False


def _called(call: ast.Call) -> Iterator[tuple[str, int, bool]]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    match call.func:
        case ast.Attribute(value=base, attr="update") if _is_environment(base):
            yield ANY, call.lineno, True
        case ast.Attribute(value=base, attr="setdefault" | "__setitem__" as name) if (
            _is_environment(base) and call.args
        ):
            yield _name(call.args[0]), call.lineno, name != "setdefault"
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in _LOADERS:
            yield ANY, call.lineno, any(_may_hold(given, word) for word in _OVERRIDES)
        case _ if "_env_file" in given or "_secrets_dir" in given:
            yield ANY, call.lineno, False


def _may_hold(given: Mapping[str | None, ast.expr], name: str) -> bool:
    value = given.get(name)
    return value is not None and not (isinstance(value, ast.Constant) and not value.value)


def _is_environment(node: ast.expr) -> bool:
    """`os.environ`, or `environ` of it."""
    return ast.unparse(node).rpartition(".")[2] == "environ"


def _name(node: ast.expr) -> str:
    held = node.value if isinstance(node, ast.Constant) else None
    return held if isinstance(held, str) else ANY
