"""YAML 1.2, as ruamel.yaml's round-trip loader has it.

The text may be hostile: what is read is bounded before anything is built from it, and no
message repeats a value, which may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedKeySeq
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLStreamError
from ruamel.yaml.nodes import Node
from ruamel.yaml.scalarbool import ScalarBoolean

from tabbydoctor.yaml.document import YamlDocument
from tabbydoctor.yaml.nodes import MAX_EXPANDED, MAX_NODES, KeyPath, expanded, lines
from tabbydoctor.yaml.problems import told, without_values

MAX_BYTES = 256 << 10
"""The most of a file that is read; ruamel.yaml reads some 100 KB in a second."""
MAX_BITS = 4_000
"""The widest whole number: Python itself prints no more than 4,300 digits."""


class _TooLarge(Exception):  # noqa: N818 - a limit, not an error
    pass


class _Bomb(Exception):  # noqa: N818
    """Aliases that expand beyond MAX_EXPANDED: how many values, and the document's line."""

    def __init__(self, values: float, line: int) -> None:
        super().__init__(values, line)
        self.values, self.line = values, line


class _BoundedComposer(Composer):
    """A composer that gives up on what is too large, before anything is built from it."""

    seen = 0
    root: Node | None = None

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.seen += 1
        if self.seen > MAX_NODES:
            raise _TooLarge(f"it has more than {MAX_NODES} YAML nodes")
        return super().compose_node(parent, index)

    def get_single_node(self) -> Any:
        self.root = super().get_single_node()
        if self.root is not None and (values := expanded(self.root)) > MAX_EXPANDED:
            raise _Bomb(values, self.root.start_mark.line + 1)
        return self.root


def document(data: bytes) -> YamlDocument:
    """The single document of a file. Never raises for its content."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return YamlDocument(problem="not-utf8", detail="it is not UTF-8 text", line=line)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        return _read(text)
    except _TooLarge as limit:
        return YamlDocument(problem="too-large", detail=str(limit))
    except _Bomb as bomb:
        return _bomb(bomb)
    except RecursionError:
        return YamlDocument(problem="syntax", detail="it is nested too deeply")
    except MarkedYAMLError as error:
        return _marked(error)
    except (YAMLError, YAMLStreamError) as error:
        # A ReaderError: characters that YAML does not allow.
        position = getattr(error, "position", None)
        at = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
        return YamlDocument(problem="syntax", detail="it has control characters", line=at)
    except Exception as error:  # noqa: BLE001 - any of ruamel's means a bad file
        detail = f"a value is not what its YAML tag says ({type(error).__name__})"
        return YamlDocument(problem="syntax", detail=detail)


def round_trip(text: str) -> tuple[Any, dict[KeyPath, int]]:
    """A document in ruamel.yaml's own types, unbounded, and the lines of its first two levels.

    Raises YAMLError, ValueError, RecursionError, or whatever else ruamel.yaml ends on.
    """
    document = YAML(typ=["rt", "safe"]).load(text)
    found: dict[KeyPath, int] = {}
    for name, marks in (getattr(getattr(document, "lc", None), "data", None) or {}).items():
        found[(name,)] = marks[0] + 1
        value = document.get(name) if isinstance(document, Mapping) else None
        items = getattr(getattr(value, "lc", None), "data", None) or {}
        if isinstance(value, list):
            found |= {(name, index): item[0] + 1 for index, item in items.items()}
    return document, found


def _read(text: str) -> YamlDocument:
    yaml = YAML(typ=["rt", "safe"])
    yaml.Composer = _BoundedComposer
    # A name that is anchored twice is legal; ruamel's warning would quote the file, secrets too.
    yaml.composer.warn_double_anchors = False
    data = _plain(yaml.load(text))
    root = yaml.composer.root
    if root is None or data is None:
        return YamlDocument(problem="empty", detail="it holds nothing")
    return YamlDocument(data, lines(root))


def _bomb(bomb: _Bomb) -> YamlDocument:
    size = "without end" if bomb.values == float("inf") else f"to {bomb.values:.0e} values"
    detail = f"its aliases expand {size}"
    return YamlDocument(problem="alias-bomb", detail=detail, line=bomb.line)


def _plain(value: Any) -> Any:
    """ruamel's own types as plain ones, merge keys resolved."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, CommentedKeySeq):
        return tuple(_plain(item) for item in value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, ScalarBoolean):
        return bool(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise _TooLarge("it has a number of more digits than can be shown")
    plain = next((kind for kind in (int, float, str) if isinstance(value, kind)), None)
    return plain(value) if plain else value


def _marked(error: MarkedYAMLError) -> YamlDocument:
    problem, line = told(error)
    if isinstance(error, DuplicateKeyError):
        found = re.search(r'duplicate key "([A-Za-z0-9_.-]+)"', problem)
        name = f" ({found.group(1)})" if found else ""
        return YamlDocument(problem="syntax", detail=f"a key stands twice{name}", line=line)
    problem = problem or "cannot be read as YAML"
    if "but found another document" in problem:
        detail = "it holds several documents (a second `---`)"
        return YamlDocument(problem="several-documents", detail=detail, line=line)
    if "'\\t'" in problem:
        detail = "a tab where YAML allows only spaces"
        return YamlDocument(problem="syntax", detail=detail, line=line)
    return YamlDocument(problem="syntax", detail=without_values(problem), line=line)
