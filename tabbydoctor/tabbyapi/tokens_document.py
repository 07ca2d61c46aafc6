"""The content of a tokens file: parsed by ruamel.yaml, validated by pydantic, as TabbyAPI does.

A large file (thousands of keys) takes a quicker way to the same result: libyaml, with
ruamel's YAML 1.2 resolver. Whatever libyaml does not take plainly goes to ruamel after all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import ScalarNode

from tabbydoctor.tabbyapi.tokens import TokensProblem

_LARGE = 16 << 10
_TOO_LARGE = 256 << 10  # ruamel would take many seconds
_DEEP = 8  # libyaml's composer recurses without a bound of its own
_TOO_DEEP = 500  # ruamel takes two frames a level, of Python's thousand
_STR = "tag:yaml.org,2002:str"
_TAG = re.compile(r"(?:^|[\s,\[{])[!&*]", re.MULTILINE)
"""What may be a tag, of which ruamel.yaml makes an object of its own, or an anchor, of which it
and libyaml allow different names."""

Place = tuple[str | int, ...]


class _Keys(BaseModel):
    """What TabbyAPI accepts since 2026-07-16."""

    api_key: str | list[str]
    admin_key: str


class _SingleKey(BaseModel):
    """What TabbyAPI accepted before."""

    api_key: str
    admin_key: str


@dataclass(frozen=True, slots=True)
class TokensDocument:
    """What a tokens file says. `secrets` is everything in it that may be a key."""

    problem: TokensProblem | None = None
    detail: str = ""
    line: int | None = None
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    admin_key: str | None = field(default=None, repr=False)
    is_list: bool = False
    empty_api_key: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)


def parse(data: bytes, key_lists: bool = True) -> TokensDocument:
    """Judge a tokens file as TabbyAPI would. Never raises for what it holds."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return TokensDocument("unparseable", "it is not UTF-8", line)
    try:
        quick = _quick(text)
        if quick is None and len(text) > _TOO_LARGE:
            return TokensDocument("unreadable", "it is too large to be judged")
        document, lines = quick or _exact(text)
    except Exception as error:  # noqa: BLE001 - TabbyAPI too ends on any of ruamel's (`!!set`)
        return _unparseable(error, text)
    if not isinstance(document, Mapping):
        what = "it is empty" if document is None else "it is not a mapping of keys"
        return TokensDocument("invalid", what, 1, secrets=_loose_secrets(text))
    found = _validated(document, lines, key_lists)
    # A number that should have been a key is not what was written any more: take the words.
    return replace(found, secrets=found.secrets + _loose_secrets(text)) if found.problem else found


def _validated(
    document: Mapping[Any, Any], lines: Mapping[Place, int], key_lists: bool
) -> TokensDocument:
    secrets = tuple(_secrets(document))
    given = document.get("api_key")
    try:
        keys = (_Keys if key_lists else _SingleKey).model_validate(dict(document))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        # A union reports each of its members; the item of a list says the most.
        place = max((_place(item["loc"]) for item in details[:50]), key=len)
        place = place if place[0] == "api_key" else _place(details[0]["loc"])
        detail = _complaint(document, place, isinstance(given, list) and not key_lists)
        line = lines.get(place) or lines.get(place[:1])
        return TokensDocument("invalid", detail, line, is_list=False, secrets=secrets)
    api_keys = (keys.api_key,) if isinstance(keys.api_key, str) else tuple(keys.api_key)
    return TokensDocument(
        api_keys=tuple(key for key in api_keys if key),
        admin_key=keys.admin_key,
        is_list=not isinstance(keys.api_key, str),
        empty_api_key="" in api_keys,
        secrets=secrets,
    )


def _place(location: tuple[str | int, ...]) -> Place:
    """pydantic's location without the names of union members."""
    return tuple(part for part in location if part not in ("str", "list[str]"))


def _complaint(document: Mapping[Any, Any], place: Place, refused_list: bool) -> str:
    name = str(place[0])
    if name not in document:
        return f"`{name}` is missing"
    if refused_list:
        return f"`{name}` is a list, and the installed version takes a single key"
    value = document[name]
    where = f"`{name}`"
    if len(place) > 1 and isinstance(value, list) and isinstance(place[1], int):
        value, where = value[place[1]], f"entry {place[1] + 1} of `{name}`"
    if value is None:
        return f"{where} is empty"
    kinds = {bool: "a truth value", int: "a number", float: "a number"}
    kind = next((word for type_, word in kinds.items() if isinstance(value, type_)), "")
    if kind:
        return f"{where} is read as {kind}, not as text: it needs quotes"
    return f"{where} is not text"


def _unparseable(error: Exception, text: str) -> TokensDocument:
    """Only the parser's general words: what it quotes may be a key."""
    line = None
    words = ""
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        problem = error.problem or ""
        words = re.split(r"""["'`<]|,? but found$""", problem)[0].removesuffix(", but found ")
        words = "a tab stands where only spaces may" if "\\t" in problem else words.strip(" ,")
    elif isinstance(error, RecursionError):
        words = "it is nested too deeply"
    detail = f"it is not valid YAML: {words}" if words else "it is not valid YAML"
    return TokensDocument("unparseable", detail, line, secrets=_loose_secrets(text))


def _loose_secrets(text: str) -> tuple[str, ...]:
    """Words of an unusable file that may be keys: long ones that name no value."""
    bare = re.sub(r"(?m)(^|\s)#.*$", "", text)
    words = re.findall(r"(?<![^\s\"',:\[\]{}])[^\s\"',:\[\]{}]{8,}+(?![\"']?\s*:)", bare)
    return tuple(dict.fromkeys(words[:1000]))


def _secrets(document: Mapping[Any, Any]) -> Iterator[str]:
    """The texts under any name that speaks of a key, whether TabbyAPI takes them or not."""
    for name, value in document.items():
        if re.search(r"(?i)key|token|secret", str(name)):
            items = value if isinstance(value, list) else [value]
            yield from (item for item in items if isinstance(item, str))


def _exact(text: str) -> tuple[Any, dict[Place, int]]:
    """Load it exactly as TabbyAPI does. Raises YAMLError, ValueError, RecursionError."""
    document = YAML(typ=["rt", "safe"]).load(text)
    lines: dict[Place, int] = {}
    for name, marks in (getattr(getattr(document, "lc", None), "data", None) or {}).items():
        lines[(name,)] = marks[0] + 1
        value = document.get(name) if isinstance(document, Mapping) else None
        items = getattr(getattr(value, "lc", None), "data", None) or {}
        if isinstance(value, list):
            lines |= {(name, index): item[0] + 1 for index, item in items.items()}
    return document, lines


class _Yaml12Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's syntax with ruamel's YAML 1.2 reading of plain words."""

    _resolver = YAML(typ="rt").resolver

    def resolve(self, kind: type, value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return str(self._resolver.resolve(ScalarNode, value, implicit))
        return str(super().resolve(kind, value, implicit))


def _quick(text: str) -> tuple[Any, dict[Place, int]] | None:
    """A large plain file by libyaml; None for anything that is not plainly a mapping of text."""
    depth = _depth(text)
    if depth > _TOO_DEEP:
        raise RecursionError
    if len(text) < _LARGE or depth > _DEEP or _TAG.search(text):
        return None
    try:
        root = yaml.compose(text, Loader=_Yaml12Loader)
    except yaml.YAMLError:
        return None
    if not isinstance(root, yaml.MappingNode):
        return None
    document: dict[str, Any] = {}
    lines: dict[Place, int] = {}
    for key, value in root.value:
        if key.tag != _STR or key.value in document:
            return None
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if any(item.tag != _STR for item in items):
            return None
        lines[(key.value,)] = key.start_mark.line + 1
        words = [item.value for item in items]
        document[key.value] = words if isinstance(value, yaml.SequenceNode) else words[0]
    return document, lines


def _depth(text: str) -> int:
    """How deep the document is nested, as far as it can be parsed."""
    depth = deepest = 0
    try:
        for event in yaml.parse(text, Loader=_Yaml12Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            deepest = max(deepest, depth)
            if depth > _TOO_DEEP:
                break
    except (yaml.YAMLError, RecursionError):
        return deepest
    return deepest
