"""What systemd's units say of TabbyAPI: which of them run it, where, as whom, and how."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.deployment import containers
from tabbydoctor.deployment.command import TabbyCommand, tabby_command
from tabbydoctor.deployment.parts import Instance, ProcessTable, Units
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import environment_file, full_name
from tabbydoctor.host import Host, Process
from tabbydoctor.targets import Targets

USUAL_NAMES = ("tabbyapi.service", "tabby-api.service", "tabby.service")


def from_units(
    host: Host, targets: Targets, table: ProcessTable, units: Units
) -> Iterator[Instance]:
    """Of each unit that runs it, by its command or its process, or has its usual name."""
    named = {full_name(name) for name in (targets.unit, targets.user_unit) if name}
    for unit in units.units:
        process = _process_of(unit, table)
        if process and containers.container_of(process) and not unit.unloadable:
            continue  # what it runs is found by its process
        command = tabby_command(host, _expanded(unit), unit.working_directory)
        running = tabby_command(host, process.argv, process.cwd or "/") if process else None
        if unit.unloadable and process is None:
            continue  # it tells no directory, and systemd's default is not TabbyAPI's
        if unit.exists and (command or running or unit.name in {*named, *USUAL_NAMES}):
            yield _of_unit(host, unit, process, command, running)


def unloadable(targets: Targets, units: Units) -> Unit | None:
    """The unit that was named, or has a usual name, and that systemd cannot load."""
    name = targets.user_unit or targets.unit
    for wanted in (full_name(name),) if name else USUAL_NAMES:
        unit = units.named(wanted)
        if unit and unit.exists and unit.unloadable:
            return unit
    return None


def _expanded(unit: Unit) -> tuple[str, ...]:
    """The command of a unit with `$VARIABLE` words put in (systemd.service(5))."""
    environment = _environment_of(unit)[0]
    words: list[str] = []
    for word in unit.command:
        if word.startswith("$") and not word.startswith(("$$", "${")):
            words += environment.get(word[1:], "").split()
            continue
        for name, value in environment.items():
            word = word.replace(f"${{{name}}}", value)
        words.append(word)
    return tuple(words)


def _process_of(unit: Unit, table: ProcessTable) -> Process | None:
    """The server's process: below a wrapper's shell it is a child in the same unit."""
    if not unit.main_pid:
        return None
    family = [
        process
        for process in table.processes
        if process.unit == unit.name and process.user_unit == unit.user_manager
    ]
    servers = [one for one in family if any("main" in word for word in one.argv[1:4])]
    servers = servers or [one for one in family if any("start.py" in w for w in one.argv[1:4])]
    main = table.process(unit.main_pid)
    return main if main in servers or not servers else servers[0]


def _of_unit(
    host: Host,
    unit: Unit,
    process: Process | None,
    command: TabbyCommand | None,
    running: TabbyCommand | None,
) -> Instance:
    # What the unit says holds for the next start; a wrapper script hides it, the process tells.
    best = command or running
    environment, sources = _environment_of(unit)
    wrapped = command is None and running is not None
    if wrapped and process and process.environment:
        for name, value in process.environment.items():
            if name.startswith("TABBY_") and name not in environment:
                environment[name] = value
                sources[name] = f"environment of process {process.pid}"
    directory = unit.working_directory
    by = f"WorkingDirectory= of {unit.name}"
    if process and process.cwd and (wrapped or unit.get("WorkingDirectory") in ("", "~")):
        directory, by = process.cwd, f"working directory of process {process.pid}"
    elif command and command.changes_to:
        directory, by = command.changes_to, f"{command.script} changes to it"
    return Instance(
        directory=_home(host, unit, directory),
        arguments=best.arguments if best else (),
        environment=environment,
        environment_sources=sources,
        unit=unit,
        process=process,
        user=host.account(unit.user),
        program=best.program if best and best.program != directory else None,
        python=best.python if best else None,
        found_by={
            "unit": "its usual name" if unit.name in USUAL_NAMES else "what its ExecStart= runs",
            "dir": by,
            "user": f"User= of {unit.name}",
            "arguments": f"ExecStart= of {unit.name}" if command else "the running process",
        },
    )


def _home(host: Host, unit: Unit, directory: str) -> str:
    if directory != "~":
        return directory.rstrip("/") or "/"
    account = host.account(unit.user)
    return account.home if account else "/"


def _environment_of(unit: Unit) -> tuple[dict[str, str], dict[str, str]]:
    """What systemd will set, and where each variable is set; files come after `Environment=`."""
    values = unit.environment
    sources = {name: _assigned_at(unit, name) for name in values}
    for file in unit.environment_files:
        for name, value in environment_file(file.text or "").items():
            values[name] = value
            sources[name] = file.path
    for name in unit.get("UnsetEnvironment").split():
        values.pop(name, None)
    return values, sources


def _assigned_at(unit: Unit, name: str) -> str:
    """`path:line` of the last `Environment=` that sets the variable."""
    for file in reversed(unit.files):
        line = file.line_of(f"{name}=")
        if line:
            return f"{file.path}:{line}"
    return f"unit {unit.name}"
