"""Settings classes of pydantic: their fields are variables of the environment."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tabbydoctor.routers.values import Class, Const, External, Value

if TYPE_CHECKING:
    from tabbydoctor.routers.interpreter import Interpreter

_ALIASES = ("alias", "validation_alias", "env")
_PREFIX = re.compile(r"\benv_prefix\b['\"]?\s*[=:]\s*['\"](\w*)['\"]")


def is_settings(class_: Class) -> bool:
    """Whether pydantic fills it from the environment."""
    return any(
        is_settings(base) if isinstance(base, Class) else _is_base(base) for base in class_.bases
    )


def _is_base(base: Value) -> bool:
    return isinstance(base, External) and base.name.rpartition(".")[2] == "BaseSettings"


def settings_of(run: Interpreter, class_: Class) -> Mapping[str, Value]:
    """Field -> the value of its variable, whose case does not matter; its default without."""
    found: dict[str, Value] = {}
    for base in class_.bases:
        found |= settings_of(run, base) if isinstance(base, Class) else {}
    prefix = _PREFIX.search(ast.unparse(class_.node))
    for field in class_.node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            name = field.target.id
            variable = _alias(field.value) or (prefix[1] if prefix else "") + name
            given = [each for each in run.variables if each.lower() == variable.lower()]
            default = dict(class_.attributes).get(name)
            known = default if isinstance(default, Const) else None
            variable = given[0] if given else variable.upper()
            found[name] = run.environment(variable, field.lineno, known)
    return found


def _alias(default: ast.expr | None) -> str:
    """`Field(alias="NAME")`: another name for the variable."""
    for keyword in default.keywords if isinstance(default, ast.Call) else ():
        if keyword.arg in _ALIASES and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""
