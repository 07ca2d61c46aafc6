"""Finding TabbyAPI without any option: its unit, else its process, else the directory named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from tabbydoctor.deployment import containers
from tabbydoctor.deployment.command import TabbyCommand, tabby_command
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.exit_status import LOAD_STATES
from tabbydoctor.deployment.parts import Discovery, Instance, ProcessState, ProcessTable, Units
from tabbydoctor.deployment.reader import has_lent_rights, teller
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import environment_file, full_name
from tabbydoctor.facts import Absent
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.targets import Targets

USUAL_NAMES = ("tabbyapi.service", "tabby-api.service", "tabby.service")


def discovery(host: Host, targets: Targets, table: ProcessTable, units: Units | None) -> Discovery:
    """Every TabbyAPI of this machine, and the one to examine."""
    found = list(_from_units(host, targets, table, units)) if units else []
    own = {(one.unit.name, one.unit.user_manager) for one in found if one.unit}
    for process, started in _servers(_from_processes(host, table, units)):
        if (process.unit, process.user_unit) not in own and not _is_of(process, found):
            _join(host, found, process, started)
    chosen = _choose(host, found, targets, table)
    unloadable = _unloadable(targets, units) if units and chosen is None else None
    if chosen is None and targets.dir:
        chosen = Instance(directory=_absolute(host, targets.dir), unit=unloadable)
    if chosen is None:
        return Discovery(None, (), unloadable)
    return Discovery(
        _as_named(host, chosen, targets), tuple(one for one in found if one is not chosen)
    )


def instance(discovery: Discovery, targets: Targets) -> Instance:
    """The TabbyAPI to examine. Raises Absent where there is none on this machine."""
    if discovery.instance is None and discovery.unloadable:
        unit = discovery.unloadable
        state = LOAD_STATES.get(unit.get("LoadState"), "systemd cannot load it")
        raise Absent(f"where {unit.name} runs is not known ({state}); name it with --dir")
    if discovery.instance is None:
        where = f" ({targets.url} is examined from outside)" if targets.url else ""
        raise Absent(f"no TabbyAPI was found on this machine{where}; name it with --dir or --unit")
    return discovery.instance


def process_state(host: Host, instance: Instance) -> ProcessState:
    """What the running server's process does. Raises Absent where none runs."""
    if instance.process is None:
        raise Absent("TabbyAPI is not running")
    try:
        text = host.read(f"/proc/{instance.process.pid}/stat", 4096).text()
    except OSError as error:
        raise Absent("TabbyAPI's process has ended") from error
    # The name before it, in brackets, may hold anything.
    return ProcessState(text.rpartition(")")[2].strip()[:1])


def _choose(
    host: Host, found: Iterable[Instance], targets: Targets, table: ProcessTable
) -> Instance | None:
    """The one that was asked for; else root's before those by an account's own word, the usual
    name, a running one, the first by name."""
    candidates = list(found)
    if targets.unit or targets.user_unit:
        name = full_name(targets.user_unit or targets.unit or "")
        candidates = [one for one in candidates if one.unit and one.unit.name == name]
    if targets.dir:
        wanted = targets.dir.rstrip("/")
        candidates = [one for one in candidates if wanted in (one.directory, one.main_directory)]
    port = urlsplit(targets.url).port if targets.url else None
    return min(candidates, key=lambda one: _rank(host, one, port, table), default=None)


def _rank(
    host: Host, one: Instance, port: int | None, table: ProcessTable
) -> tuple[bool, bool, int, bool, str]:
    own = one.process.pid if one.process else 0
    holds = any(each.port == port and each.pid == own for each in table.listeners if each.pid)
    name = one.unit.name if one.unit else ""
    usual = USUAL_NAMES.index(name) if name in USUAL_NAMES else len(USUAL_NAMES)
    told = teller(host, one) is not None
    return (not holds, told, usual, one.process is None, one.name)


def _as_named(host: Host, one: Instance, targets: Targets) -> Instance:
    """With what the user gave in place of what was found."""
    found_by = dict(one.found_by)
    if targets.dir and one.directory != targets.dir.rstrip("/"):
        one = replace(one, directory=_absolute(host, targets.dir))
    for part in ("dir", "unit", "user_unit", "user"):
        if getattr(targets, part):
            found_by[part.removeprefix("user_") if part == "user_unit" else part] = targets.source(
                part
            )
    if targets.user:
        one = replace(one, user=host.account(targets.user))
    return replace(one, found_by=found_by)


def _absolute(host: Host, path: str) -> str:
    return path.rstrip("/") or "/" if path.startswith("/") else host.real_path(path)


# From units


def _from_units(
    host: Host, targets: Targets, table: ProcessTable, units: Units
) -> Iterator[Instance]:
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


def _unloadable(targets: Targets, units: Units) -> Unit | None:
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


# From the process table


def _join(host: Host, found: list[Instance], process: Process, started: Instance) -> None:
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


def _is_of(process: Process, found: Iterable[Instance]) -> bool:
    return any(one.process and one.process.pid == process.pid for one in found)


def _servers(started: Iterable[tuple[Process, Instance]]) -> list[tuple[Process, Instance]]:
    """Without each start.sh that only waits for the server it started in its directory."""
    pairs = list(started)
    waiting = [pair for pair in pairs if any("start.sh" in word for word in pair[0].argv[:3])]
    served = {one.directory for process, one in pairs if (process, one) not in waiting}
    return [pair for pair in pairs if pair not in waiting or pair[1].directory not in served]


def _from_processes(
    host: Host, table: ProcessTable, units: Units | None
) -> Iterator[tuple[Process, Instance]]:
    for process in table.processes:
        box = containers.container(host, process, table) if containers.may_serve(process) else None
        root = box.root if box else ""
        command = tabby_command(host, process.argv, process.cwd or "/", root)
        if command is None or has_lent_rights(host, process):
            continue
        environment = {
            name: value
            for name, value in (process.environment or {}).items()
            if name.startswith("TABBY_") or name == "HOME"
        }
        unit = units.named(box.unit, box.owner is not None) if units and box else None
        by = f"process {process.pid}"
        directory = process.cwd or command.program
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


GATHERERS = (discovery, instance, process_state)
