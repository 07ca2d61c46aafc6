"""Methods of strings, paths, dictionaries, lists, files, and of what is unknown."""

from __future__ import annotations

import posixpath
from string import Formatter
from typing import Any

from tabbydoctor.records import replace
from tabbydoctor.source import clients
from tabbydoctor.source.attributes import kept, looked_up, owner
from tabbydoctor.source.budget import TooLarge, text_fits
from tabbydoctor.source.engine import EvaluatedCall
from tabbydoctor.source.expressions import spread
from tabbydoctor.source.guards import both
from tabbydoctor.source.iteration import contents, entries, keys, rounds
from tabbydoctor.source.libraries import (
    VARIABLES,
    Options,
    Sections,
    add_option,
    data_of,
    handed_on,
    mapped,
    of_sections,
    of_super,
    opened,
)
from tabbydoctor.source.memory import restricted, trimmed
from tabbydoctor.source.operators import filled, label
from tabbydoctor.source.targets import put_one, remove
from tabbydoctor.source.truth import boolean
from tabbydoctor.source.values import (
    FALSE,
    NONE,
    NOTHING,
    SOMETHING,
    TRUE,
    Client,
    Const,
    Dict,
    File,
    Holder,
    Known,
    List,
    Request,
    Symbol,
    Text,
    Value,
    Values,
    Yielded,
    first,
    likely_text,
    only,
    plain,
    text_of,
)

_MOST = 2_000


def method(base: Value, name: str, call: EvaluatedCall) -> Values:  # noqa: C901 - one case a kind
    """What calling a method gives."""
    match base:
        case Client():
            return clients.method(base, name, call)
        case Request():
            return clients.request_method(base, name, call)
        case Sections():
            return of_sections(base, name, call)
        case Options():
            if name == "add_argument":
                return add_option(base, call)
            if name in ("parse_args", "parse_known_args", "parse_intermixed_args"):
                parsed = Dict(dict(base.slots))
                return only(parsed if name != "parse_known_args" else List([only(parsed)]))
            return only(base) if "add_" in name else call.result()
        case Dict():
            return _of_dict(base, name, call)
        case List():
            return _of_list(base, name, call)
        case Const(value=str()) | Text():
            return _of_text(base, name, call)
        case Symbol():
            if base.likely is not None and isinstance(base.likely.value, str):
                return _of_text(base, name, call)
            return of_method(base, name, call)
        case File():
            return _of_file(base, name, call)
        case Yielded(values=values):
            return values if name in ("__next__", "__anext__", "asend") else call.result()
        case Const(value=int() | float() | bytes()):
            return only(base) if name in ("decode", "encode", "strip") else call.result()
        case Known() if base is VARIABLES:
            return base.meaning(call)  # type: ignore[no-any-return]
        case Known():
            found = of_super(call.run, base, name, call)
            return found if found is not None else call.result()
    return call.result()


# --- dictionaries --------------------------------------------------------------------------------


def _of_dict(table: Dict, name: str, call: EvaluatedCall) -> Values:  # noqa: C901 - one case a kind
    run = call.run
    match name:
        case "get" | "pop" | "setdefault" | "getlist" | "get_all":
            default = call.values(1, "default") or NONE
            found = run.each(
                call.values(0, "key") or only(SOMETHING),
                lambda key: looked_up(table, key, default),
            )
            if name == "pop":
                for _, key in call.values(0) or ():
                    remove(run, table, key)
            elif name == "setdefault" and call.arguments:
                _set_default(table, call)
            return found or only(SOMETHING)
        case "items":
            return only(entries(table))
        case "values":
            return only(contents(table))
        case "keys":
            return only(List(only(key) for key in keys(table)))
        case "copy" | "model_dump" | "dict" | "to_dict" | "to_wsgi_list":
            return only(Dict(dict(table.slots)))
        case "update":
            if call.arguments:
                spread(run, table, call.arguments[0])
            for name_, values in call.keywords.items():
                run.memory.write(table, name_, values)
            return NONE
        case "add" | "set":
            put_one(run, table, call.value(0), call.values(1) or only(SOMETHING))
            return NONE
        case "clear":
            for key in list(table.slots):
                run.memory.write(table, key, ())
            return NONE
    return call.result()


def _set_default(table: Dict, call: EvaluatedCall) -> None:
    for _, key in call.arguments[0]:
        if not looked_up(table, key, None):
            put_one(call.run, table, key, call.values(1) or NONE)


# --- lists ---------------------------------------------------------------------------------------


def _of_list(items: List, name: str, call: EvaluatedCall) -> Values:
    run = call.run
    match name:
        case "append" | "add" | "appendleft" | "put" | "put_nowait" | "insert":
            if len(items.slots) < _MOST:
                value = call.arguments[-1] if call.arguments else only(SOMETHING)
                run.memory.write(items, len(items.slots), value)
            return NONE
        case "extend" | "update":
            for each in rounds(run, call.values(0) or (), call.node):
                if len(items.slots) < _MOST:
                    run.memory.write(items, len(items.slots), each)
            return NONE
        case "copy":
            return only(List(items.items, items.more))
        case "pop" | "popleft" | "get" | "get_nowait":
            return trimmed(each for values in items.items for each in values) or only(SOMETHING)
        case "remove" | "discard" | "sort" | "reverse" | "clear":
            return NONE
    return call.result()


# --- files and paths -----------------------------------------------------------------------------


def _of_file(file: File, name: str, call: EvaluatedCall) -> Values:
    if name in ("read", "readline", "read_text"):
        return data_of(call.run, file.path, call, parsed=False)
    if name in ("readlines", "__iter__"):
        return only(Symbol(f"file {file.path}", ("lines",), place=call.place))
    if name in ("__enter__", "__aenter__"):
        return only(file)
    return call.result()


def _of_path(path: Value, name: str, call: EvaluatedCall) -> Values | None:
    text = likely_text(path)
    match name:
        case "joinpath":
            parts = [value for each in call.arguments for value in (Const("/"), first(each))]
            return only(text_of(path, *parts))
        case "with_name" if text is not None and call.text(0) is not None:
            return only(Const(posixpath.join(posixpath.dirname(text), call.text(0) or "")))
        case "with_suffix" if text is not None and call.text(0) is not None:
            return only(Const(posixpath.splitext(text)[0] + (call.text(0) or "")))
        case "resolve" | "absolute" | "expanduser" | "as_posix" | "__str__" | "__fspath__":
            return only(path)
        case "exists" | "is_file" | "is_dir":
            return boolean(call.run, (f"exists {text}",), "true", None, call.place.line)
        case "open":
            return only(opened(call, path, call.values(0, "mode")))
        case "read_text" | "read_bytes":
            file = opened(call, path, None)
            return data_of(call.run, file.path, call, parsed=False)
        case "write_text" | "write_bytes":
            opened(call, path, only(Const("w")))
            return NONE
    return None


# --- strings -------------------------------------------------------------------------------------

_SAME = {
    "substitute",
    "safe_substitute",
    "encode",
    "decode",
    "__str__",
    "get_secret_value",
    "human_repr",
    "geturl",
    "expandtabs",
}
_TRIMS = {"strip", "rstrip", "lstrip"}
_PLAIN = {
    *_TRIMS, "lower", "upper", "title", "capitalize", "casefold", "removeprefix", "removesuffix",
    "replace", "split", "rsplit", "partition", "rpartition", "splitlines", "swapcase",
    "isdigit", "isalpha", "isidentifier", "find", "rfind", "index", "count",
}  # fmt: skip
"""Methods whose result is worked out where the string and the arguments are known."""
_ASKING = {"startswith": "startswith", "endswith": "endswith"}


def _of_text(base: Value, name: str, call: EvaluatedCall) -> Values:
    path = _of_path(base, name, call)
    if path is not None:
        return path
    if name in _ASKING:
        return _asked(base, name, call)
    if name == "format":
        return only(_formatted(base, call))
    if name == "join" and call.arguments:
        return call.run.each(call.arguments[0], lambda given: only(_join(base, given)))
    if name in _SAME:
        return only(base)
    if name in ("get", "post", "put") and "://" in (likely_text(base) or ""):
        return call.result()
    if name in _PLAIN:
        return _worked_out(base, name, call)
    return call.result()


def _worked_out(base: Value, name: str, call: EvaluatedCall) -> Values:
    texts = [plain(first(each)) for each in call.arguments]
    keywords = {key: plain(first(each)) for key, each in call.keywords.items()}
    known = all(isinstance(each, Const) for each in (*texts, *keywords.values()))
    text = likely_text(base)
    if text is None and isinstance(base, Text):
        return only(_partly(base, name, texts))
    if text is None or not known:
        return only(_named(base, name))
    given = [each.value for each in texts if isinstance(each, Const)]
    named = {key: each.value for key, each in keywords.items() if isinstance(each, Const)}
    if name == "replace" and len(given) >= 2:
        text_fits(len(text) + text.count(str(given[0])) * len(str(given[1])))
    try:
        result = getattr(text, name)(*given, **named)
    except (TypeError, ValueError, AttributeError):
        return call.result()
    if isinstance(result, list | tuple):
        if len(result) > _MOST:
            raise TooLarge
        parts = [_derived(base, each, (f"{name}()", str(n))) for n, each in enumerate(result)]
        return only(List(only(each) for each in parts))
    return only(_derived(base, result, (), trimmed_=name in _TRIMS))


def _derived(base: Value, result: Any, path: tuple[str, ...], *, trimmed_: bool = False) -> Value:
    """A result that is known, with where the string was from."""
    if isinstance(base, Symbol):
        made = Const(result, base.marked)
        whole = (*base.path, *path)
        return replace(base, path=whole, likely=made, trimmed=base.trimmed or trimmed_)
    return Const(result, base.marked if isinstance(base, Const) else False)


def _named(base: Value, name: str) -> Value:
    """What a method makes of a string that is not known: named after it."""
    if isinstance(base, Symbol) and base.root:
        if name in _TRIMS or name in ("removeprefix", "removesuffix"):
            return replace(base, likely=None, certain=False, trimmed=True)
        return base.part(f"{name}()")
    return SOMETHING


def _partly(base: Text, name: str, given: list[Value]) -> Value:
    """Trimming or replacing where a text is known at its ends alone."""
    parts = list(base.parts)
    if name in _TRIMS:
        characters = likely_text(given[0]) if given else None
        last, head = parts[-1], parts[0]
        if name != "lstrip" and isinstance(last, Const):
            parts[-1] = Const(str(last.value).rstrip(characters), last.marked)
        if name != "rstrip" and isinstance(head, Const):
            parts[0] = Const(str(head.value).lstrip(characters), head.marked)
        return text_of(*parts)
    if name == "replace" and len(given) == 2 and all(isinstance(each, Const) for each in given):
        old, new = (str(likely_text(each)) for each in given)
        return text_of(*(
            Const(str(part.value).replace(old, new), part.marked)
            if isinstance(part, Const) else part
            for part in parts
        ))  # fmt: skip
    if name in ("removesuffix", "removeprefix") and given:
        return base
    return Symbol(f"{name} of a text")


def _asked(base: Value, name: str, call: EvaluatedCall) -> Values:
    wanted = plain(call.value(0))
    text = likely_text(plain(base))
    if isinstance(wanted, List):
        options = [plain(first(each)) for each in wanted.items]
        words = tuple(str(each.value) for each in options if isinstance(each, Const))
    else:
        words = (str(wanted.value),) if isinstance(wanted, Const) else ()
    if not words:
        return call.result()
    if isinstance(plain(base), Const) and text is not None:
        return only(TRUE if getattr(text, name)(words) else FALSE)
    if isinstance(base, Symbol) and base.root:
        operand: Any = words[0] if len(words) == 1 else words
        return boolean(call.run, base.name, _ASKING[name], operand, call.place.line)
    if isinstance(base, Text):
        end = base.parts[0] if name == "startswith" else base.parts[-1]
        if isinstance(end, Const) and any(len(str(end.value)) >= len(word) for word in words):
            return only(TRUE if getattr(str(end.value), name)(words) else FALSE)
    return call.result()


def _formatted(base: Value, call: EvaluatedCall) -> Value:
    text, number = likely_text(base), 0
    if text is None:
        return Symbol("a format")
    pieces: list[str] = [""]
    values: list[Value] = []
    try:
        parts = list(Formatter().parse(text))
    except ValueError:  # not a format
        return Symbol("a format")
    if len(parts) > _MOST:
        raise TooLarge
    for literal, name, _, _ in parts:
        pieces[-1] += literal
        if name is None:
            continue
        if not name:
            name, number = str(number), number + 1
        found = call.values(int(name)) if name.isdigit() else call.keywords.get(name)
        values.append(label(first(found)) if found else SOMETHING)
        pieces.append("")
    return filled(pieces, values)


def _join(glue: Value, given: Value) -> Value:
    if not isinstance(given, List):
        return Symbol("joined")
    parts: list[Value] = []
    for number, each in enumerate(given.items[:_MOST]):
        parts += ([glue] if number else []) + [label(first(each))]
    return text_of(*parts) if parts else Const("")


# --- what is unknown -----------------------------------------------------------------------------


def of_unknown(value: Symbol, call: EvaluatedCall) -> Values:
    """Calling something unknown: mostly a method of it."""
    if not value.path:
        call.run.handing(call)
        clients.hand(call)
        return only(Symbol(f"{value.root}()", (), place=call.place))
    base = replace(value, path=value.path[:-1], likely=None, certain=False)
    return of_method(base, value.path[-1], call)


_RUNNING = {"run_in_executor": 1, "submit": 0, "run_sync": 0, "run_until_complete": 0}
"""Methods of loops and executors, and which argument they run."""
_TAKES_SOME = {"get", "pop", "getlist", "get_all", "getone", "header", "getheader", "__getitem__"}


def of_method(base: Symbol, name: str, call: EvaluatedCall) -> Values:  # noqa: C901 - one case a kind
    """A method of something unknown."""
    run = call.run
    sent = clients.of_unknown(base, name, call)
    if sent is not None:
        return sent
    if name == "raise_for_status":
        fine = ((*base.name, "ok"), "true", None, True)
        run.seen.judged[fine] = call.place.line
        run.path = both(run.path, frozenset({fine})) or run.path
        return only(base)
    if name == "replace" and "://" in (call.text(1) or ""):
        return only(text_of(call.value(1), base.part("rest")))  # another server in its place
    if name == "map" and len(call.arguments) > 1:
        return mapped(call)
    if name in _RUNNING and len(call.arguments) > _RUNNING[name]:
        return handed_on(call, _RUNNING[name])
    if name in _ASKING:
        return _asked(base, name, call)
    if name in _TAKES_SOME and call.text(0) is not None:
        if put := kept(run, base, call.text(0) or ""):
            return put
        default = call.values(1, "default")
        part = base.part(call.text(0) or "", call.place, run.marks(call.text(0)))
        value = first(default) if default else NOTHING
        if isinstance(value, Const) and value.value is not None:
            return only(Symbol(part.root, part.path, value, False, part.marked, call.place))
        if default and value != NOTHING:
            lacks = frozenset({(part.name, "true", None, False)})
            held = frozenset({(part.name, "true", None, True)})
            return trimmed(((held, part), *restricted(default, lacks)))
        return only(part)
    if name in _TRIMS or name in _SAME:
        return only(replace(base, trimmed=base.trimmed or name in _TRIMS))
    if name in ("items", "values", "keys", "copy", "multi_items", "raw"):
        return only(base if name == "copy" else base.part(f"{name}()"))
    if name in ("lower", "upper", "casefold", "title"):
        return only(base.part(f"{name}()"))
    if name in ("from_object", "from_prefixed_env"):
        _configured(base, name, call)
    run.handing(call)
    return only(Symbol(base.root, (*base.path, f"{name}()"), None, False, base.marked, call.place))


def _configured(base: Symbol, name: str, call: EvaluatedCall) -> None:
    """`app.config.from_object("pkg.defaults")`, `app.config.from_prefixed_env("ROUTER")`."""
    run, text = call.run, call.text(0)
    if name == "from_prefixed_env":
        prefix = f"{text or 'FLASK'}_"
        for each in run.environment or {}:
            if each.startswith(prefix):
                run.remember(
                    (owner(base), each[len(prefix) :]), run.variable(each, call.node, None)
                )
        return
    given = call.value(0)
    module: Holder | None = given if isinstance(given, Holder) else None
    if text:
        module = run.importing(run, run.frame.module.path, 0, text)
    for key, values in list(module.slots.items()) if module is not None else ():
        if isinstance(key, str) and key.isupper():
            run.remember((owner(base), key), values)
