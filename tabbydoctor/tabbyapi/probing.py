"""Asks the running server: who are you, and what does each endpoint answer to each credential.

GET only; never a completion, never a load. A key goes only over a connection whose far end was
judged after it was connected (`standing.py`): both keys to TabbyAPI's own process; the API key
where the process cannot be seen and /.well-known/serviceinfo names TabbyAPI, or the user named
another machine; nothing to anybody else. Every URL carries `?probe=tabbydoctor`, so that the
server's access log tells whose requests these are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host import Host, Process
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass, replace
from tabbydoctor.tabbyapi.addressing import host_and_port
from tabbydoctor.tabbyapi.meeting import Meeting, meet
from tabbydoctor.tabbyapi.probes import PATHS, Address, Credential, Endpoint
from tabbydoctor.tabbyapi.standing import Judge, named
from tabbydoctor.tabbyapi.tokens import Tokens

PERMISSION = "/v1/auth/permission"
WRONG_KEY = "tabbydoctor-wrong-key"
_FURTHER_KEYS = 3
_INNER = 4
"""Addresses at which TabbyAPI is looked for behind a forwarder."""
_UNREACHED = "nothing answered HTTP there"
_UNFINISHED = "it does not end its answers in time"


@dataclass(frozen=True, slots=True)
class _Cell:
    """One request of the table. `row` is the path, or its label for a further key."""

    row: str
    path: str
    credential: Credential
    key: str | None = None


async def endpoint(
    host: Host, address: Address, tokens: Tokens | None, instance: Instance | None
) -> Endpoint:
    """The table of answers. A listener that does not answer is asked once.

    Of the addresses that a host name stands for, the one where TabbyAPI answers; behind a
    forwarder (a program, or the kernel's own address translation) TabbyAPI itself is asked,
    where it can be reached.
    """
    judge = Judge(instance, host.effective_uid() == 0, address.trusted)
    met = await _first(host, judge, address)
    found_by = address.found_by
    if met.standing in ("forwarder", "hidden") and met.identity == "tabbyapi":
        inner = await _behind(host, judge, address)
        if inner:
            found_by = f"{found_by}, behind {met.stranger or 'what cannot be seen'}"
            met = inner
    shown = replace(address, url=met.url, found_by=found_by)
    if met.standing == "own":
        shown = replace(shown, process_listens=True)
    elif met.standing in ("other", "forwarder"):
        shown = replace(shown, process_listens=False, holder=met.stranger)
    return await _table(met, shown, tokens, host.now())


GATHERERS = (endpoint,)


async def _first(host: Host, judge: Judge, address: Address) -> Meeting:
    """Whoever answers at the first address where TabbyAPI does; else at the first that answers."""
    met: list[Meeting] = []
    for url in address.single or (address.url,):
        met.append(await meet(host, judge, url))
        if met[-1].identity == "tabbyapi":
            return met[-1]
    return min(met, key=lambda one: one.serviceinfo.status is None)


async def _behind(host: Host, judge: Judge, address: Address) -> Meeting | None:
    """TabbyAPI at a socket of its own; None where it cannot be reached there."""
    pid = judge.namespace
    listeners = host.inner_listeners(pid) if pid is not None else ()
    urls = [f"http://{host_and_port(each.address, each.port)}" for each in listeners]
    for url in filter(None, (address.inner, *urls[:_INNER])):
        met = await meet(host, judge, url)
        if met.standing == "own":
            return met
    return None


async def _table(
    met: Meeting, address: Address, tokens: Tokens | None, asked_at: float
) -> Endpoint:
    first, identity = met.serviceinfo, met.identity
    if first.status is None:
        return Endpoint(address, False, identity, first, {}, _UNREACHED, _UNREACHED, asked_at)
    if first.error == "timeout":  # it began to answer and did not end: once is enough
        return Endpoint(address, True, "unknown", first, {}, _UNFINISHED, _UNFINISHED, asked_at)
    theirs = _not_theirs(met, tokens)
    withheld, admin_withheld = met.withheld or theirs, met.admin_withheld or theirs
    cells = [] if identity == "other" else list(_cells(tokens, withheld, admin_withheld))
    answers = await asyncio.gather(
        *(met.ask(cell.path, cell.credential, cell.key) for cell in cells)
    )
    table = {}
    for cell, answer in zip(cells, answers, strict=True):
        if answer.error != "withheld":
            table[cell.row, cell.credential] = answer
        elif cell.key:
            withheld, admin_withheld = withheld or answer.detail, admin_withheld or answer.detail
    return Endpoint(address, True, identity, first, table, withheld, admin_withheld, asked_at)


def _not_theirs(met: Meeting, tokens: Tokens | None) -> str:
    """Why the process that answers gets nothing of the file, in words: its account may not read it.

    An account that runs something in TabbyAPI's directory, or that makes a link to a file of
    another, is not shown by root what it cannot see.
    """
    for line in met.peer.holders if met.peer else ():
        if not _may_read(line[0], tokens):
            path = tokens.path if tokens else ""
            return f"{named(line[0])} runs as an account that cannot read {path} itself"
    return ""


def _may_read(process: Process, tokens: Tokens | None) -> bool:
    if tokens is None or tokens.status is None:
        return True  # there is nothing to be read
    if process.uid is None:
        return False
    way = PathStatus((*tokens.above, tokens.status))
    return way.denied_at(process.uid, process.groups or (), "r") is None


def further_key(number: int) -> str:
    """The row of `Endpoint.answers` for the api_key of that number (2 and up) of a list."""
    return f"{PERMISSION} #{number}"


def _cells(tokens: Tokens | None, withheld: str, admin_withheld: str) -> Iterator[_Cell]:
    """What is asked: every path without a key, and with each credential that may be sent."""
    yield from (_Cell(path, path, "none") for path in PATHS)
    if withheld:
        return
    keys: tuple[tuple[Credential, str | None], ...] = (
        ("wrong", WRONG_KEY),
        ("api_key", tokens.api_key if tokens else None),
        ("admin_key", tokens.admin_key if tokens and not admin_withheld else None),
    )
    for credential, key in keys:
        yield from (_Cell(path, path, credential, key) for path in PATHS if key)
    for number, key in enumerate(tokens.api_keys[1 : 1 + _FURTHER_KEYS] if tokens else (), 2):
        yield _Cell(further_key(number), PERMISSION, "api_key", key)
