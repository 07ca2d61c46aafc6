"""The content of a tokens file: parsed by ruamel.yaml, validated by pydantic, as TabbyAPI does.

A large file (thousands of keys) takes a quicker way to the same result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.tabbyapi.tokens import TokensProblem
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.problems import told
from tabbydoctor.yaml.quick import quick_mapping
from tabbydoctor.yaml.yaml12 import round_trip

_TOO_LARGE = 256 << 10  # ruamel would take many seconds


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
        quick = quick_mapping(text)
        if quick is None and len(text) > _TOO_LARGE:
            return TokensDocument("unreadable", "it is too large to be judged")
        document, lines = quick or round_trip(text)
    except Exception as error:  # noqa: BLE001 - TabbyAPI too ends on any of ruamel's (`!!set`)
        return _unparseable(error, text)
    if not isinstance(document, Mapping):
        what = "it is empty" if document is None else "it is not a mapping of keys"
        return TokensDocument("invalid", what, 1, secrets=_loose_secrets(text))
    found = _validated(document, lines, key_lists)
    # A number that should have been a key is not what was written any more: take the words.
    return replace(found, secrets=found.secrets + _loose_secrets(text)) if found.problem else found


def _validated(
    document: Mapping[Any, Any], lines: Mapping[KeyPath, int], key_lists: bool
) -> TokensDocument:
    secrets = tuple(_secrets(document))
    given, admin_key = document.get("api_key"), _text(document.get("admin_key"))
    is_list = isinstance(given, list)
    api_keys = tuple(map(_text, given)) if isinstance(given, list) else (_text(given),)
    texts = all(isinstance(key, str) for key in (*api_keys, admin_key))
    if not texts or (is_list and not key_lists):
        place = _refused(document, key_lists)
        detail = _complaint(document, place, is_list and not key_lists)
        line = lines.get(place) or lines.get(place[:1])
        return TokensDocument("invalid", detail, line, is_list=False, secrets=secrets)
    return TokensDocument(
        api_keys=tuple(str(key) for key in api_keys if key),
        admin_key=str(admin_key),
        is_list=is_list,
        empty_api_key="" in api_keys,
        secrets=secrets,
    )


def _text(value: Any) -> Any:
    """`!!binary` is bytes, which pydantic takes for text where they are UTF-8."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _refused(document: Mapping[Any, Any], key_lists: bool) -> KeyPath:
    """What pydantic, which takes texts alone for texts, complains of first: of a list, its item."""
    given = document.get("api_key")
    if isinstance(given, list) and key_lists:
        wrong = [index for index, key in enumerate(given) if not isinstance(_text(key), str)]
        return ("api_key", wrong[0]) if wrong else ("admin_key",)
    return ("admin_key",) if isinstance(_text(given), str) else ("api_key",)


def _complaint(document: Mapping[Any, Any], place: KeyPath, refused_list: bool) -> str:
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
    problem, line = told(error)
    words = ""
    if problem:
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
