"""Settings classes of pydantic: their fields are variables of the environment.

pydantic-settings: `env_prefix` and the other settings of a class hold for the fields of its bases,
too; a name given by `alias`, `validation_alias` or (pydantic 1) `env` has no prefix.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Mapping

from tabbydoctor.records import dataclass
from tabbydoctor.source.engine import Engine, EvaluatedCall, Frame
from tabbydoctor.source.guards import ALWAYS
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.source.values import (
    ENVIRONMENT_FILE,
    NOTHING,
    Class,
    Const,
    Dict,
    List,
    Name,
    Object,
    Symbol,
    Value,
    Values,
    first,
    marked,
    only,
    plain,
)

ALIASES = ("validation_alias", "alias", "env")
"""Arguments of `Field` that name the variables, the strongest first."""
CHOICES = ("AliasChoices", "AliasPath")
_ANYTHING = "env_prefix"
"""What settings that are spread from elsewhere are taken to say: how the variables are called."""
_DEPTH = 3
"""How deep models within models are followed."""


def is_settings(klass: Class) -> bool:
    """Whether pydantic fills it from the environment."""
    return any(isinstance(each, Name) and each.name.rpartition(".")[2] == "BaseSettings"
               for each in klass.line())  # fmt: skip


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
    file: Dict | None = None
    """What its `.env` file holds."""


def settings_of(run: Engine, klass: Class, call: EvaluatedCall) -> Mapping[str, Values]:
    """Field -> the value of its variable, whose case does not matter; its default without."""
    given = _inherited(klass)
    fields = given.get("fields")
    frame = Frame(klass.scope, klass.module, klass.node, run.path)
    run.frames.append(frame)
    try:
        naming = _Naming(
            _text(run, given.get("env_prefix")),
            _text(run, given.get("env_nested_delimiter")),
            Dict() if fields is None else _value(run, fields),
            _file(run, given.get("env_file"), klass),
        )
        found = _values(run, klass, naming, naming.prefix, 0)
    finally:
        run.frames.pop()
    return {**found, **{name: values for name, values in call.keywords.items() if name in found}}


def _file(run: Engine, node: ast.expr | None, klass: Class) -> Dict | None:
    """The data of `env_file`, where that was given to the reading."""
    name = _text(run, node)
    if not name:
        return None
    path = posixpath.normpath(posixpath.join(run.directory, name))
    run.seen.reads.setdefault(path, run.place(klass.node))
    data = run.data(path)
    return data if isinstance(data, Dict) else None


def _inherited(klass: Class) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for base in reversed(klass.bases):
        found |= _inherited(base) if isinstance(base, Class) else {}
    return found | options(klass.node)


def _values(
    run: Engine, klass: Class, naming: _Naming, prefix: str | None, depth: int
) -> dict[str, Values]:
    found: dict[str, Values] = {}
    for base in klass.bases:
        found |= _values(run, base, naming, prefix, depth) if isinstance(base, Class) else {}
    for field in klass.node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name = field.target.id
            found[name] = _field(run, klass, field, naming, prefix, depth)
            if run.marks(name):
                found[name] = tuple((guard, marked(value)) for guard, value in found[name])
    return found


def _field(
    run: Engine, klass: Class, field: ast.AnnAssign, naming: _Naming, prefix: str | None,
    depth: int,
) -> Values:  # fmt: skip
    name = field.target.id if isinstance(field.target, ast.Name) else ""
    default = klass.slots.get(name)
    if default and isinstance(first(default), Symbol):
        default = None
    names = _names(run, field, naming, prefix)
    variable = _variable(run, names or [(prefix or "") + name], field)
    if names is None:
        _may_read_any(run, field)
    given = variable in (run.environment or {})
    inner = _model(run, field, first(default) if default else None) if depth < _DEPTH else None
    if inner is not None and naming.delimiter != "" and not given:
        return only(_nested(run, inner, naming, variable, depth, field))
    if default and not given and not isinstance(first(default), Const):
        return default
    held = _held(run, naming, variable, field)
    if held is not None and not given:
        return held
    return run.variable(variable, field, default)


def _held(run: Engine, naming: _Naming, variable: str, field: ast.AnnAssign) -> Values | None:
    """What the `.env` file says of a variable."""
    for name, values in naming.file.slots.items() if naming.file else ():
        if isinstance(name, str) and name.lower() == variable.lower():
            held = first(values)
            if isinstance(held, Const):
                place = run.place(field)
                root = f"environment {name}"
                return only(Symbol(root, ENVIRONMENT_FILE, held, True, held.marked, place))
    return None


def _nested(
    run: Engine, model: Object, naming: _Naming, variable: str, depth: int, field: ast.AnnAssign
) -> Object:
    """A model whose fields are variables, too: `TABBY__API_KEY`."""
    if naming.delimiter is None:
        _may_read_any(run, field)
    lead = variable + (naming.delimiter or "")
    made = Object(model.of)
    made.slots = {**model.slots, **_values(run, model.of, naming, lead, depth + 1)}
    return made


def _model(run: Engine, field: ast.AnnAssign, default: Value | None) -> Object | None:
    """The model that a field holds: its default, else one of the class it is annotated with."""
    if isinstance(default, Object):
        return default
    for node in ast.walk(field.annotation):
        klass = _value(run, node) if isinstance(node, ast.Name) else None
        if isinstance(klass, Class) and not any(
            isinstance(each, Name) and each.name.endswith("Enum") for each in klass.line()
        ):
            return Object(klass)
    return None


def _names(
    run: Engine, field: ast.AnnAssign, naming: _Naming, prefix: str | None
) -> list[str] | None:
    """The variables that a field may be filled from; None where they cannot be told."""
    name = field.target.id if isinstance(field.target, ast.Name) else ""
    aliases = field_arguments(field)
    for alias in ALIASES:
        if alias in aliases:
            return _texts(run, aliases[alias])
    if not isinstance(naming.fields, Dict):
        return None
    entry = first(naming.fields.slots.get(name, ((ALWAYS, NOTHING),)))
    named = first(entry.slots.get("env", ((ALWAYS, NOTHING),))) if isinstance(
        entry, Dict) else entry  # fmt: skip
    if named != NOTHING:
        given = [first(each) for each in named.items] if isinstance(named, List) else [named]
        return _strings(given)
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


def _variable(run: Engine, names: list[str], field: ast.AnnAssign) -> str:
    """The one that is set, else the first; all of them are read."""
    found = []
    for name in names:
        variables = run.environment or {}
        given = next((each for each in variables if each.lower() == name.lower()), None)
        run.seen.environment.setdefault(given or name.upper(), run.place(field))
        found.append((given is None, given or name.upper()))
    return min(found, key=lambda each: each[0])[1]


def _may_read_any(run: Engine, field: ast.AnnAssign) -> None:
    """Which variable a field is filled from cannot be told: it may be any key that is set."""
    for name in filter(is_secret, run.environment or {}):
        run.seen.environment.setdefault(name, run.place(field))


def _value(run: Engine, node: ast.expr) -> Value:
    """What an expression of a class is worth, as far as the module's names tell."""
    return plain(run.one(node))


def _text(run: Engine, node: ast.expr | None) -> str | None:
    """A string; empty without an expression, or for None."""
    value = NOTHING if node is None else _value(run, node)
    if value == NOTHING:
        return ""
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def _texts(run: Engine, node: ast.expr) -> list[str] | None:
    """The strings that an alias is: one, a list of them, `AliasChoices(…)`."""
    match node:
        case ast.Call(func=func, args=args) if ast.unparse(func).endswith(CHOICES):
            path = ast.unparse(func).endswith(CHOICES[1])
            each = [_texts(run, arg) for arg in (args[:1] if path else args)]
            known = [names for names in each if names is not None]
            return [name for names in known for name in names] if len(known) == len(each) else None
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return _strings([_value(run, element) for element in elements])
    return _strings([_value(run, node)])


def _strings(values: list[Value]) -> list[str] | None:
    found = [value.value for value in values if isinstance(value, Const)]
    texts = [text for text in found if isinstance(text, str) and text]
    return texts if texts and len(texts) == len(values) else None
