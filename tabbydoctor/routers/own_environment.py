"""Which environment variables a router's source sets for itself: from a .env file, or by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from tabbydoctor.records import dataclass
from tabbydoctor.source.index import index
from tabbydoctor.source.settings import ALIASES, CHOICES, field_arguments, options

ANY = "*"
"""Instead of a name: whatever a file holds."""
_LOADERS = (
    "load_dotenv", "read_dotenv", "read_env", "read_envfile",
    "load_env", "load_env_file", "load_environ", "load_environment", "read_env_file",
)  # fmt: skip
"""Of python-dotenv, django-dotenv, environs and django-environ; and what people call their own."""
_SOURCES = re.compile(
    r"\b(env_file|secrets_dir|(toml|yaml|json)_file|settings_customise_sources)\b"
)
"""What tells that pydantic's settings have another source than the environment."""
_NAMING = ("env_prefix", "env_nested_delimiter", "fields")
"""What tells how the variables are called; a name that is worked out is not known."""
_VALIDATORS = ("validator", "field_validator", "model_validator", "root_validator")
_TIDYING = {
    "strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "lower", "upper", "startswith",
    "endswith", "get_secret_value", "SecretStr", "str", "bool", "int", "len", "isinstance",
    "ValueError", "TypeError", "AssertionError", *_VALIDATORS,
}  # fmt: skip
"""What a validator may call without the value coming from elsewhere."""
_GIVEN = ("_env_", "_secrets_dir", "_cli_")
"""What settings are made with instead of what their class says."""
_OVERRIDES = ("override", "overwrite")


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """What is set, and which of it even where it is set already."""

    lines: Mapping[str, int]
    """Variable, or ANY -> the line that sets it."""
    replaced: tuple[str, ...]


@lru_cache(maxsize=512)
def own_environment(tree: ast.Module) -> OwnEnvironment:
    """Look through a source."""
    nodes = index(tree)
    settings = _settings_classes(nodes.all(ast.ClassDef))
    setting: list[ast.Assign | ast.AugAssign | ast.Call] = [
        *nodes.all(ast.Assign), *nodes.all(ast.AugAssign), *nodes.all(ast.Call)
    ]  # fmt: skip
    found = [
        *(each for node in setting for each in _set_by(node)),
        *((ANY, node.lineno, False) for node in settings if _has_other_source(node)),
    ]
    return OwnEnvironment(
        {name: line for name, line, _ in reversed(found)},
        tuple(dict.fromkeys(name for name, _, replaces in found if replaces)),
    )


def _settings_classes(classes: list[ast.ClassDef]) -> list[ast.ClassDef]:
    """The classes of pydantic's settings, and what is derived from them."""
    names, found = {"BaseSettings"}, list[ast.ClassDef]()
    while derived := [node for node in classes if node not in found and _is_of(node, names)]:
        found += derived
        names |= {node.name for node in derived}
    return found


def _is_of(node: ast.ClassDef, names: set[str]) -> bool:
    return any(ast.unparse(base).rpartition(".")[2] in names for base in node.bases)


def _has_other_source(node: ast.ClassDef) -> bool:
    """Whether a field of settings may be filled from what is not told here."""
    given = options(node)
    return bool(
        _SOURCES.search(ast.unparse(node))
        or _may_hold(given, "cli_parse_args")
        or _may_hold(given, "alias_generator")
        or any(name in given and not _is_plain(given[name]) for name in _NAMING)
        or any(_is_named_elsewhere(part) or _loads(part) for part in node.body)
    )


def _is_named_elsewhere(part: ast.stmt) -> bool:
    """Whether the variable of a field is not called by plain strings."""
    given = field_arguments(part) if isinstance(part, ast.AnnAssign) else {}
    return any(name in given and not _is_plain(given[name]) for name in ALIASES)


def _is_plain(node: ast.expr) -> bool:
    """Whether it is made of constants alone."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).endswith(CHOICES) and all(map(_is_plain, node.args))
    parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    literal = isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Dict)
    return literal and all(map(_is_plain, parts))


def _loads(part: ast.stmt) -> bool:
    """Whether it is a validator that may take a value from elsewhere."""
    if not isinstance(part, ast.FunctionDef):
        return False
    named = [ast.unparse(each).partition("(")[0] for each in part.decorator_list]
    if part.name != "model_post_init" and not any(name.endswith(_VALIDATORS) for name in named):
        return False
    called = [node.func for node in ast.walk(part) if isinstance(node, ast.Call)]
    return not {ast.unparse(func).rpartition(".")[2] for func in called} <= _TIDYING


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


def _called(call: ast.Call) -> Iterator[tuple[str, int, bool]]:
    given = {keyword.arg or "": keyword.value for keyword in call.keywords}
    match call.func:
        case ast.Attribute(value=base, attr="update") if _is_environment(base):
            yield ANY, call.lineno, True
        case ast.Attribute(value=base, attr="setdefault" | "__setitem__" as name) if (
            _is_environment(base) and call.args
        ):
            yield _name(call.args[0]), call.lineno, name != "setdefault"
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in _LOADERS:
            yield ANY, call.lineno, any(_may_hold(given, word) for word in _OVERRIDES)
        case _ if any(word.startswith(_GIVEN) for word in given):
            yield ANY, call.lineno, False
        case ast.Attribute(value=ast.Name("CliApp")):
            yield ANY, call.lineno, False


def _may_hold(given: Mapping[str, ast.expr], name: str) -> bool:
    value = given.get(name)
    return value is not None and not (isinstance(value, ast.Constant) and not value.value)


def _is_environment(node: ast.expr) -> bool:
    """`os.environ`, or `environ` of it."""
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == "environ"


def _name(node: ast.expr) -> str:
    held = node.value if isinstance(node, ast.Constant) else None
    return held if isinstance(held, str) else ANY
