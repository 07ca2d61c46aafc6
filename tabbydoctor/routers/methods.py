"""What methods of plain values give: strings, paths, dictionaries, lists, files, answers."""

from __future__ import annotations

import operator
import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tabbydoctor.documents import whole_number
from tabbydoctor.routers import machine
from tabbydoctor.routers.assignment import put_at
from tabbydoctor.routers.budget import MOST_PARTS
from tabbydoctor.routers.lookup import item
from tabbydoctor.routers.operators import filled
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.values import (
    NOTHING,
    SOMETHING,
    Const,
    Function,
    Items,
    OpenFile,
    Response,
    Table,
    Text,
    Unknown,
    Value,
    built,
    likely_text,
    text_of,
)
from tabbydoctor.routers.world import Outcome

if TYPE_CHECKING:
    from tabbydoctor.routers.calls import Site

SAME = {
    "lower",
    "casefold",
    "encode",
    "decode",
    "expanduser",
    "resolve",
    "absolute",
    "get_secret_value",
    "copy",
    "mutablecopy",
    "model_dump",
    "dict",
    "__aenter__",
    "__enter__",
    "splitlines",
    "title",
    "upper",
}
"""Methods whose result stands for the same thing."""
STRIPS = {"strip", "rstrip", "lstrip", "removesuffix", "removeprefix"}


def of_text(base: Value, name: str, site: Site) -> Iterator[Outcome]:
    """Methods of strings, paths, and things unknown."""
    world = site.world
    first = plain(site.argument(0) or NOTHING)
    if name == "get" and site.arguments:
        yield from item(site.run, base, first, site.line, world, site.argument(1) or NOTHING)
    elif name in STRIPS:
        yield _stripped(base, name, first), world
    elif name in SAME:
        yield _same(base, name), world
    elif name in ("startswith", "endswith"):
        yield from _affix(base, name, first, site)
    elif name == "format" and (template := likely_text(base)) is not None:
        yield _formatted(template, site), world
    elif name == "replace" and isinstance(base, Const):
        yield _replaced(base, first, plain(site.argument(1) or NOTHING)), world
    elif name in _PATH_METHODS:
        yield _of_path(base, name, first, site), world
    elif name == "run_in_executor":
        yield from _executed(site)
    elif isinstance(base, Unknown) and name in _DATA_METHODS:
        yield _of_unknown(base, name, site), world
    else:
        yield from _passed(site)


_PATH_METHODS = {
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "open",
    "exists",
    "is_file",
    "joinpath",
}
_DATA_METHODS = {"items", "values", "keys", "json", "body", "form", "read"}


def _of_path(base: Value, name: str, first: Value, site: Site) -> Value:
    """Methods of pathlib.Path."""
    if name in ("read_text", "read_bytes"):
        where = machine.opened(site, base, Const("r")).path
        return Unknown(f"file {where or ''}", line=site.line)
    if name in ("write_text", "write_bytes"):
        machine.opened(site, base, Const("w"))
        return NOTHING
    if name == "open":
        return machine.opened(site, base, site.argument(0, "mode"))
    if name == "joinpath":
        return text_of(base, Const("/"), first)
    return Unknown(f"exists {likely_text(base)}")


def _of_unknown(base: Unknown, name: str, site: Site) -> Value:
    if name in ("items", "values", "keys"):
        return _unknown_entries(base, name, site)
    return Unknown(base.root, (*base.path, f"{name}()"))


def _replaced(base: Const, old: Value, new: Value) -> Value:
    before, after = likely_text(old), likely_text(new)
    if isinstance(base.value, str) and before is not None and after is not None:
        grown = base.value.count(before) * max(len(after) - len(before), 0)
        return built(
            lambda text: text.replace(before, after),
            base.value,
            len(base.value) + grown,
            base.hint,
        )
    return base


def _passed(site: Site) -> Iterator[Outcome]:
    from tabbydoctor.routers.calls import handed_on

    yield from handed_on(site)


def _executed(site: Site) -> Iterator[Outcome]:
    from tabbydoctor.routers.calls import Site, apply

    if len(site.arguments) < 2:
        yield site.result(), site.world
        return
    inner = Site(site.run, site.node, site.arguments[2:], {}, site.world)
    yield from apply(site.arguments[1], inner)


def _stripped(base: Value, name: str, what: Value) -> Value:
    characters = likely_text(what)
    if characters is None or "\n" in characters:
        base = _trimmed(base, name)
    if isinstance(base, Const) and isinstance(base.value, str):
        return Const(getattr(base.value, name)(*([characters] if characters else [])), base.hint)
    if isinstance(base, Text) and characters and name in ("rstrip", "strip", "removesuffix"):
        last = base.parts[-1]
        if isinstance(last, Const) and isinstance(last.value, str):
            return text_of(*base.parts[:-1], Const(last.value.rstrip(characters), last.hint))
    if isinstance(base, Unknown) and base.likely and isinstance(base.likely.value, str):
        likely = Const(base.likely.value.rstrip(characters) if characters else base.likely.value)
        return replace(base, likely=likely)
    return base


def _trimmed(base: Value, name: str) -> Value:
    """What is left of something unknown without a newline at its end."""
    if name in ("lstrip", "removeprefix"):
        return base
    if isinstance(base, Unknown):
        return replace(base, trimmed=True)
    if isinstance(base, Text) and isinstance(base.parts[-1], Unknown):
        return Text((*base.parts[:-1], replace(base.parts[-1], trimmed=True)))
    return base


def _same(base: Value, name: str) -> Value:
    if isinstance(base, Const) and isinstance(base.value, str):
        if name in ("lower", "upper", "title", "casefold"):
            return built(operator.methodcaller(name), base.value, len(base.value), base.hint)
        if name == "splitlines" and base.value.count("\n") < MOST_PARTS:
            return Items(tuple(Const(line) for line in base.value.splitlines()))
    return base


def _affix(base: Value, name: str, affix: Value, site: Site) -> Iterator[Outcome]:
    wanted = affix.value if isinstance(affix, Const) else None
    known = base.value if isinstance(base, Const) else None
    if isinstance(base, Text) and name == "startswith" and isinstance(base.parts[0], Const):
        head = str(base.parts[0].value)
        if isinstance(wanted, str) and len(head) >= len(wanted):
            known = head
    if isinstance(known, str) and isinstance(wanted, str):
        yield Const(getattr(known, name)(wanted)), site.world
    elif isinstance(base, Unknown) and base.root and isinstance(wanted, str):
        for holds in (True, False):
            then = site.world.assume(base, name, wanted, holds)
            if then:
                yield Const(holds), then
    else:
        yield site.result(), site.world


def _formatted(template: str, site: Site) -> Value:
    pieces = _FIELD.split(template)
    values: list[Value] = []
    position = 0
    for name in pieces[1::2]:
        key = name.partition(":")[0]
        index = whole_number(key) if key else position
        if index is None:
            values.append(plain(site.keywords.get(key, SOMETHING)))
        else:
            values.append(plain(site.argument(index) or SOMETHING))
            position += 1
    return filled(pieces[::2], values)


_FIELD = re.compile(r"\{([^}]*)\}?")


def _unknown_entries(base: Unknown, name: str, site: Site) -> Value:
    key, value = base.part("key of *", site.line), base.part("*", site.line)
    if name == "items":
        return Items((Items((key, value)),), more=True)
    return Items((value if name == "values" else key,), more=True)


def of_table(base: Table, name: str, site: Site) -> Iterator[Outcome]:
    """Methods of dictionaries; those that change it change what the receiver stands for."""
    world, place = site.world, site.receiver
    key = plain(site.argument(0) or NOTHING)
    if name == "get":
        default = site.argument(1) or NOTHING
        yield from item(site.run, base, key, site.line, world, default)
    elif name in ("items", "keys", "values"):
        yield _entries(base, name), world
    elif name in ("copy", "model_dump"):
        yield base, world
    elif name in ("update", "setdefault", "pop", "clear") and place is not None:
        changed = _changed(base, name, key, site)
        result = base.get(key) or site.argument(1) or NOTHING
        for then in put_at(site.run, place, changed, world):
            yield (result if name != "update" else NOTHING), then
    else:
        yield site.result(), world


def _changed(base: Table, name: str, key: Value, site: Site) -> Table:
    if name == "pop":
        return base.drop(key)
    if name == "clear":
        return Table()
    if name == "setdefault":
        return base if base.get(key) is not None else base.put(key, site.argument(1) or NOTHING)
    result = base.merged(key)
    for word, value in site.keywords.items():
        result = result.put(Const(word), value)
    return result


def _entries(base: Table, name: str) -> Value:
    more = base.rest is not None
    if name == "items":
        return _with_rest(base, Items(tuple(Items(pair) for pair in base.items), more))
    if name == "keys":
        return Items(tuple(key for key, _ in base.items), more)
    return Items(tuple(value for _, value in base.items), more)


def _with_rest(base: Table, items: Items) -> Items:
    if base.rest is None:
        return items
    key = Unknown(base.rest.root, (*base.rest.path, "key of *"))
    return Items((*items.items, Items((key, base.rest.part("*", 0)))), True)


def of_items(base: Items, name: str, site: Site) -> Iterator[Outcome]:
    """Methods of lists; `append` and its kin change what the receiver stands for."""
    place, value = site.receiver, site.argument(0)
    if name in ("append", "add") and place is not None and value is not None:
        changed = Items((*base.items, value), base.more)
        for then in put_at(site.run, place, changed, site.world):
            yield NOTHING, then
    elif name == "extend" and place is not None and isinstance(value, Items):
        changed = Items((*base.items, *value.items), base.more or value.more)
        for then in put_at(site.run, place, changed, site.world):
            yield NOTHING, then
    elif name == "pop" and base.items:
        yield base.items[-1], site.world
    else:
        yield site.result(), site.world


def of_file(base: OpenFile, name: str, site: Site) -> Value:
    """Methods of open files."""
    if name in ("read", "readline", "readlines"):
        return Unknown(f"file {base.path or ''}", line=site.line)
    return base if name in ("__enter__", "__aenter__") else NOTHING


def of_response(base: Response, name: str, site: Site) -> Iterator[Outcome]:
    """Methods of an answer."""
    if name == "raise_for_status":
        failed = site.run.answer is not None and site.run.answer >= 400
        world = site.world.with_(judged=site.line)
        yield base, world.with_(flow="raise") if failed else world
    elif name in ("__aenter__", "__enter__"):
        yield base, site.world
    elif name in ("getcode",):
        yield site.run.status(base), site.world.with_(judged=site.line)
    else:
        yield Unknown(f"answer {base.place.line}.{name}"), site.world


__all__ = ["Function", "of_file", "of_items", "of_response", "of_table", "of_text", "posixpath"]
