"""What the parameters of a function are, given a call or without one."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tabbydoctor.routers.classes import decorated, function_name
from tabbydoctor.routers.evaluation import evaluate
from tabbydoctor.routers.outgoing import CONSTRUCTORS
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Client,
    Const,
    Function,
    Items,
    Table,
    Unknown,
    Value,
    hinted,
)
from tabbydoctor.routers.world import World

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter


def parameters(
    run: Interpreter, function: Function, arguments: list[Value], keywords: dict[str, Value]
) -> dict[str, Value]:
    spec = function.node.args
    given = list(arguments)
    names = [parameter.arg for parameter in [*spec.posonlyargs, *spec.args]]
    if function.bound is not None and names and not _is_static(function):
        given.insert(0, function.bound)
    values: dict[str, Value] = {}
    defaults = dict(zip(reversed(names), reversed(spec.defaults), strict=False))
    for parameter, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        names.append(parameter.arg)
        if default is not None:
            defaults[parameter.arg] = default
    annotated = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
    positional = len(spec.posonlyargs) + len(spec.args)
    for index, parameter in enumerate(annotated):
        name = parameter.arg
        if index < min(len(given), positional):
            values[name] = hinted(given[index], name)
        elif name in keywords:
            values[name] = hinted(keywords[name], name)
        else:
            values[name] = _lacking(run, function, parameter, defaults.get(name))
    if spec.vararg:
        values[spec.vararg.arg] = Items(tuple(given[positional:]), more=not arguments)
    if spec.kwarg:
        extra = tuple((Const(k), v) for k, v in keywords.items() if k not in values)
        rest = None if arguments or keywords else Unknown(f"argument {spec.kwarg.arg}")
        values[spec.kwarg.arg] = Table(extra, rest)
    return values


def _lacking(
    run: Interpreter, function: Function, parameter: ast.arg, default: ast.expr | None
) -> Value:
    """What a parameter is when the caller is not known, or gave nothing."""
    client = _client_by_annotation(parameter.annotation)
    if default is not None:
        value = next((value for value, _ in evaluate(run, default, World())), SOMETHING)
        started = not run.stack or value == NOTHING
        if isinstance(value, Const) and started and client is None and len(run.stack) == 0:
            likely = value if isinstance(value.value, str | int) else None
            return Unknown(
                f"argument {function_name(function.node)}.{parameter.arg}", likely=likely
            )
        if value != NOTHING or client is None:
            return value
    if client is not None:
        return client
    return Unknown(
        f"argument {function_name(function.node)}.{parameter.arg}", hint="tabby" in parameter.arg
    )


def _is_static(function: Function) -> bool:
    return decorated(function, ("staticmethod",))


def _client_by_annotation(annotation: ast.expr | None) -> Client | None:
    """The client that a parameter of that type is."""
    if annotation is None:
        return None
    text = ast.unparse(annotation).strip("'\"")
    for name, kind in CONSTRUCTORS.items():
        simple = name.rpartition(".")[2]
        if simple in ("session", "PoolManager"):
            continue
        if re.search(rf"\b{re.escape(simple)}\b", text) and (simple != "Client" or name in text):
            return Client(kind)
    return None
