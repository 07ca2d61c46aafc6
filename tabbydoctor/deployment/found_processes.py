"""What the process table shows of TabbyAPI: servers that run, of the machine or in a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabbydoctor.deployment import containers
from tabbydoctor.deployment.command import tabby_command
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Instance, ProcessTable, Units
from tabbydoctor.deployment.reader import has_lent_rights
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.records import replace


def join(host: Host, found: list[Instance], process: Process, started: Instance) -> None:
    """Add what a process runs; where a stopped unit stands for the same directory, to that one."""
    real = host.real_path(started.directory)
    for place, one in enumerate(found):
        same = host.real_path(one.directory) == real and started.container is None
        if same and one.unit and not one.unit.main_pid and one.process is None:
            by = {"process": f"process {process.pid}, {_starter(process)}, not by {one.unit.name}"}
            found[place] = replace(one, process=process, found_by={**one.found_by, **by})
            return
    if started.container is None:
        by = {"process": f"process {process.pid}, {_starter(process)}"}
        started = replace(started, found_by={**started.found_by, **by})
    found.append(started)


def _starter(process: Process) -> str:
    return f"started by {process.unit}" if process.unit else "started by hand"


def is_of(process: Process, found: Iterable[Instance]) -> bool:
    return any(one.process and one.process.pid == process.pid for one in found)


def servers(started: Iterable[tuple[Process, Instance]]) -> list[tuple[Process, Instance]]:
    """Without each start.sh that only waits for the server it started in its directory."""
    pairs = list(started)
    waiting = [pair for pair in pairs if any("start.sh" in word for word in pair[0].argv[:3])]
    served = {one.directory for process, one in pairs if (process, one) not in waiting}
    return [pair for pair in pairs if pair not in waiting or pair[1].directory not in served]


def from_processes(
    host: Host, table: ProcessTable, units: Units | None
) -> Iterator[tuple[Process, Instance]]:
    for process in table.processes:
        box = containers.container(host, process, table) if containers.may_serve(process) else None
        root, answer = (box.root, box.answer) if box else ("", None)
        known = answer is not None and answer.closed and answer.tabbyapi
        inside = process.cwd or (box.directory if box else "/")
        command = tabby_command(host, process.argv, inside, root, known=known)
        if command is None or has_lent_rights(host, process):
            continue
        given = process.environment or (answer.environment if answer else {})
        environment = {
            name: value
            for name, value in given.items()
            if name.startswith("TABBY_") or name == "HOME"
        }
        unit = units.named(box.unit, box.owner is not None) if units and box else None
        by = f"process {process.pid}" + (f", {answer.by}" if answer else "")
        directory = process.cwd or (inside if known else command.program)
        yield (
            process,
            Instance(
                directory=f"{root}{directory}",
                arguments=command.arguments,
                environment=environment,
                environment_sources=dict.fromkeys(environment, f"environment of {by}"),
                process=process,
                user=_user(host, process, box),
                program=f"{root}{command.program}" if command.program != directory else None,
                python=command.python,
                container=box.label if box else None,
                found_by=dict.fromkeys(("dir", "user", "arguments"), by),
                contained=_with_source(box, unit),
                unit=unit,
            ),
        )


def _with_source(box: Container | None, unit: Unit | None) -> Container | None:
    """A generated unit is changed where it is made from (systemd.generator(7))."""
    return replace(box, source=unit.get("SourcePath")) if box and unit else box


def _user(host: Host, process: Process, box: Container | None) -> Account | None:
    """The account; of a container the number alone counts, and the groups it has there."""
    if process.uid is None:
        return None
    known = host.account(process.uid)
    if box is None:
        return known
    groups = process.groups or (process.uid,)
    return Account(
        known.name if known else f"#{process.uid}", process.uid, groups[0], groups=groups
    )
