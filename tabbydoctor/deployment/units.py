"""The service units that may matter: found by reading unit files, then asked of systemd at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tabbydoctor.deployment.command import starts_script
from tabbydoctor.deployment.parts import Machine, ProcessTable, Units
from tabbydoctor.deployment.unit import EnvironmentFile, Unit, UnitFile, assignments
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.redaction import remember_named
from tabbydoctor.targets import Targets

# Where administrators and NixOS put units (systemd.unit(5)); distributions' own are not ours.
SYSTEM_DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/run/systemd/transient",
)
_USER_DIRECTORIES = (".config/systemd/user", ".local/share/systemd/user")
_WORTH_A_LOOK = re.compile(
    r"(?i)tabby|litellm|llama-?swap|router|sglang|llama|proxy|gateway|\bmain\.py|\bstart\.(?:py|sh)"
)

_NAME = re.compile(r"[\w:.\\@][\w:.\\@-]*\.service", re.ASCII)
"""A name becomes part of paths; a user's manager may be any program of his."""

PROPERTIES = [
    "Id",
    "Names",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "FragmentPath",
    "SourcePath",
    "DropInPaths",
    "NeedDaemonReload",
    "MainPID",
    "ControlGroup",
    "Type",
    "Restart",
    "NRestarts",
    "ExecMainPID",
    "ExecMainCode",
    "ExecMainStatus",
    "ExecMainStartTimestampMonotonic",
    "ExecMainExitTimestampMonotonic",
    "ActiveEnterTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
    "StateChangeTimestampMonotonic",
    "InvocationID",
    "User",
    "Group",
    "SupplementaryGroups",
    "DynamicUser",
    "WorkingDirectory",
    "RootDirectory",
    "RootImage",
    "Environment",
    "EnvironmentFiles",
    "PassEnvironment",
    "UnsetEnvironment",
    "ExecStart",
    "ExecStartPre",
    "PrivateDevices",
    "DevicePolicy",
    "DeviceAllow",
    "PrivateUsers",
    "PrivateTmp",
    "ProtectHome",
    "ProtectSystem",
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "BindPaths",
    "BindReadOnlyPaths",
    "TemporaryFileSystem",
    "StateDirectory",
    "CacheDirectory",
    "LogsDirectory",
    "MemoryDenyWriteExecute",
    "ProcSubset",
    "ProtectProc",
    "NoNewPrivileges",
    "SystemCallFilter",
    "RestrictAddressFamilies",
    "LimitMEMLOCK",
    "UMask",
    "LoadCredential",
    "SetCredential",
    "WantedBy",
    "RequiredBy",
    "UpheldBy",
    "TriggeredBy",
    "BoundBy",
    "ConditionResult",
    "AssertResult",
    "StatusErrno",
    "RestartUSec",
    "TimeoutStartUSec",
    "PrivateNetwork",
    "IPAddressAllow",
    "IPAddressDeny",
]


def units(host: Host, machine: Machine, table: ProcessTable, targets: Targets) -> Units:
    """Every unit worth a look, of the system manager and, where named, of a user manager.

    Raises Absent without systemd, Unknown where it does not answer.
    """
    if not machine.systemd:
        raise (Unknown if machine.systemd_problem else Absent)(
            machine.systemd_problem or "systemd does not run here"
        )
    found = list(_show(host, _candidates(host, targets), owner=None))
    for owner in _user_managers(host, targets, table):
        found += _show(host, _user_candidates(host, targets, table, owner), owner=owner)
    return Units(tuple(found))


def unit_of_process(host: Host, process: Process) -> Unit | None:
    """The unit of the system's manager that runs a process, whatever its name; None without."""
    if process.unit is None or process.user_unit:
        return None
    try:
        return next(_show(host, [process.unit], owner=None), None)
    except Unknown:
        return None


def full_name(name: str) -> str:
    """`tabbyapi` -> `tabbyapi.service`."""
    return name if name.endswith(".service") else f"{name}.service"


def _candidates(host: Host, targets: Targets) -> list[str]:
    names = {"tabbyapi.service", "llm-router.service"}
    names |= {full_name(name) for name in (targets.unit, targets.router_unit) if name}
    for directory in SYSTEM_DIRECTORIES:
        names |= set(_worth_a_look(host, directory))
    return sorted(names)


def _user_candidates(host: Host, targets: Targets, table: ProcessTable, owner: str) -> list[str]:
    account = host.account(owner)
    host = host if host.effective_uid() != 0 else host.seen_by(account)
    names = {full_name(targets.user_unit)} if targets.user_unit else set()
    for process in table.processes:
        of_owner = process.user_unit and account is not None and process.uid == account.uid
        if of_owner and starts_script(process.argv) and _NAME.fullmatch(process.unit or ""):
            names.add(process.unit or "")
    return sorted(names | (_written_by(host, account) if account else set()))


def _written_by(host: Host, account: Account) -> set[str]:
    """The units worth a look that a user has written for a manager of his own."""
    places = [f"{account.home}/{part}" for part in _USER_DIRECTORIES]
    return {name for directory in places for name in _worth_a_look(host, directory)}


def _worth_a_look(host: Host, directory: str) -> Iterator[str]:
    for name in _names(host, directory):
        if not name.endswith(".service") or name.endswith("@.service"):
            continue
        try:
            text = host.read(f"{directory}/{name}", 64 << 10).text()
        except OSError:
            text = ""
        if _WORTH_A_LOOK.search(name) or _WORTH_A_LOOK.search(text):
            yield name


def _names(host: Host, directory: str) -> Sequence[str]:
    try:
        return host.names(directory)
    except OSError:
        return ()


def _user_managers(host: Host, targets: Targets, table: ProcessTable) -> list[str]:
    """Whose user managers to ask: the given account's, one's own, those that run a server, and
    for root those that could: a manager runs, and its user has written such a unit for it."""
    owners = {targets.user} if targets.user_unit and targets.user else set()
    own = host.account(host.effective_uid())
    if own is not None and (own.uid != 0 or (targets.user_unit and not targets.user)):
        owners.add(own.name)
    for process in table.processes:
        account = host.account(process.uid or 0)
        if account is None:
            continue
        if process.user_unit and starts_script(process.argv):
            owners.add(account.name)
        elif process.uid and host.effective_uid() == 0 and _is_manager(process.argv):
            owners |= {account.name} if _written_by(host.seen_by(account), account) else set()
    return sorted(owner for owner in owners if owner)


def _is_manager(argv: Sequence[str]) -> bool:
    """Whether it is a user's own systemd (user@.service)."""
    return tuple(argv[1:2]) == ("--user",) and argv[0].rpartition("/")[2] == "systemd"


def _show(host: Host, names: Iterable[str], owner: str | None) -> Iterator[Unit]:
    wanted = list(names)
    if not wanted:
        return
    argv = ["systemctl", *_manager(host, owner), "show", "--no-pager", "--all"]
    argv += [f"--property={','.join(PROPERTIES)}", "--", *wanted]
    result = host.run(argv, timeout=8.0)
    if owner is None and (result.timed_out or (result.code != 0 and not result.stdout)):
        raise Unknown(f"systemctl did not answer: {result.stderr.strip() or 'time limit'}")
    # A user's manager says what its user wants: that names no file for root's eyes.
    account = host.account(owner) if owner and host.effective_uid() == 0 else None
    seen = host if account is None else host.seen_by(account)
    for block in result.stdout.split("\n\n"):
        properties = _properties(block)
        if _NAME.fullmatch(properties.get("Id", "")):
            yield _unit(seen, properties, owner)


def _properties(block: str) -> dict[str, str]:
    """`Name=value` lines; a name that is repeated (one `EnvironmentFiles=` each) is joined."""
    properties: dict[str, str] = {}
    for line in block.splitlines():
        name, _, value = line.partition("=")
        properties[name] = f"{properties[name]}\n{value}" if name in properties else value
    return properties


def _manager(host: Host, owner: str | None) -> list[str]:
    if owner is None:
        return []
    own = host.account(host.effective_uid())
    return ["--user"] if own and own.name == owner else ["--user", f"--machine={owner}@.host"]


def _unit(host: Host, properties: dict[str, str], owner: str | None) -> Unit:
    paths = [properties.get("FragmentPath", ""), *properties.get("DropInPaths", "").split()]
    files = [file for path in paths if path and (file := _unit_file(host, path))]
    for name, value in assignments(properties.get("Environment", "")).items():
        remember_named(name, value)
    return Unit(
        name=properties["Id"],
        properties=properties,
        files=tuple(files),
        environment_files=tuple(_environment_files(host, properties)),
        user_manager=owner is not None,
        owner=owner or "",
    )


def _unit_file(host: Host, path: str) -> UnitFile | None:
    try:
        return UnitFile(path, host.read(path, 256 << 10).text())
    except OSError:
        return None


def _environment_files(host: Host, properties: dict[str, str]) -> Iterator[EnvironmentFile]:
    """`/path (ignore_errors=yes)`, one or several to a line."""
    shown = properties.get("EnvironmentFiles", "")
    parts = re.split(r" \(ignore_errors=(yes|no)\)", shown)
    for path, ignore in zip(parts[::2], parts[1::2], strict=False):
        path, optional = path.strip(), ignore == "yes"
        try:
            text = host.read(path, 256 << 10).text()
        except OSError as error:
            yield EnvironmentFile(path, optional, problem=error.strerror or str(error))
            continue
        for name, value in environment_file(text).items():
            remember_named(name, value)
        yield EnvironmentFile(path, optional, text)


def environment_file(text: str) -> dict[str, str]:
    """The assignments of an EnvironmentFile= (systemd.exec(5)): quotes off, comments left out."""
    values: dict[str, str] = {}
    for line in text.replace("\\\n", "").splitlines():
        name, found, value = line.strip().partition("=")
        if found and not name.startswith(("#", ";")):
            values[name.strip()] = _unquoted(value.strip())
    return values


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


GATHERERS = (units,)
