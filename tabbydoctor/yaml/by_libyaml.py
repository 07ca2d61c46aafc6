"""libyaml's syntax with ruamel.yaml's YAML 1.2 reading of plain words."""

from __future__ import annotations

import re
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from tabbydoctor.yaml.nodes import KeyPath, lines

DEEP = 8  # libyaml's composer recurses without a bound of its own
TOO_DEEP = 500  # ruamel takes two frames a level, of Python's thousand
_STR = "tag:yaml.org,2002:str"
_TAG = re.compile(r"(?:^|[\s,\[{])[!&*]", re.MULTILINE)
"""What may be a tag, of which ruamel.yaml makes an object of its own, or an anchor, of which it
and libyaml allow different names."""


class _Yaml12Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    _resolver = YAML(typ="rt").resolver

    def resolve(self, kind: type, value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return str(self._resolver.resolve(ScalarNode, value, implicit))
        return str(super().resolve(kind, value, implicit))


def mapping(text: str) -> tuple[Any, dict[KeyPath, int]] | None:
    """As `quick_mapping`, of a text of any size that is nested no deeper than DEEP."""
    if _TAG.search(text):
        return None
    try:
        root = yaml.compose(text, Loader=_Yaml12Loader)
    except yaml.YAMLError:
        return None
    if not isinstance(root, yaml.MappingNode):
        return None
    document: dict[str, Any] = {}
    for key, value in root.value:
        if key.tag != _STR or key.value in document:
            return None
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if any(item.tag != _STR for item in items):
            return None
        words = [item.value for item in items]
        document[key.value] = words if isinstance(value, yaml.SequenceNode) else words[0]
    return document, lines(root)


def depth(text: str) -> int:
    """How deep the document is nested, as far as it can be parsed."""
    now = deepest = 0
    try:
        for event in yaml.parse(text, Loader=_Yaml12Loader):
            now += isinstance(event, yaml.CollectionStartEvent)
            now -= isinstance(event, yaml.CollectionEndEvent)
            deepest = max(deepest, now)
            if now > TOO_DEEP:
                break
    except (yaml.YAMLError, RecursionError):
        return deepest
    return deepest
