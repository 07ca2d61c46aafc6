"""One examination of a deployment: facts, checks, causes, report. What every command stands on."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import Iterable
from typing import TypeVar

from tabbydoctor import __version__, plugins
from tabbydoctor.deployment.containers import container_of, may_serve
from tabbydoctor.deployment.parts import Discovery, ProcessTable, Units
from tabbydoctor.diagnosis.causes import roots, with_causes
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.hands import Words
from tabbydoctor.diagnosis.report import FailOn, Report
from tabbydoctor.diagnosis.runner import WHOLE_RUN, Pending, run_checks
from tabbydoctor.diagnosis.verdict import exit_code
from tabbydoctor.examination.deployment import deployment_document, machine_name, notes
from tabbydoctor.examination.described import described_document
from tabbydoctor.examination.word import by_word
from tabbydoctor.facts import Absent, Facts, Unknown
from tabbydoctor.host import Host
from tabbydoctor.targets import Targets
from tabbydoctor.threads import await_nobody, in_thread

T = TypeVar("T")
_CLOSING = 1.0
"""Seconds."""


class NothingToExamine(Exception):  # noqa: N818 - it is an answer for the operator
    """There is no TabbyAPI on this machine, and none was named."""

    def __init__(self, message: str, *, may_come: bool = False) -> None:
        """`may_come`: whether one may still be started."""
        super().__init__(message)
        self.may_come = may_come


def facts_of(host: Host, targets: Targets, patience: float | None = None) -> Facts:
    """Facts about a deployment, none gathered yet; `patience` as in Facts."""
    facts = Facts([targets], plugins.gatherers(), patience)
    facts.provide(Host, host)
    facts.provide(Words, Words(lambda: by_word(facts)))
    return facts


async def examine(
    host: Host,
    targets: Targets,
    checks: Iterable[Check],
    *,
    time_limit: float,
    fail_on: FailOn = "error",
    pending: Pending | None = None,
) -> Report:
    """Run the checks and say what they come to. Raises NothingToExamine.

    `time_limit` is of one check, in seconds; the whole ends after WHOLE_RUN times as many, and
    what was not judged by then is unknown.
    """
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    facts = facts_of(host, targets, patience=(WHOLE_RUN - 1) * time_limit)
    until = await_nobody().time() + WHOLE_RUN * time_limit
    try:
        with contextlib.suppress(TimeoutError):
            if targets.deployment is not None:
                await require_description(facts, until)
            else:
                await require_something(host, facts, targets, until)
        results = with_causes(await run_checks(checks, facts, time_limit, pending, until))
        return Report(
            version=__version__,
            started_at=started.isoformat(timespec="milliseconds"),
            duration_ms=round((time.monotonic() - clock) * 1000),
            deployment=(
                described_document(targets)
                if targets.deployment
                else await deployment_document(facts, targets, until)
            ),
            results=results,
            roots=roots(results),
            exit_code=exit_code(results, fail_on),
            catalogue=len(plugins.checks()),
            notes=notes(facts),
            host=machine_name(host),
            fail_on=fail_on,
        )
    finally:
        await _closed(host, facts)


async def _closed(host: Host, facts: Facts) -> None:
    """Let go of everything, without waiting for what hangs."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING):
            await facts.close()
            await host.close()


def _require_named(host: Host, targets: Targets) -> None:
    """Raises NothingToExamine where `--dir`, `--router` or `--user` names what is not there."""
    if targets.user is not None and host.account(targets.user) is None:
        raise NothingToExamine(f"{targets.source('user')} {targets.user}: there is no such account")
    for part, path, directory in (("dir", targets.dir, True), ("router", targets.router, False)):
        if path is None:
            continue
        named = f"{targets.source(part)} {path}"
        try:
            found = host.status(path)
        except PermissionError:
            continue  # the checks say what is needed
        except OSError as error:
            raise NothingToExamine(f"{named}: {error.strerror}") from error
        if found.is_directory != directory:
            raise NothingToExamine(f"{named}: it is {found.kind}")


async def require_description(facts: Facts, until: float) -> None:
    """Raises NothingToExamine where the file of `--deployment` describes no TabbyAPI."""
    from tabbydoctor.described.parts import Description
    from tabbydoctor.described.server import DescribedServers

    try:
        async with asyncio.timeout_at(until):
            await facts.get(Description)
            await facts.get(DescribedServers)
    except (Absent, Unknown) as reason:
        raise NothingToExamine(str(reason)) from reason


async def require_something(host: Host, facts: Facts, targets: Targets, until: float) -> None:
    """Raises NothingToExamine where there is nothing, with what was in the way; TimeoutError
    where that cannot be told by then (by the loop's clock).
    """
    named = (targets.url, targets.unit, targets.user_unit)
    async with asyncio.timeout_at(until):
        await in_thread(lambda: _require_named(host, targets))
        discovery = await facts.get(Discovery)
    found = discovery.instance or discovery.unloadable
    if found is None and not any(named):
        looked = await _looked(facts)
        said = f"no TabbyAPI was found on this machine{looked}"
        raise NothingToExamine(said, may_come=True)


async def _looked(facts: Facts) -> str:
    """Where the doctor looked, and what kept it from seeing more, for the message."""
    table = await facts.get(ProcessTable)
    processes = f"; looked at {len(table.processes)} processes"
    closed = [one for one in table.processes if container_of(one) and may_serve(one)]
    if closed and closed[0].cwd is None:
        one = closed[0]
        processes = f"; process {one.pid} of {container_of(one)} may be one: use sudo{processes}"
    try:
        units = await facts.get(Units)
    except Unknown as reason:
        return f"{processes}; {reason}"
    except Absent as reason:
        return f"{processes}, and at no units: {reason}"
    return f"{processes} and {len(units.units)} units of systemd"


async def gather(host: Host, targets: Targets, kind: type[T], time_limit: float) -> T:
    """One fact, for the commands that show it. Raises Absent, Unknown or TimeoutError."""
    facts = facts_of(host, targets)
    await_nobody()
    try:
        async with asyncio.timeout(time_limit):
            return await facts.get(kind)
    finally:
        await _closed(host, facts)
