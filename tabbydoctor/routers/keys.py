"""Which key a request carries, and where the router has it from."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator

from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.routers.marked_functions import Marked
from tabbydoctor.source.guards import ANY, Guard, both, satisfies
from tabbydoctor.source.seen import Sent
from tabbydoctor.source.values import (
    ENVIRONMENT_FILE,
    NOTHING,
    Client,
    Const,
    Dict,
    Function,
    List,
    Object,
    Place,
    Rest,
    Symbol,
    Text,
    Value,
    Values,
    likely_text,
    plain,
)

HEADERS = ("authorization", "x-api-key", "x-admin-key")
CLIENT_OWN = "the client's own header"
"""What a caller sent is handed on: no key of TabbyAPI's is."""
WORKED_OUT = "a value worked out while it runs"
ADDED = ", which adds it"
PLACEHOLDERS = re.compile(
    r"(|none|null|empty|dummy|fake|test|x+|-+|\*+|ollama|lm-studio|(sk-)?no-?key.*|not-?needed|"
    r"(sk-)?(your|my).*|unused|n/?a|sk-(1+|x+|test|local|dummy|fake)|key|api[-_]?key|changeme)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Key:
    """The key of one request. `sends` is None where it cannot be told."""

    sends: bool | None
    source: str = ""
    value: Value = NOTHING
    admin: bool = False
    place: Place | None = None
    literal: str = field(default="", repr=False)
    only_tabby: bool = False
    """The code that adds it looks at where the request goes."""
    added_for: frozenset[tuple[str, int]] | None = None
    """The servers it is added for, by the marked block; None where that is not told."""
    overrides: bool = False
    """Whether other keys give way to it."""

    @property
    def of_router(self) -> bool | None:
        """Whether the router sends a key by itself: what its callers send is none of its own."""
        return False if self.source == CLIENT_OWN else self.sends

    def goes_to(self, server: tuple[str, int] | None) -> bool:
        """Whether a server gets it; one that is not known may."""
        return server is None or self.added_for is None or server in self.added_for


NO_KEY = Key(False)
Keys = list[tuple[Guard, Key]]


def keys_of(
    sent: Sent, path: Guard, clients: Iterable[Client], server: tuple[str, int] | None
) -> Keys:
    """The keys that a request to a server carries, each under its guard."""
    found: Keys = [(path, NO_KEY)]
    found = _laid(found, in_headers(sent.headers, path))
    added = [(guard, replace(key, overrides=True)) for guard, key in in_headers(sent.added, path)
             if key.sends]  # fmt: skip
    if sent.added:
        return _lacking(path, added)
    found = _laid(found, _reaching(by_hook(sent.auth, path), server))
    client = sent.client
    if client is not None and client.place is None and client.library == "unknown":
        found = _laid(found, _reaching(_agreed(path, clients), server))
    elif client is not None:
        found = _laid(found, _reaching(_of_client(client, path), server))
    return [
        (guard, (_compared(guard) if key.source == CLIENT_OWN else None) or key)
        for guard, key in found
    ]


def _lacking(path: Guard, added: Keys) -> Keys:
    """What hooks add; where they add nothing, no key."""
    return added or [(path, NO_KEY)]


def _reaching(found: Keys, server: tuple[str, int] | None) -> Keys:
    """Without the keys that the marked block adds for other servers."""
    return [(guard, key if key.goes_to(server) else NO_KEY) for guard, key in found]


def _compared(guard: Guard) -> Key | None:
    """The key that every caller is known to send: what came was compared with it before."""
    for name, operator, operand, holds in sorted(guard, key=repr):
        if operator == "same" and holds and name[-1].lower() in HEADERS:
            key = _from_value(operand)
            if key.sends and key.source != WORKED_OUT:
                return key
    return None


def _laid(found: Keys, more: Keys) -> Keys:
    """One source of keys beside another: what replaces others stands before the caller's, and
    that before a key of the router's own, which it is laid over.
    """
    result: Keys = []
    for guard, one in found:
        for inner, other in more:
            under = both(guard, inner)
            if under is not None:
                result.append((under, max(one, other, key=_weight)))
    return list(dict.fromkeys(result))[:64] or found


def _weight(key: Key) -> int:
    if key.sends is False:
        return 0
    if key.overrides:
        return 4
    if key.source == CLIENT_OWN:
        return 3
    return 2 if key.sends else 1


def _agreed(path: Guard, clients: Iterable[Client]) -> Keys:
    """What a client that was handed in carries: what every client made here does."""
    each = [key for client in clients for _, key in _of_client(client, path)]
    if not each:
        return [(path, NO_KEY)]
    agreed = all(key.sends == each[0].sends for key in each)
    return [(path, each[0] if agreed else Key(None))]


def _of_client(client: Client, path: Guard) -> Keys:
    slots = client.slots
    found = in_headers(slots.get("headers", ()), path)
    if client.library in ("openai", "litellm"):
        own: Keys = [
            (under, _from_value(value))
            for guard, value in slots.get("auth", ())
            if (under := both(guard, path)) is not None
        ]
        found = _laid(found, own or [(path, NO_KEY)])
        for guard, inner in slots.get("by", ()):
            under = both(guard, path)
            if isinstance(inner, Client) and under is not None:
                found = _laid(found, _of_client(inner, under))
        return found
    return _laid(found, by_hook(slots.get("auth", ()), path))


# --- headers -------------------------------------------------------------------------------------


def in_headers(headers: Values, path: Guard) -> Keys:
    """The keys in the headers of a request or a client."""
    found: Keys = []
    for guard, value in headers:
        under = both(guard, path)
        if under is None:
            continue
        if isinstance(value, List):
            value = _paired(value)
        if isinstance(value, Dict):
            found += _in_table(value, under)
        elif isinstance(value, Symbol) and value.root:
            found.append((under, _carried(value)))
        else:
            found.append((under, NO_KEY if value == NOTHING else Key(None)))
    return found or [(path, NO_KEY)]


def _in_table(table: Dict, path: Guard) -> Keys:
    """What is named wins over what was spread or copied, whatever came first: both are sent."""
    found: Keys = [(path, NO_KEY)]
    for name, values in sorted(table.slots.items(), key=lambda each: isinstance(each[0], str)):
        if isinstance(name, str):
            if name.lower() in HEADERS:
                found = _under_name(found, name.lower(), values)
        elif isinstance(name, Rest):
            for guard, inner in values:
                if isinstance(inner, Symbol):
                    found = _over(found, guard, _carried(inner))
        elif isinstance(name, Symbol):
            found = _under_unknown(found, name, values)
        elif isinstance(name, Text):
            found = _over(found, path, Key(None))
    return found


def _under_name(found: Keys, name: str, values: Values) -> Keys:
    if not values:  # taken out
        return [(guard, NO_KEY if key.source == CLIENT_OWN else key) for guard, key in found]
    for guard, value in values:
        key = _from_value(value)
        if name == "x-admin-key":
            key = replace(key, admin=True)
        if key.sends is False and value not in (NOTHING, Const("")):
            found = _over(found, guard, key, placeholder=True)
        elif key.sends is not False:
            found = _over(found, guard, key)
    return found


def _under_unknown(found: Keys, name: Symbol, values: Values) -> Keys:
    """An entry whose name is not known: one of the caller's headers, or anything."""
    for guard, _ in values:
        if not any(_may_be(name, guard, header) for header in HEADERS[:2]):
            continue
        key = Key(None, CLIENT_OWN) if "headers" in name.path or incoming(name) else Key(None)
        found = _over(found, _without_name(guard, name), key)
    return found


def _may_be(name: Symbol, guard: Guard, header: str) -> bool:
    """Whether, by what a guard says of a header's name, it may be that header."""
    for subject, operator, operand, holds in guard:
        if subject[: len(name.name)] == name.name:
            said = satisfies(header, operator, operand)
            if said is not None and said is not holds:
                return False
    return True


def _without_name(guard: Guard, name: Symbol) -> Guard:
    """What is asked of the single header says nothing of the request."""
    return frozenset(each for each in guard if each[0][: len(name.name)] != name.name)


def _over(found: Keys, guard: Guard, key: Key, *, placeholder: bool = False) -> Keys:
    """A header laid over what stands before it, where the guard holds."""
    result: Keys = []
    for path, before in found:
        under = both(path, guard)
        if under is not None:
            kept = placeholder and before.sends is not False and before.source != CLIENT_OWN
            result.append((under, before if kept else key))
        result += [(opposite, before) for opposite in _opposites(path, guard)]
    return result[:64]


def _opposites(path: Guard, guard: Guard) -> Iterator[Guard]:
    """The ways on which a guard does not hold: its first literal not, or that and not the next."""
    so_far: Guard | None = path
    for literal in sorted(guard - path, key=repr):
        if so_far is None:
            return
        name, operator, operand, holds = literal
        if operator == ANY:
            yield so_far
            return
        opposite = both(so_far, frozenset({(name, operator, operand, not holds)}))
        if opposite is not None:
            yield opposite
        so_far = both(so_far, frozenset({literal}))


def _paired(headers: List) -> Dict:
    made = Dict()
    for values in headers.items:
        for _, pair in values:
            if isinstance(pair, List) and len(pair.items) == 2:
                name = plain(pair.items[0][0][1])
                made.slots[name.value if isinstance(name, Const) else name] = pair.items[1]
    return made


def _carried(headers: Symbol) -> Key:
    """Headers that are not known: those of the incoming request, or anything."""
    return Key(None, CLIENT_OWN if incoming(headers) else "")


def incoming(value: Symbol) -> bool:
    """Whether it is, or is of, the request that a router got."""
    words = f"{value.root} {' '.join(value.path)}".lower()
    return any(word in words for word in ("request", "headers", "argument", "authorization"))


# --- values --------------------------------------------------------------------------------------


def _from_value(value: Value) -> Key:
    """The key in the value of a header (or given to an OpenAI client)."""
    match value:
        case Const(value=str(text)):
            bare = re.sub(r"^(bearer|token)\s*", "", text.strip(), flags=re.IGNORECASE)
            if PLACEHOLDERS.fullmatch(bare):
                return NO_KEY
            return Key(True, "a key written in the source", value, literal=bare)
        case Const():
            return NO_KEY
        case Symbol():
            if value.certain and value.likely == Const(""):
                return NO_KEY
            return _from_unknown(value)
        case Text(parts=parts):
            unknown = [part for part in parts if isinstance(part, Symbol)]
            return _from_value(unknown[0]) if unknown else NO_KEY
    return Key(None)


def _from_unknown(value: Symbol) -> Key:
    words = [value.root, *(word for word in value.path if not _is_step(word))]
    admin = any("admin" in word.lower() for word in value.path) or "ADMIN" in value.root
    if value.root.startswith("environment "):
        held = likely_text(value) if value.path == ENVIRONMENT_FILE else None
        return Key(True, value.root, value, admin, value.place, literal=held or "")
    if value.root.startswith("file "):
        name = value.root[5:].rpartition("/")[2] or "a file"
        return Key(True, " ".join([name, *words[1:]]), value, admin, value.place)
    if value.root.startswith("argument ") and "authorization" in " ".join(words).lower():
        return Key(None, CLIENT_OWN, value)
    if "headers" in value.path or (value.path and value.path[-1].lower() in HEADERS):
        return Key(None, CLIENT_OWN, value)
    return Key(True, WORKED_OUT, value, admin, value.place)


def _is_step(word: str) -> bool:
    return word.lstrip("-").isdigit() or word.endswith("()") or word == "[]"


def by_hook(auth: Values, path: Guard) -> Keys:
    """The keys that an `auth=` object, an event hook or a middleware adds."""
    found: Keys = []
    for guard, value in auth:
        under = both(guard, path)
        if under is not None:
            found.append((under, _hooked(value)))
    return found or [(path, NO_KEY)]


def _hooked(auth: Value) -> Key:
    if isinstance(auth, List):
        hooks = [value for values in auth.items for _, value in values]
        keys = [_hooked(each) for each in hooks if isinstance(each, Function | Object | Marked)]
        return next((key for key in keys if key.sends), NO_KEY)
    if isinstance(auth, Marked):
        key = _from_unknown(auth.key)
        return replace(key, only_tabby=True, added_for=auth.addresses, overrides=auth.overrides)
    if isinstance(auth, Function):
        return replace(_in_code(auth.node), overrides=True)
    if isinstance(auth, Object):
        return replace(_in_code(auth.of.node), overrides=True)
    return Key(None) if isinstance(auth, Symbol) else NO_KEY


@functools.lru_cache(maxsize=256)
def _in_code(node: ast.AST) -> Key:
    text = ast.unparse(node).lower()
    if not any(header in text for header in HEADERS):
        return NO_KEY
    selective = any(
        isinstance(each, ast.Compare) and re.search("host|port|url|netloc|base", ast.unparse(each))
        for each in ast.walk(node)
    )
    name = getattr(node, "name", "a function")
    admin = "admin_key" in text and "api_key" not in text
    return Key(True, f"{name}{ADDED}", Symbol(f"hook {name}"), admin, only_tabby=selective)
