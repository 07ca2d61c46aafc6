"""One file of Traefik's as a tree of sections, whatever it is written in; names in any case."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from tabbydoctor.documents import Unreadable, toml_of
from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import Concern, HandEdit
from tabbydoctor.routers.traefik.toml import set_toml, toml_lines
from tabbydoctor.yaml.edit import CannotEdit, YamlValue, append_item, set_value
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.yaml11 import document

Form = Literal["yaml", "toml", "labels", "record", "flags"]
"""`record`: labels in an engine's record; `flags`: a command line. Neither is edited."""


class NotTraefik(Exception):  # noqa: N818 - an answer
    """Why a file is not followed, and where."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(frozen=True, slots=True)
class TraefikTree:
    """What one file says; of labels what those of one container say."""

    path: str
    text: str = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    lines: Mapping[KeyPath, int] = field(repr=False)
    form: Form = "yaml"
    labels: KeyPath = ()
    """Where the labels stand in their file."""
    then: str = ""
    """The command by which an edit counts; empty where Traefik sees it by itself."""

    def at(self, *place: str) -> Any:
        """A value; None where there is none."""
        return self._found(place)[0]

    def section(self, *place: str) -> Mapping[str, Any]:
        """A mapping; empty where there is none."""
        found = self.at(*place)
        return found if isinstance(found, Mapping) else {}

    def line(self, *place: str) -> int:
        """The line of a key, or of the nearest thing around it."""
        path = self._found(place)[1]
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def _found(self, place: tuple[str, ...]) -> tuple[Any, KeyPath]:
        """Traefik compares names of fields without regard to case."""
        value: Any = self.data
        path: KeyPath = ()
        for step in place:
            key = _key(value, step) if isinstance(value, Mapping) else None
            if key is None:
                return None, path
            value, path = value[key], (*path, key)
        return value, path

    def edits(
        self, concern: Concern, mends: int, values: Mapping[KeyPath, YamlValue], block: str
    ) -> Iterator[HandEdit]:
        """What setting some values changes, as lines; none where no place is proven right. The
        last ones first: what is pasted moves no line that another one names.
        """
        try:
            new = self._with(values).splitlines()
        except (CannotEdit, Unreadable):
            return
        old = self.text.splitlines()
        changes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        for kind, start, end, first, last in reversed(changes):
            if kind != "equal":
                at = start + 1 if end > start else start
                lines = tuple(new[first:last])
                yield HandEdit(
                    concern, self.path, at, lines, end - start, block, mends, self.then
                )  # fmt: skip

    def _with(self, values: Mapping[KeyPath, YamlValue]) -> str:
        """The text with some values set. Raises CannotEdit, Unreadable."""
        if self.form in ("flags", "record"):
            raise CannotEdit("it is no file that is edited")
        text = self.text
        for place, value in values.items():
            resolved = (*self._found(tuple(map(str, place)))[1],)
            place = (*resolved, *place[len(resolved) :])
            if self.form == "toml":
                text = set_toml(text, place, value)
            elif self.form == "labels":
                text = self._labelled(text, place, value)
            else:
                text = set_value(text.encode(), place, value).decode()
        return text

    def _labelled(self, text: str, place: KeyPath, value: YamlValue) -> str:
        """As a label, in the list or the mapping that the others are in."""
        label = ".".join(("traefik", *map(str, place)))
        told = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        given: Any = document(text).data
        for step in self.labels:
            given = given[step]
        if isinstance(given, Mapping):
            key = _key(given, label) or label
            return set_value(text.encode(), (*self.labels, key), told).decode()
        for number, one in enumerate(given):
            if str(one).partition("=")[0].lower() == label.lower():
                item = (*self.labels, number)
                return set_value(text.encode(), item, f"{label}={told}").decode()
        return append_item(text.encode(), self.labels, f"{label}={told}").decode()


def _key(section: Mapping[str, Any], step: str) -> str | None:
    if step in section:
        return step
    return next((key for key in section if str(key).lower() == step.lower()), None)


def tree_of(path: str, text: str) -> TraefikTree:
    """A file in YAML or TOML. Raises NotTraefik."""
    if path.lower().endswith(".toml"):
        try:
            return TraefikTree(path, text, toml_of(text), toml_lines(text), "toml")
        except Unreadable as error:
            raise NotTraefik(f"not valid TOML: {_without_values(str(error))}") from None
    parsed = document(text)
    if parsed.problem or not isinstance(parsed.data, Mapping):
        raise NotTraefik(parsed.detail or "not a mapping", parsed.line)
    return TraefikTree(path, text, parsed.data, parsed.lines)


def _without_values(message: str) -> str:
    """What the parser says, less what it quotes."""
    return message.partition(":")[0]
