"""How a value is written, such that readers of YAML 1.1 and 1.2 read that very value back."""

from __future__ import annotations

import functools
import json
import math
import re
from typing import Any

import yaml as pyyaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError, YAMLStreamError

from tabbydoctor.yaml.text import CannotEdit

# A stricter set than YAML's: plain in block and flow style, as a key and as a value.
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+:-]*(?: [A-Za-z0-9_./][A-Za-z0-9_./@+-]*)*")
# YAML 1.1 reads these as booleans; PyYAML does not, other readers do (yaml.org/type/bool.html).
_SHORT_BOOLEANS = frozenset("yYnN")
# What YAML's double quotes must escape beyond JSON's: its characters that are not printable.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def scalar(value: str | int | float | bool | None) -> str:
    """A scalar on one line, fit for block and flow style. Raises CannotEdit."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    return value if is_plain(value) else double_quoted(value)


def one_line(value: Any) -> str:
    """Any value on one line, lists and mappings in flow style. Raises CannotEdit."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(one_line(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{one_line(key)}: {one_line(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if value is None or isinstance(value, str | int | float):
        return scalar(value)
    raise CannotEdit(f"a {type(value).__name__} cannot be written as YAML here")


def double_quoted(value: str) -> str:
    """A string in JSON's quotes. Raises CannotEdit."""
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise CannotEdit("the new value is not Unicode text")
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda sign: f"\\u{ord(sign.group()):04x}", quoted)


@functools.lru_cache(maxsize=256)
def is_plain(value: str) -> bool:
    """Whether both versions of YAML read the bare word as this very string."""
    if not _PLAIN.fullmatch(value) or value in _SHORT_BOOLEANS or value.endswith(":"):
        return False
    wanted = {"block": value, "flow": [value, {value: value}]}
    text = f"block: {value}\nflow: [{value}, {{{value}: {value}}}]\n"
    try:
        read = [YAML(typ="safe", pure=True).load(text), pyyaml.safe_load(text)]
    except (YAMLError, YAMLStreamError, pyyaml.YAMLError, ValueError):
        return False
    return all(one == wanted for one in read)


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    # YAML 1.1 wants the point and the exponent's sign: 1e+16 would be a string to it.
    return f"{mantissa}.0e{exponent}" if mark and "." not in mantissa else text
