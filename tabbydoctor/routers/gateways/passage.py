"""One way on which requests pass through a gateway to a server behind it."""

from __future__ import annotations

import re

from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import HandEdit, Miss, Purpose, Wait
from tabbydoctor.routers.gateways.splices import TextEdit
from tabbydoctor.routers.keys import CLIENT_OWN, PLACEHOLDERS

WRITTEN = "a key written in the configuration"
_SCHEME = re.compile(r"bearer (?P<key>\S.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SentKey:
    """What a gateway sends as the key. `sends` is None where it cannot be told."""

    sends: bool | None
    source: str = ""
    """Where it is from, in the words of `Call.key_from`."""
    literal: str = field(default="", repr=False)
    """The key, where it is written in the file itself. Never shown."""
    file: str = ""
    line: int = 0
    """What sets it; 0 where nothing does."""


CALLERS_OWN = SentKey(False, CLIENT_OWN)
"""What a caller sends reaches TabbyAPI as it is."""
NO_KEY = SentKey(False)


def bearer(value: str, file: str, line: int) -> SentKey:
    """The key of an Authorization header without variables.

    TabbyAPI takes `Bearer` in any case, one space, and the key.
    """
    scheme = _SCHEME.fullmatch(value.strip())
    if scheme is None:
        why = "a header without Bearer" if value.strip() else ""
        return SentKey(False, why, file=file, line=line)
    return written(scheme["key"], file, line)


def written(key: str, file: str, line: int) -> SentKey:
    """A key that stands in the file."""
    if PLACEHOLDERS.fullmatch(key):
        return SentKey(False, "a placeholder", file=file, line=line)
    return SentKey(True, WRITTEN, key, file, line)


def of_variable(variable: str, file: str, line: int) -> SentKey:
    """A key from the environment."""
    return SentKey(True, f"environment {variable}", file=file, line=line)


@dataclass(frozen=True, slots=True)
class Passage:
    """One way through a gateway, shown by a request that takes it."""

    file: str
    line: int
    """What passes it on."""
    base: str
    """Base URL of the server that gets it."""
    name: str
    """What that server is called: its group, its host."""
    block: str
    """Where it is passed on, in words: `location /v1/`."""
    method: str
    asked: str
    """The path that the caller asks for."""
    sent: str
    """The path that the server is asked for."""
    key: SentKey
    purpose: Purpose = "forward"
    waits: tuple[Wait, ...] = ()
    miss: Miss | None = None
    accepts_401: int = 0
    """Of a health check: the line by which a 401 is fine; 0 for none."""
    buffers: int = 0
    """The line by which its streams are held back; 0 for none."""
    by_hand: tuple[HandEdit, ...] = ()
    splices: tuple[TextEdit, ...] = ()
    """What gives it the key from a file of its own; of a health check what it is to be. Empty where
    there is no such edit."""
    host: str = ""
    """The name by which callers ask for it; empty where any will do."""
    port: int = 0
    """Where they ask for it; 0 where that is not known."""
    alone: bool = True
    """Whether every server behind the same block is told: none by a socket, say."""

    @property
    def place(self) -> tuple[str, str, str]:
        """What passes it on, whatever server gets it."""
        return self.file, self.block, self.name
