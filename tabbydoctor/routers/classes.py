"""The classes of a router's source: their objects, methods and attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tabbydoctor.routers.budget import PATHS, cut
from tabbydoctor.routers.keys import is_secret
from tabbydoctor.routers.ranking import ranked
from tabbydoctor.routers.settings import is_settings, settings_of
from tabbydoctor.routers.values import (
    Class,
    Const,
    Function,
    Instance,
    Items,
    Table,
    Unknown,
    Value,
    hinted,
)
from tabbydoctor.routers.world import Outcome, World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter


def construct(
    run: Interpreter,
    class_: Class,
    arguments: list[Value],
    keywords: dict[str, Value],
    node: ast.AST,
    world: World,
) -> Iterator[Outcome]:
    """The objects that calling a class of the source may give."""
    name = class_.node.name
    blank = Instance(class_, hint="tabby" in name.lower())
    setup = method(class_, "__init__")
    if not isinstance(setup, Function):
        yield _record(run, class_, blank, arguments, keywords), world
        return
    if run.too_deep(setup.node):
        yield blank, world
        return
    ready = replace(setup, bound=blank)
    self_name = setup.node.args.args[0].arg if setup.node.args.args else "self"
    ends = run.enter(ready, arguments, keywords, world)
    if len(ends) > 4:
        cut(PATHS)
    for end in ends[:4]:
        if end.flow != "raise":
            after = world.with_(globals=end.globals, assumed=end.assumed)
            yield end.names.get(self_name, blank), after


def _record(
    run: Interpreter,
    class_: Class,
    made: Instance,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Instance:
    """An object of a dataclass, named tuple, pydantic model or settings class."""
    names = _fields(class_)
    for name, value in [*zip(names, arguments, strict=False), *keywords.items()]:
        made = made.put(name, hinted(value, name))
        if name in ("name", "id", "kind", "type"):
            made = _named_after(made, value)
    settings = settings_of(run, class_) if is_settings(class_) else {}
    for name, value in settings.items():
        if made.get(name) is None:
            made = made.put(name, hinted(value, name))
    for name in names:
        variable = run.variables.get(name.upper())
        if made.get(name) is None and variable is not None and not is_secret(name):
            made = made.put(name, hinted(Const(variable), name))
        elif made.get(name) is None:
            default = class_attribute(class_, name)
            lacking: Value = Unknown(f"argument {class_.node.name}.{name}")
            made = made.put(name, lacking if default is None else default)
    return made


def _fields(class_: Class) -> list[str]:
    inherited = [name for base in class_.bases if isinstance(base, Class) for name in _fields(base)]
    own = [
        statement.target.id
        for statement in class_.node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
    return list(dict.fromkeys([*inherited, *own]))


def lineage(class_: Class) -> list[str]:
    names = [class_.node.name]
    for base in class_.bases:
        if isinstance(base, Class):
            names += lineage(base)
    return names


def method(class_: Class, name: str) -> Value | None:
    """A method of a class or of its bases."""
    found = dict(class_.attributes).get(name)
    if isinstance(found, Function):
        return found
    for base in class_.bases:
        inherited = method(base, name) if isinstance(base, Class) else None
        if inherited is not None:
            return inherited
    return None


def inherited(run: Interpreter, me: Instance, name: str) -> Function | None:
    """The method that `super().name` means in the method being followed."""
    _, owner = run.functions.get(run.stack[-1], (None, None)) if run.stack else (None, None)
    for class_ in _classes(me.of):
        if class_.node is owner:
            for base in class_.bases:
                found = method(base, name) if isinstance(base, Class) else None
                if isinstance(found, Function):
                    return found
    return None


def _classes(class_: Class) -> list[Class]:
    above = [each for base in class_.bases if isinstance(base, Class) for each in _classes(base)]
    return [class_, *above]


def class_attribute(class_: Class, name: str) -> Value | None:
    """An attribute of a class or of its bases."""
    found = dict(class_.attributes).get(name)
    if found is not None:
        return found
    for base in class_.bases:
        inherited = class_attribute(base, name) if isinstance(base, Class) else None
        if inherited is not None:
            return inherited
    return None


def is_property(function: Function) -> bool:
    """Whether reading the attribute calls it."""
    return decorated(function, ("property", "cached_property"))


def owners(run: Interpreter, owner: ast.ClassDef) -> list[Value | None]:
    """The objects of a class that the module makes, else one with unknown arguments."""
    made = [
        value
        for values in [*run.globals.values(), *run.pool.values()]
        for each in values
        for value in _instances(each)
        if owner.name in lineage(value.of)
    ]
    if made:
        return list(ranked(made))
    known = run.globals.get(owner.name, [])
    class_ = next((value for value in known if isinstance(value, Class)), Class(owner))
    blank: list[Value | None] = [
        value for value, _ in construct(run, class_, [], {}, owner, World())
    ]
    return blank[:4] or [None]


def _named_after(made: Instance, name: Value) -> Instance:
    hinted_name = isinstance(name, Const) and "tabby" in str(name.value).lower()
    return replace(made, hint=made.hint or hinted_name)


def _instances(value: Value) -> list[Instance]:
    match value:
        case Instance():
            return [value]
        case Table(items=entries):
            return [found for _, each in entries for found in _instances(each)]
        case Items(items=items):
            return [found for each in items for found in _instances(each)]
    return []


def decorated(function: Function, names: tuple[str, ...]) -> bool:
    decorators = getattr(function.node, "decorator_list", [])
    return any(ast.unparse(each).rpartition(".")[2] in names for each in decorators)


def function_name(node: ast.AST) -> str:
    """The name of a function, `lambda` without one."""
    return str(getattr(node, "name", "lambda"))
