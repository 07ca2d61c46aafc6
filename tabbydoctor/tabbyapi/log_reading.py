"""Reading the log of TabbyAPI's present (or last) run: the journal, else its own log files.

Bounded: the beginning of the run and its end, however long it is.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.reader import eyes, reader
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.documents import json_of
from tabbydoctor.facts import Absent, NoFact, Unknown
from tabbydoctor.host import Account, FileStatus, Host
from tabbydoctor.tabbyapi.container_log import output_of
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_text import cleaned, console_width, joined, stamp

HEAD_LINES, TAIL_LINES = 400, 1500
NEEDS_JOURNAL = (
    "reading the journal needs root (sudo) or membership of the group adm or systemd-journal"
)
_HEAD_BYTES = 256 << 10
_WHOLE_BYTES = _TAIL_BYTES = 1 << 20
_DENIED = ("insufficient permissions", "not seeing messages", "Permission denied")

Entry = dict[str, Any]


def run_log(host: Host, instance: Instance, machine: Machine) -> RunLog:
    """The log of the present run, or of the last one where TabbyAPI is down.

    Raises Absent where there is none, Unknown where it may not be read.
    """
    denied: NoFact | None = None
    if instance.unit and machine.systemd and not instance.beside_unit:
        try:
            found = _from_journal(host, instance, instance.unit)
        except Unknown as error:
            found, denied = None, error
        if found:
            return found
    found = _from_engine(host, instance) or _from_files(host, instance)
    if found:
        return found
    if instance.container and host.effective_uid() != 0:
        raise Unknown(f"the log of {instance.container} is seen by root alone (use sudo)")
    raise denied or Absent("there is no log of TabbyAPI")


def _from_journal(host: Host, instance: Instance, unit: Unit) -> RunLog | None:
    invocation = unit.get("InvocationID")
    entries, complete = _run_entries(host, unit, invocation) if invocation else ([], True)
    if not any(_of_process(entry, invocation) for entry in entries):
        # systemd forgets the id of a stopped unit, and a refused start has a new one.
        last = _last_invocation(host, unit)
        if last and last != invocation:
            invocation, (entries, complete) = last, _run_entries(host, unit, last)
    if not entries:
        return None
    lines = joined(
        (LogLine(_message(entry), int(entry["__REALTIME_TIMESTAMP"]) / 1e6) for entry in entries),
        console_width(instance.environment),
    )
    return RunLog(
        # Not by the run's own id: it looks like a key, and would be redacted.
        source=unit.journalctl.removeprefix("sudo "),
        lines=tuple(cleaned(line) for line in lines),
        complete=complete,
        present=unit.active,
    )


def _from_engine(host: Host, instance: Instance) -> RunLog | None:
    """What the engine of its container kept of its output."""
    box, process = instance.contained, instance.process
    if box is None or (process is None and box.ended is None):
        return None
    began = process.started if process else box.ended.started if box.ended else 0.0
    lines, whole = output_of(host.seen_by(box.owner), box.log, began) if box.log else ([], True)
    if box.to_journal and not lines:
        # Every account may write that field; whose line it is the journal knows.
        own = f"_UID={box.owner.uid if box.owner else 0}"
        match = (f"CONTAINER_ID_FULL={box.id}", own, f"--lines={TAIL_LINES}")
        entries, cut = _journal(host, match)
        read = (LogLine(_message(one), int(one["__REALTIME_TIMESTAMP"]) / 1e6) for one in entries)
        lines, whole = [one for one in read if one.time >= began - 1], not cut
    if not lines:
        return None
    if len(lines) > HEAD_LINES + TAIL_LINES:
        lines, whole = [*lines[:HEAD_LINES], *lines[-TAIL_LINES:]], False
    return RunLog(
        source=box.logs.removeprefix("sudo ") or box.log,
        lines=tuple(map(cleaned, joined(lines, console_width(instance.environment)))),
        complete=whole,
        present=process is not None,
    )


def _of_process(entry: Entry, invocation: str) -> bool:
    return entry.get("_SYSTEMD_INVOCATION_ID") == invocation


def _run_entries(host: Host, unit: Unit, invocation: str) -> tuple[list[Entry], bool]:
    """The entries of one run, oldest first, and whether they are all."""
    # Fields without a leading underscore can be forged by any user: only the manager's count.
    manager = (
        (f"USER_INVOCATION_ID={invocation}", "_SYSTEMD_USER_UNIT=init.scope")
        if unit.user_manager
        else (f"INVOCATION_ID={invocation}", "_PID=1")
    )
    # A user's manager may name the run of any service: only that user's own lines are its unit's.
    own = _own_lines(host, unit)
    match = (f"_SYSTEMD_INVOCATION_ID={invocation}", *own, "+", *manager, *own)
    head, more = _journal(host, match, line_limit=HEAD_LINES)
    if not more:
        return head, True
    tail, _ = _journal(host, (*match, "--reverse", f"--lines={TAIL_LINES}"))
    seen = {entry["__CURSOR"] for entry in head}
    fresh = [entry for entry in reversed(tail) if entry["__CURSOR"] not in seen]
    return head + fresh, len(fresh) < len(tail)


def _last_invocation(host: Host, unit: Unit) -> str:
    field = "_SYSTEMD_USER_UNIT" if unit.user_manager else "_SYSTEMD_UNIT"
    match = (f"{field}={unit.name}", *_own_lines(host, unit))
    entries, _ = _journal(host, (*match, "--lines=1"))
    return str(entries[-1].get("_SYSTEMD_INVOCATION_ID", "")) if entries else ""


def _own_lines(host: Host, unit: Unit) -> tuple[str, ...]:
    """What lines of a user's manager and its units have in common; nothing for the system's."""
    owner = host.account(unit.owner) if unit.user_manager and unit.owner else None
    return (f"_UID={owner.uid}",) if owner else ()


def _journal(
    host: Host, arguments: Sequence[str], line_limit: int | None = None
) -> tuple[list[Entry], bool]:
    """Entries, and whether there are more. Raises Unknown where they may not be read."""
    argv = ("journalctl", "--no-pager", "--output=json", "--all")
    fields = "--output-fields=MESSAGE,_SYSTEMD_INVOCATION_ID"
    result = host.run((*argv, fields, *arguments), line_limit=line_limit)
    entries = [entry for entry in map(_entry, result.stdout.splitlines()) if entry]
    if result.timed_out and not entries:
        raise Unknown("the journal did not answer in time")
    if not entries and any(words in result.stderr for words in _DENIED):
        raise Unknown(NEEDS_JOURNAL)
    return entries, result.truncated


def _entry(line: str) -> Entry | None:
    try:
        entry = json_of(line)
    except ValueError:
        return None  # cut in the middle by the limit
    usable = isinstance(entry, dict) and {"__CURSOR", "__REALTIME_TIMESTAMP"} <= entry.keys()
    return entry if usable else None


def _message(entry: Entry) -> str:
    """MESSAGE is a string, a list of byte values, or a list of those when it came twice."""
    value = entry.get("MESSAGE")
    if isinstance(value, list):
        if all(isinstance(byte, int) for byte in value):
            return bytes(value).decode("utf-8", errors="replace")
        value = next((item for item in value if isinstance(item, str)), "")
    return value if isinstance(value, str) else ""


def log_files(host: Host, directory: str, user: Account | None) -> list[FileStatus]:
    """`logs/*.log` of a working directory, newest first, as its account sees them.

    Links are left out: whose is unknown.
    """
    logs = posixpath.join(directory, "logs")
    try:
        names = [name for name in host.names(logs, user) if name.endswith(".log")]
    except OSError:
        return []
    found = []
    for name in names[-200:]:
        try:
            status = host.status(posixpath.join(logs, name), follow=False)
        except OSError:
            continue
        if status.is_file:
            found.append(status)
    return sorted(found, key=lambda status: status.modified, reverse=True)


def _from_files(host: Host, instance: Instance) -> RunLog | None:
    own = reader(host, instance)
    host = eyes(host, instance)
    files = log_files(host, instance.directory, own)
    if not files:
        return None
    newest = files[0]
    process = instance.process
    if process and newest.modified < process.started:
        return None  # of an earlier run
    try:
        text, complete = _file_text(host, newest, own)
    except OSError as error:
        raise Unknown(f"{newest.path} cannot be read: {error.strerror}") from error
    every = text.splitlines()
    if len(every) > HEAD_LINES + TAIL_LINES:
        every, complete = [*every[:HEAD_LINES], *every[-TAIL_LINES:]], False
    lines: Iterable[LogLine] = (LogLine(line, stamp(line) or newest.modified) for line in every)
    return RunLog(
        source=newest.path,
        lines=tuple(cleaned(line) for line in lines),
        complete=complete,
        present=process is not None,
    )


def _file_text(host: Host, file: FileStatus, user: Account | None) -> tuple[str, bool]:
    if file.size <= _WHOLE_BYTES:
        return host.read(file.path, _WHOLE_BYTES, user).text(), True
    head = host.read(file.path, _HEAD_BYTES, user).text().splitlines()[:HEAD_LINES]
    tail = host.read(file.path, _TAIL_BYTES, user, end=True).text().splitlines()[1:]
    return "\n".join((*head, *tail[-TAIL_LINES:])), False


def shown_by(log: RunLog) -> str:
    """A command to paste that shows the log."""
    if log.source.startswith("journalctl "):
        return log.source if " --user " in log.source else f"sudo {log.source}"
    if log.source.startswith(("docker ", "podman ", "-u ")):
        return f"sudo {log.source}"
    return f"less {shlex.quote(log.source)}"


GATHERERS = (run_log,)
