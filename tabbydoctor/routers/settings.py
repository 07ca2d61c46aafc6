"""Settings classes of pydantic: their fields are variables of the environment.

pydantic-settings: `env_prefix` and the other settings of a class hold for the fields of its bases,
too; a name given by `alias`, `validation_alias` or (pydantic 1) `env` has no prefix.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tabbydoctor.routers.keys import is_secret
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Class,
    Const,
    External,
    Instance,
    Items,
    Table,
    Value,
    hinted,
)
from tabbydoctor.routers.world import World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter

ALIASES = ("validation_alias", "alias", "env")
"""Arguments of `Field` that name the variables, the strongest first."""
CHOICES = ("AliasChoices", "AliasPath")
_ANYTHING = "env_prefix"
"""What settings that are spread from elsewhere are taken to say: how the variables are called."""
_DEPTH = 3
"""How deep models within models are followed."""


def is_settings(class_: Class) -> bool:
    """Whether pydantic fills it from the environment."""
    return any(
        is_settings(base) if isinstance(base, Class) else _is_base(base) for base in class_.bases
    )


def _is_base(base: Value) -> bool:
    return isinstance(base, External) and base.name.rpartition(".")[2] == "BaseSettings"


def options(node: ast.ClassDef) -> dict[str, ast.expr]:
    """What one class says of its settings: by `model_config`, by `class Config`, by keywords."""
    found: dict[str, ast.expr] = {}
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name("model_config")], value=value):
                found |= _entries(value)
            case ast.AnnAssign(target=ast.Name("model_config"), value=ast.expr() as value):
                found |= _entries(value)
            case ast.ClassDef(name="Config"):
                found |= _lines(part)
    return found | _named(node.keywords)


def _entries(node: ast.expr) -> dict[str, ast.expr]:
    """Of `SettingsConfigDict(name=value)` or `{"name": value}`."""
    match node:
        case ast.Call(keywords=keywords):
            return _named(keywords)
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_constant(key) or _ANYTHING: value for key, value in pairs}
    return {_ANYTHING: node}


def _lines(config: ast.ClassDef) -> dict[str, ast.expr]:
    """Of `class Config:`; what one in a base of its owner's holds, its owner has anyway."""
    found: dict[str, ast.expr] = {}
    for base in config.bases:
        if not ast.unparse(base).endswith(".Config"):
            found[_ANYTHING] = base
    for part in config.body:
        match part:
            case ast.Assign(targets=[ast.Name(name)], value=value):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value):
                found[name] = value
    return found


def _named(keywords: list[ast.keyword]) -> dict[str, ast.expr]:
    return {each.arg or _ANYTHING: each.value for each in keywords}


def _constant(node: ast.expr | None) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


@dataclass(frozen=True, slots=True)
class _Naming:
    """How the variables of one settings class are called; None for what cannot be told."""

    prefix: str | None
    delimiter: str | None
    """Between the names of a field and of one within it; empty: those have no variables."""
    fields: Value
    """pydantic 1: field -> `{"env": …}`."""


def settings_of(run: Interpreter, class_: Class) -> Mapping[str, Value]:
    """Field -> the value of its variable, whose case does not matter; its default without."""
    given = _inherited(class_)
    fields = given.get("fields")
    naming = _Naming(
        _text(run, given.get("env_prefix")),
        _text(run, given.get("env_nested_delimiter")),
        Table() if fields is None else _value(run, fields),
    )
    return _values(run, class_, naming, naming.prefix, 0)


def _inherited(class_: Class) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for base in reversed(class_.bases):
        found |= _inherited(base) if isinstance(base, Class) else {}
    return found | options(class_.node)


def _values(
    run: Interpreter, class_: Class, naming: _Naming, prefix: str | None, depth: int
) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for base in class_.bases:
        found |= _values(run, base, naming, prefix, depth) if isinstance(base, Class) else {}
    for field in class_.node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name = field.target.id
            default = dict(class_.attributes).get(name)
            names = _names(run, field, naming, prefix)
            variable = _variable(run, names or [(prefix or "") + name], field.lineno)
            if names is None:
                _may_read_any(run, field.lineno)
            inner = _model(run, field, default) if depth < _DEPTH else None
            if inner is not None and naming.delimiter != "" and variable not in run.variables:
                found[name] = _nested(run, inner, naming, variable, depth, field.lineno)
            elif isinstance(default, Instance) and variable not in run.variables:
                found[name] = default
            else:
                known = default if isinstance(default, Const) else None
                found[name] = run.environment(variable, field.lineno, known)
    return found


def _nested(
    run: Interpreter, model: Instance, naming: _Naming, variable: str, depth: int, line: int
) -> Instance:
    """A model whose fields are variables, too: `TABBY__API_KEY`."""
    if naming.delimiter is None:
        _may_read_any(run, line)
    lead = variable + (naming.delimiter or "")
    for name, value in _values(run, model.of, naming, lead, depth + 1).items():
        model = model.put(name, hinted(value, name))
    return model


def _model(run: Interpreter, field: ast.AnnAssign, default: Value | None) -> Instance | None:
    """The model that a field holds: its default, else one of the class it is annotated with."""
    if isinstance(default, Instance):
        return default
    for node in ast.walk(field.annotation):
        class_ = _value(run, node) if isinstance(node, ast.Name) else None
        if isinstance(class_, Class):
            return Instance(class_)
    return None


def _names(
    run: Interpreter, field: ast.AnnAssign, naming: _Naming, prefix: str | None
) -> list[str] | None:
    """The variables that a field may be filled from; None where they cannot be told."""
    name = field.target.id if isinstance(field.target, ast.Name) else ""
    aliases = field_arguments(field)
    for alias in ALIASES:
        if alias in aliases:
            return _texts(run, aliases[alias])
    if not isinstance(naming.fields, Table):
        return None
    entry = naming.fields.get(Const(name))
    named = entry.get(Const("env")) if isinstance(entry, Table) else entry
    if named is not None:
        return _strings(named.items if isinstance(named, Items) else (named,))
    return None if prefix is None else [prefix + name]


def field_arguments(field: ast.AnnAssign) -> dict[str, ast.expr]:
    """The arguments of `Field(…)`, as the default or within `Annotated[…]`."""
    return {
        keyword.arg: keyword.value
        for node in ast.walk(field)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Field"
        for keyword in node.keywords
        if keyword.arg
    }


def _variable(run: Interpreter, names: list[str], line: int) -> str:
    """The one that is set, else the first; all of them are read."""
    found = []
    for name in names:
        given = next((each for each in run.variables if each.lower() == name.lower()), None)
        run.trace.environment.setdefault(given or name.upper(), line)
        found.append((given is None, given or name.upper()))
    return min(found, key=lambda each: each[0])[1]


def _may_read_any(run: Interpreter, line: int) -> None:
    """Which variable a field is filled from cannot be told: it may be any key that is set."""
    for name in filter(is_secret, run.variables):
        run.trace.environment.setdefault(name, line)


def _value(run: Interpreter, node: ast.expr) -> Value:
    """What an expression of a class is worth, as far as the module's names tell."""
    from tabbydoctor.routers.evaluation import evaluate

    return next((plain(value) for value, _ in evaluate(run, node, World())), SOMETHING)


def _text(run: Interpreter, node: ast.expr | None) -> str | None:
    """A string; empty without an expression, or for None."""
    value = NOTHING if node is None else _value(run, node)
    if value == NOTHING:
        return ""
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def _texts(run: Interpreter, node: ast.expr) -> list[str] | None:
    """The strings that an alias is: one, a list of them, `AliasChoices(…)`."""
    match node:
        case ast.Call(func=func, args=args) if ast.unparse(func).endswith(CHOICES):
            path = ast.unparse(func).endswith(CHOICES[1])
            each = [_texts(run, arg) for arg in (args[:1] if path else args)]
            known = [names for names in each if names is not None]
            return [name for names in known for name in names] if len(known) == len(each) else None
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return _strings(tuple(_value(run, element) for element in elements))
    return _strings((_value(run, node),))


def _strings(values: tuple[Value, ...]) -> list[str] | None:
    found = [value.value for value in values if isinstance(value, Const)]
    texts = [text for text in found if isinstance(text, str) and text]
    return texts if texts and len(texts) == len(values) else None
