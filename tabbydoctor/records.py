"""`dataclass` as the standard library has it, of which little is made before it is needed.

`dataclasses.dataclass` writes and compiles the source of up to nine methods for each class, half of
what a short run spends on starting. Here they are shared by all classes, and `__init__` alone is
compiled, when the first instance is made. `dataclasses.fields`, `replace`, `asdict` and a subclass
that is a standard dataclass find what they look for; `field` is that of the standard library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

__all__ = ["dataclass", "field", "fields", "replace"]

_SET = object.__setattr__


class _Shape(NamedTuple):
    """What is known of the fields of a class, those of its bases first."""

    annotations: Mapping[str, Any]
    defaults: Mapping[str, Any]
    """A value or a `dataclasses.Field`, for those that have either."""
    frozen: bool
    key: Callable[[Any], Any]
    """The values that are compared and hashed."""
    shown: tuple[str, ...]
    """The fields of its text: without those that are `repr=False`, secrets say."""


def _made(cls: type, frozen: bool, slots: bool) -> type:
    shape = _shape(cls, frozen)
    methods = _FROZEN if frozen else _CHANGEABLE
    if "__eq__" in vars(cls) and vars(cls)["__hash__"] is None:
        del cls.__hash__  # Python's own, for the sake of that `__eq__`
    ours = {**methods, "__match_args__": tuple(shape.annotations), "__record__": shape}
    made = (_with_slots if slots else _with_values)(cls, shape, ours)
    if "__init__" not in vars(made):
        made.__init__ = _late_init(made)  # type: ignore[misc]
    return made


def _with_slots(cls: type, shape: _Shape, ours: Mapping[str, Any]) -> type:
    """The class once more: slots are made with it."""
    left_out = {"__dict__", "__weakref__", *shape.annotations}
    own = {name: one for name, one in vars(cls).items() if name not in left_out}
    taken = {name for base in cls.__mro__[1:] for name in getattr(base, "__slots__", ())}
    slots = tuple(name for name in shape.annotations if name not in taken)
    own |= {"__slots__": slots, "__qualname__": cls.__qualname__}
    return type(cls)(cls.__name__, cls.__bases__, {**ours, **own})


def _with_values(cls: type, shape: _Shape, ours: Mapping[str, Any]) -> type:
    """The class itself, whose attributes are what a field is by default."""
    for name, one in ours.items():
        if name not in vars(cls) or name == "__record__":
            setattr(cls, name, one)
    for name, default in shape.defaults.items():
        if name in vars(cls) and isinstance(default, dataclasses.Field):
            delattr(cls, name)
    return cls


def _shape(cls: type, frozen: bool) -> _Shape:
    annotations: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        theirs, given = _inherited(base)
        annotations |= theirs
        defaults |= given
    for name, kind in cls.__annotations__.items():
        if not str(kind).startswith(("ClassVar", "typing.ClassVar")):
            annotations[name] = kind
            defaults |= {name: vars(cls)[name]} if name in vars(cls) else {}
    compared, shown = _chosen(annotations, defaults)
    key = attrgetter(*compared) if compared else _nothing
    return _Shape(annotations, defaults, frozen, key, shown)


def _inherited(base: type) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The annotations and the defaults of the fields that a base itself has."""
    shape = vars(base).get("__record__")
    if shape is not None:
        return shape.annotations, shape.defaults
    own = "__dataclass_fields__" in vars(base)
    standard = {one.name: one for one in dataclasses.fields(base)} if own else {}
    return {name: one.type for name, one in standard.items()}, standard


def _chosen(names: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The fields that are compared, and those that are shown."""
    own = {name: one for name, one in defaults.items() if isinstance(one, dataclasses.Field)}
    compared = tuple(name for name in names if name not in own or own[name].compare)
    return compared, tuple(name for name in names if name not in own or own[name].repr)


def _nothing(_: object) -> tuple[()]:
    return ()


def _late_init(cls: type) -> Callable[..., None]:
    def first(self: object, *values: object, **named: object) -> None:
        cls.__init__ = init = _init(cls)  # type: ignore[misc]
        init(self, *values, **named)

    return first


def _init(cls: Any) -> Callable[..., None]:
    """`__init__`, compiled."""
    shape: _Shape = cls.__record__
    scope: dict[str, Any] = {"_set": _SET, "_none": dataclasses.MISSING}
    taken, lines = ["self"], []
    for name in shape.annotations:
        default = shape.defaults.get(name, dataclasses.MISSING)
        value = name
        if isinstance(default, dataclasses.Field):
            if default.default_factory is not dataclasses.MISSING:
                scope[f"_new_{name}"] = default.default_factory
                value = f"_new_{name}() if {name} is _none else {name}"
            scope[f"_default_{name}"] = default.default
            given = default.default is dataclasses.MISSING and value == name
        else:
            scope[f"_default_{name}"] = default
            given = default is dataclasses.MISSING
        taken.append(name if given else f"{name}=_default_{name}")
        lines.append(f"_set(self, {name!r}, {value})" if shape.frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    body = "\n ".join(lines or ["pass"])
    exec(f"def __init__({', '.join(taken)}):\n {body}", scope)  # the fields' names alone
    init: Callable[..., None] = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _repr(self: Any) -> str:
    told = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__record__.shown)
    return f"{type(self).__qualname__}({told})"


def _eq(self: Any, other: Any) -> bool:
    if other.__class__ is not self.__class__:
        return NotImplemented  # type: ignore[no-any-return]
    key = self.__record__.key
    return bool(key(self) == key(other))


def _hash(self: Any) -> int:
    return hash(self.__record__.key(self))


def _refuse(self: Any, name: str, *value: object) -> None:
    if name in self.__record__.annotations or "__record__" in vars(type(self)):
        raise dataclasses.FrozenInstanceError(f"cannot change field {name!r}")
    (_SET if value else object.__delattr__)(self, name, *value)


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__record__.annotations]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__record__.annotations, state, strict=True):
        _SET(self, name, value)


class _Standard:
    """What `dataclasses` looks for in a class, made by itself when it does."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _: object, owner: Any) -> Any:
        shape: _Shape = owner.__record__
        parts = {"__annotations__": dict(shape.annotations), "__module__": owner.__module__}
        bare = type(owner.__name__, (), {**shape.defaults, **parts})
        wanted = dataclasses.dataclass(init=False, repr=False, eq=False, frozen=shape.frozen)
        setattr(owner, self._name, getattr(wanted(bare), self._name))
        return vars(owner)[self._name]


_CHANGEABLE: Mapping[str, Any] = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": None,
    "__dataclass_fields__": _Standard("__dataclass_fields__"),
    "__dataclass_params__": _Standard("__dataclass_params__"),
}
_FROZEN: Mapping[str, Any] = {
    **_CHANGEABLE,
    "__hash__": _hash,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__getstate__": _state,
    "__setstate__": _set_state,
}

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def replace(record, /, **changes):
        """As `dataclasses.replace`."""
        shape = getattr(record, "__record__", None)
        if shape is None or isinstance(record, type):
            return dataclasses.replace(record, **changes)
        kept = {name: getattr(record, name) for name in shape.annotations if name not in changes}
        return type(record)(**kept, **changes)

    def dataclass(cls=None, /, *, frozen=False, slots=False):
        """As `dataclasses.dataclass`, with these two of its options."""
        if cls is not None:
            return _made(cls, frozen, slots)
        return lambda given: _made(given, frozen, slots)
