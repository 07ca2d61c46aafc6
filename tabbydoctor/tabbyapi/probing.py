"""Asks the running server: who are you, and what does each endpoint answer to each credential.

GET only; never a completion, never a load. A key is sent only to a listener that names itself
TabbyAPI at /.well-known/serviceinfo, whose socket is TabbyAPI's own process's, or that the
user named on another machine. Every URL carries `?probe=tabbydoctor`, so that the server's
access log tells whose requests these are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tabbydoctor.host import Host
from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.tabbyapi.answers import names_tabbyapi, titled_tabbyapi
from tabbydoctor.tabbyapi.probes import PATHS, Address, Credential, Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

SERVICEINFO = "/.well-known/serviceinfo"
OPENAPI = "/openapi.json"
PERMISSION = "/v1/auth/permission"
MARK = "?probe=tabbydoctor"
WRONG_KEY = "tabbydoctor-wrong-key"
TIMEOUT = 3.0
"""Seconds for one request."""
_FURTHER_KEYS = 3
_PUZZLING = {401, 403, 408, 421, 429}
"""Statuses of a gate in front (a proxy with its own rules), behind which TabbyAPI may be."""

Identity = Literal["tabbyapi", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class _Cell:
    """One request of the table. `row` is the path, or its label for a further key."""

    row: str
    path: str
    credential: Credential
    key: str | None = None


async def endpoint(host: Host, address: Address, tokens: Tokens | None) -> Endpoint:
    """The table of answers. A listener that does not answer is asked once."""
    door = _Door(host, address.url)
    asked_at = time.time()
    serviceinfo = await door.ask(SERVICEINFO)
    if serviceinfo.status is None:
        identity: Identity = "other" if serviceinfo.error == "protocol" else "unknown"
        return Endpoint(address, False, identity, serviceinfo, {}, _UNREACHED, asked_at)
    if serviceinfo.error == "timeout":  # it began to answer and did not end: once is enough
        return Endpoint(address, True, "unknown", serviceinfo, {}, _UNFINISHED, asked_at)
    identity = await _identity(door, address, serviceinfo)
    withheld = _withheld(address, identity, names_tabbyapi(serviceinfo))
    cells = [] if identity == "other" else list(_cells(tokens, keyed=not withheld))
    asked_at = time.time()
    answers = await asyncio.gather(*(door.ask(cell.path, cell.key) for cell in cells))
    table = {
        (cell.row, cell.credential): answer for cell, answer in zip(cells, answers, strict=True)
    }
    return Endpoint(address, True, identity, serviceinfo, table, withheld, asked_at)


GATHERERS = (endpoint,)


def further_key(number: int) -> str:
    """The row of `Endpoint.answers` for the api_key of that number (2 and up) of a list."""
    return f"{PERMISSION} #{number}"


_UNREACHED = "nothing answered HTTP there"
_UNFINISHED = "it does not end its answers in time"


@dataclass(frozen=True, slots=True)
class _Door:
    """The one way out of here: GET, marked, with a key or without."""

    host: Host
    url: str

    async def ask(self, path: str, key: str | None = None) -> HttpAnswer:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return await self.host.get(f"{self.url}{path}{MARK}", headers, timeout=TIMEOUT)


async def _identity(door: _Door, address: Address, serviceinfo: HttpAnswer) -> Identity:
    """TabbyAPI by its own word or by its process; servers before 2024-11-04 by /openapi.json."""
    if names_tabbyapi(serviceinfo) or address.process_listens:
        return "tabbyapi"
    openapi = await door.ask(OPENAPI)
    if titled_tabbyapi(openapi):
        return "tabbyapi"
    return "unknown" if _puzzling(serviceinfo) or _puzzling(openapi) else "other"


def _puzzling(answer: HttpAnswer) -> bool:
    """An answer from which nothing follows about who stands behind it."""
    status = answer.status
    return answer.error is not None or status is None or status >= 500 or status in _PUZZLING


def _withheld(address: Address, identity: Identity, named: bool) -> str:
    """Why no key may be sent, in words; empty when one may."""
    if identity == "other":
        return "what answers there is not TabbyAPI"
    if named or address.trusted or address.process_listens:
        return ""
    return (
        f"it does not name itself TabbyAPI at {SERVICEINFO}, and whose process it is "
        "cannot be seen (run as root)"
    )


def _cells(tokens: Tokens | None, *, keyed: bool) -> Iterator[_Cell]:
    """What is asked: every path without a key, and with each credential that may be sent."""
    yield from (_Cell(path, path, "none") for path in PATHS)
    if not keyed:
        return
    keys: tuple[tuple[Credential, str | None], ...] = (
        ("wrong", WRONG_KEY),
        ("api_key", tokens.api_key if tokens else None),
        ("admin_key", tokens.admin_key if tokens else None),
    )
    for credential, key in keys:
        yield from (_Cell(path, path, credential, key) for path in PATHS if key)
    for number, key in enumerate(tokens.api_keys[1 : 1 + _FURTHER_KEYS] if tokens else (), 2):
        yield _Cell(further_key(number), PERMISSION, "api_key", key)
