"""Records beside what the standard library makes of the same class: none may tell them apart."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import field
from functools import cached_property
from typing import Any, ClassVar

import msgspec
import pytest

from tabbydoctor import records

SECRET = "a1" * 16


class Door:
    kinds: ClassVar[tuple[str, ...]] = ("wood",)
    name: str
    key: str = field(default="", repr=False)
    notes: list[str] = field(default_factory=list, compare=False)
    width: int = 2

    @property
    def wide(self) -> bool:
        return self.width > 1


class Bare:
    """Nothing in it."""


def made(by: Callable[..., Any], given: type, **options: bool) -> Any:
    """A class of its own, by either."""
    return by(**options)(type(given.__name__, given.__bases__, dict(_body(given))))


def _body(given: type) -> dict[str, Any]:
    return {k: v for k, v in vars(given).items() if k not in ("__dict__", "__weakref__")}


OPTIONS = [{}, {"frozen": True}, {"slots": True}, {"frozen": True, "slots": True}]


@pytest.fixture(params=OPTIONS, ids=str)
def both(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """Ours and the standard one."""
    kinds = records.dataclass, dataclasses.dataclass
    ours, standard = (made(by, Door, **request.param) for by in kinds)
    return ours, standard


def outcome(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - its kind is what is compared
        return type(error)


USES: dict[str, Callable[[Any], object]] = {
    "text": lambda kind: repr(kind("a", SECRET, ["b"])),
    "by position": lambda kind: dataclasses.astuple(kind("a", "b", ["c"], 3)),
    "by name": lambda kind: dataclasses.asdict(kind(width=3, name="a")),
    "a value too few": lambda kind: kind(),
    "a value too many": lambda kind: kind("a", "b", [], 3, 4),
    "an unknown name": lambda kind: kind("a", colour="red"),
    "equal": lambda kind: kind("a", notes=["b"]) == kind("a", notes=["c"]),
    "unequal": lambda kind: kind("a") == kind("b"),
    "another kind": lambda kind: kind("a") == "a",
    "hash": lambda kind: hash(kind("a")) == hash(kind("a", notes=["b"])),
    "a list each": lambda kind: kind("a").notes is kind("a").notes,
    "a property": lambda kind: kind("a").wide,
    "of the class": lambda kind: kind("a").kinds,
    "set": lambda kind: setattr(kind("a"), "name", "b"),
    "delete": lambda kind: delattr(kind("a"), "name"),
    "set what is no field": lambda kind: isinstance(
        outcome(lambda: setattr(kind("a"), "colour", "red")), type
    ),
    "replace": lambda kind: dataclasses.asdict(dataclasses.replace(kind("a", "b"), width=5)),
    "replace what is none": lambda kind: dataclasses.replace(kind("a"), colour="red"),
    "replace, ours": lambda kind: repr(records.replace(kind("a", "b"), width=5)),
    "replace what is none, ours": lambda kind: records.replace(kind("a"), colour="red"),
    "replace in a class": lambda kind: records.replace(kind, name="b"),
    "fields": lambda kind: [(one.name, one.repr, one.compare) for one in dataclasses.fields(kind)],
    "known": lambda kind: (dataclasses.is_dataclass(kind), dataclasses.is_dataclass(int)),
    "match": lambda kind: kind.__match_args__,
    "copy": lambda kind: repr(copy.copy(kind("a", "b"))),
    "deep copy": lambda kind: copy.deepcopy(kind("a", notes=["b"])).notes,
    "as JSON": lambda kind: msgspec.json.encode(kind("a")),
    "from JSON": lambda kind: repr(msgspec.convert({"name": "a", "width": 4}, kind)),
    "heir, standard": lambda kind: repr(heir(dataclasses.dataclass, kind)("a", more=1)),
    "heir": lambda kind: repr(heir(records.dataclass, kind)("a", more=1)),
    "a plain heir": lambda kind: repr(type("Plain", (kind,), {"__slots__": ()})("a")),
    "slots": lambda kind: getattr(kind, "__slots__", None),
    "a dictionary": lambda kind: sorted(vars(kind("a"))),
}


def heir(by: Callable[..., Any], kind: Any) -> Any:
    frozen = kind.__dataclass_params__.frozen
    body = {"__annotations__": {"more": "int"}, "more": 0, "__module__": __name__}
    return by(frozen=frozen)(type("Heir", (kind,), body))


@pytest.mark.parametrize("use", USES)
def test_as_the_standard_one(both: tuple[Any, Any], use: str) -> None:
    ours, standard = (outcome(lambda kind=kind: USES[use](kind)) for kind in both)  # type: ignore[misc]
    assert ours == standard


def test_a_secret_is_never_in_a_text(both: tuple[Any, Any]) -> None:
    assert SECRET not in repr(both[0]("a", SECRET))
    assert SECRET not in repr(heir(records.dataclass, both[0])("a", SECRET))


@records.dataclass(frozen=True, slots=True)
class Kept:
    name: str
    parts: tuple[str, ...] = ()


@records.dataclass(frozen=True)
class Counted:
    parts: tuple[str, ...] = ()
    taken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taken.append(len(self.parts))

    @cached_property
    def many(self) -> int:
        return len(self.parts)


def test_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept("a", ("b",)))) == Kept("a", ("b",))


def test_after_it_is_made() -> None:
    counted = Counted(("a", "b"))
    assert (counted.taken, counted.many, counted.many) == ([2], 2, 2)


def test_nothing_in_it() -> None:
    ours, standard = (made(by, Bare) for by in (records.dataclass, dataclasses.dataclass))
    assert (repr(ours()), ours() == ours()) == (repr(standard()), standard() == standard())


def test_a_word_of_its_own_for_equality() -> None:
    body = {"__annotations__": {"a": "int"}, "__eq__": lambda *_: True, "__module__": __name__}
    ours, standard = (  # type: ignore[var-annotated]
        by(frozen=True)(type("Same", (), dict(body)))
        for by in (records.dataclass, dataclasses.dataclass)
    )
    assert ours(1) == ours(2)
    assert hash(ours(1)) == hash(ours(1))
    assert outcome(lambda: hash(standard(1))) is not TypeError


def test_none_of_the_doctors_own_is_compiled_at_start() -> None:
    told = (
        "import dataclasses; made = []; real = dataclasses._process_class\n"
        "def noted(cls, init, *rest):\n"
        "    made.append(cls.__module__ if init else ''); return real(cls, init, *rest)\n"
        "dataclasses._process_class = noted\n"
        "import tabbydoctor.cli.check\n"
        "print([name for name in made if name.startswith('tabbydoctor')])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
