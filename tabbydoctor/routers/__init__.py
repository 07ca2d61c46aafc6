"""Routers in front of TabbyAPI: how each kind is read (and wired), without ever running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from tabbydoctor.records import dataclass, field

Purpose = Literal["probe", "forward", "other"]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a source: line from 1, column from 0, in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    """One outgoing HTTP call of a router that goes (or may go) to TabbyAPI."""

    line: int
    purpose: Purpose
    """A health probe, a forwarded request, or another call."""
    method: str
    path: str
    """The path of the URL, as far as it is known: `/v1/models`, or empty."""
    sends_key: bool | None
    """Whether it sends a key to TabbyAPI; None where it cannot be told."""
    key_from: str = ""
    """Where the key comes from, in words: `api_tokens.yml api_key`, `environment TABBY_API_KEY`."""
    reaches_others: bool = False
    """Whether the same call also serves other backends."""
    function: str = ""
    """The function it stands in."""
    library: str = "httpx"
    """httpx, requests, aiohttp, openai, …"""
    sends_key_to_others: bool = False
    """Whether other backends get TabbyAPI's key through it."""
    column: int = 0
    """Where the call expression starts on its line, in characters from 0."""
    constructors: tuple[Position, ...] = ()
    """The constructors of the clients that may send it; none for `requests.get` and its kin."""
    certain: bool = True
    """Whether it is known to reach TabbyAPI (else it may)."""
    key_files: tuple[str, ...] = ()
    """The files whose content is the key that it sends to TabbyAPI."""
    spare_keys: tuple[str, ...] = ()
    """Where it has the key from if those are not there: `file /path`, `environment NAME`."""
    wired: bool = False
    """Whether it is the marked block that adds the key."""
    untrimmed: bool = False
    """Whether the whole text of a file is sent as the key, the newline at its end with it."""
    file: str = ""
    """The source it stands in, absolute."""
    takes_key: bool = True
    """Whether its router has a place for a key that goes with it."""
    asked: str = ""
    """Of a gateway: where callers ask for what it passes on so, `//host:port/path`; without a host
    where any will do. Empty where it is not known."""
    made_elsewhere: bool = False
    """Whether a client that may send it is made in another source."""


@dataclass(frozen=True, slots=True)
class Made:
    """A client that is made in one source and sends what another one asks."""

    line: int
    column: int
    sends_key: bool | None
    """What is known of the key of its requests to TabbyAPI."""


Concern = Literal["key", "probe", "wait", "path", "stream"]
"""What a change by hand mends."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a gateway waits for TabbyAPI."""

    file: str
    line: int
    seconds: float
    setting: str
    """By its name: `proxy_read_timeout`."""
    until: Literal["loaded", "answered"]
    """Until it is ready, or until the next bytes of an answer."""
    written: bool = True
    """Whether the file says so; else it is the program's default."""
    place: tuple[str | int, ...] = ()
    """Of a configuration in YAML: where its value stands, or is to stand."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A way through a gateway on which TabbyAPI is asked for what it does not serve."""

    file: str
    line: int
    asks: str
    """What it makes of a request for a completion: a path, or a URL."""
    meant: str
    """What it is to be."""
    why: str
    """By which rule of the gateway's, in a sentence."""


@dataclass(frozen=True, slots=True)
class HandEdit:
    """Lines that belong into a gateway's file, right for that file as it stands."""

    concern: Concern
    file: str
    line: int
    """They stand behind this line, or begin in its place where lines are replaced."""
    lines: tuple[str, ...]
    replaces: int = 0
    """How many lines from `line` on they stand in the place of."""
    block: str = ""
    """The block that they are in, in words: `location /v1/`."""
    mends: int = 0
    """The line of the call, or of what else is wrong, that they mend."""
    then: str = ""
    """The command by which they count, where it is another than its kind's."""


@dataclass(frozen=True, slots=True)
class ValueMend:
    """A value of a router's YAML that is to be another."""

    concern: Concern
    place: tuple[str | int, ...]
    value: str | int | None
    """None for what is taken out."""


@dataclass(frozen=True, slots=True)
class RouterReading:
    """What a router does, read from its source or configuration."""

    path: str
    kind: str
    problem: str = ""
    """Why it could not be read, in words; empty when it was."""
    line: int | None = None
    """The line of the problem."""
    calls: tuple[Call, ...] = ()
    addresses: tuple[str, ...] = ()
    """Base URLs under which it reaches TabbyAPI."""
    written_at: Mapping[str, str] = field(default_factory=dict)
    """Base URL of `addresses` -> `path:line` of what sets it, as far as it was found."""
    backends: Mapping[str, str] = field(default_factory=dict)
    """Name -> base URL of every backend it names."""
    accepts_401: tuple[int, ...] = ()
    """Lines where a 401 counts as healthy."""
    reads_environment: Mapping[str, int] = field(default_factory=dict)
    """Environment variables it reads -> line."""
    reads_files: Mapping[str, int] = field(default_factory=dict)
    """Files it opens for reading -> line."""
    writes_files: Mapping[str, int] = field(default_factory=dict)
    """Files it opens for writing -> line."""
    uses_admin_key: tuple[int, ...] = ()
    """Lines where the admin key is taken to be sent."""
    assumes_key_string: tuple[int, ...] = ()
    """Lines that break when `api_key` is a list."""
    starts_units: tuple[str, ...] = ()
    """Units it starts or restarts by systemctl."""
    leaks: tuple[int, ...] = ()
    """Lines of calls that carry TabbyAPI's key to another backend."""
    sent_elsewhere: tuple[int, ...] = ()
    """The same, with calls of which it is not known where they go, or that are unlikely."""
    keys_elsewhere: tuple[str, ...] = ()
    """Where the keys of calls that are not known to be TabbyAPI's are from: `file /path`."""
    sets_environment: Mapping[str, int] = field(default_factory=dict)
    """Variables that it sets for itself (`*`: any, from a file) -> line."""
    replaces_environment: tuple[str, ...] = ()
    """Those of them that it sets even where its unit does."""
    literal_keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys written in the source itself. Never shown."""
    untrimmed: tuple[int, ...] = ()
    """Lines that take the whole text of a file for the key, the newline at its end with it."""
    makes: tuple[Made, ...] = ()
    """Clients made here by which another source calls TabbyAPI."""
    timeouts: tuple[tuple[int, float], ...] = ()
    """(line, seconds) of how long it waits for a backend to become ready."""
    wired_throughout: bool = False
    """Every request is made by a client with the hook of a repair: whatever way leads to it, it
    carries the key, if it goes to TabbyAPI."""
    harmless_health: bool = False
    """Its own GET /health can post, start and stop nothing."""
    cuts: tuple[str, ...] = ()
    """What was not followed, and why, in words; empty where the reading came to its end."""
    unfollowed: tuple[int, ...] = ()
    """Lines that make an HTTP client which was never seen to send anything."""
    waits: tuple[Wait, ...] = ()
    """Of a gateway: how long it waits for TabbyAPI."""
    misses: tuple[Miss, ...] = ()
    """Of a gateway: where it asks TabbyAPI for what that does not serve."""
    buffers: tuple[int, ...] = ()
    """Of a gateway: lines by which a stream is held back until a buffer is full."""
    by_hand: tuple[HandEdit, ...] = ()
    """Of a gateway: what is to be written where, for what is wrong."""
    values: tuple[ValueMend, ...] = ()
    """Of one configured in YAML: what mends it besides the key."""
    parts: tuple[RouterReading, ...] = ()
    """Of a program of several modules: what each of them does, with lines of its own, the entry
    file first. What is said above is of all of them together."""

    @property
    def modules(self) -> tuple[RouterReading, ...]:
        """Each source with what it does; the reading itself where there is but one."""
        return self.parts or (self,)

    @property
    def incomplete(self) -> str:
        """Why nothing can be concluded from what was not found in it; empty where it can."""
        if not self.cuts:
            return ""
        return f"{self.path} was not read to its end: {'; '.join(self.cuts)}"

    @property
    def certain(self) -> bool:
        """Whether the calls that reach TabbyAPI are known: it was read to its end, and by each
        client something is seen to be sent.
        """
        told = not self.cuts and not self.unfollowed
        return told and any(call.certain for call in self.calls)

    def place(self, call: Call) -> str:
        """`path:line` of a call."""
        return f"{call.file or self.path}:{call.line}"

    def at(self, lines: Callable[[RouterReading], Iterable[int]]) -> tuple[str, ...]:
        """`path:line` of each line that some part of the readings of its modules names."""
        return tuple(f"{part.path}:{line}" for part in self.modules for line in lines(part))

    def where(self, lines: Callable[[RouterReading], Mapping[str, int]], name: str) -> str:
        """`path:line` of the first module that has a line for a name; empty without."""
        found = ((part.path, lines(part).get(name)) for part in self.modules)
        return next((f"{path}:{line}" for path, line in found if line), "")

    def mends(self, concern: Concern) -> tuple[ValueMend, ...]:
        """The values that mend what is wrong of one kind."""
        return tuple(one for one in self.values if one.concern == concern)

    def of(self, purpose: Purpose) -> tuple[Call, ...]:
        """The calls of one purpose."""
        return tuple(call for call in self.calls if call.purpose == purpose)
