"""The environment that a router's next start gets: systemd.exec(5)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import environment_file
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.marked_block import CREDENTIALS
from tabbydoctor.routers.own_environment import ANY

_PLAIN = re.compile(
    r"(python|pypy)[\d.]*|uvicorn|gunicorn|hypercorn|daphne|granian|fastapi|uv|uvx|poetry|pdm|"
    r"litellm|llama-swap.*|.*\.py|nginx|haproxy|caddy|traefik"
)
"""Programs that set no variable for what they run."""
_FILES = ("--env-file", "--envfile")
"""Options by which a program reads variables from a file."""
_CREDENTIALS = ("LoadCredential", "LoadCredentialEncrypted", "SetCredential")


def is_credential(unit: Unit, variable: str) -> bool:
    """Whether systemd hands the unit a credential of a variable's name, in small letters."""
    given = [entry for name in _CREDENTIALS for entry in unit.settings(name)]
    return any(entry.partition(":")[0] == variable.lower() for entry in given)


def router_environment(site: RouterSite) -> Mapping[str, str]:
    """The variables that its description or its unit sets, else those of its process."""
    if site.environment is not None:
        return site.environment
    if site.unit is None:
        return (site.process.environment if site.process else None) or {}
    values = site.unit.environment
    for file in site.unit.environment_files:
        values.update(environment_file(file.text or ""))
    for name in site.unit.get("UnsetEnvironment").split():
        values.pop(name, None)
    return values


def passed_on(site: RouterSite) -> list[str]:
    """The variables it has from the manager's own environment, whose values are not known."""
    return site.unit.get("PassEnvironment").split() if site.unit else []


def is_set(site: RouterSite, reading: RouterReading, variable: str) -> bool:
    """Whether a router has a variable: from its unit, in what runs now, or as a credential."""
    running = (site.process.environment if site.process else None) or {}
    if router_environment(site).get(variable) or running.get(variable):
        return True
    by_credential = (
        site.unit is not None
        and CREDENTIALS in reading.reads_environment
        and is_credential(site.unit, variable)
    )
    return by_credential or variable in passed_on(site)


def variable_of(source: str) -> str:
    """The variable that a key comes from; empty where it comes from elsewhere."""
    kind, _, name = source.partition(" ")
    return name if kind == "environment" else ""


def unset_variables(site: RouterSite, reading: RouterReading) -> tuple[str, ...]:
    """The variables whose value would go to TabbyAPI as the key, and that nobody sets.

    None where neither a unit nor a process tells: a router that is not started has none yet.
    """
    lacking = _lacking(site, reading)
    return tuple(name for name in lacking if not set_by_itself(site, reading, name))


def perhaps_unset(site: RouterSite, reading: RouterReading) -> Mapping[str, str]:
    """Those that the router itself may set, from what is not known here -> where it does."""
    found = {name: set_by_itself(site, reading, name) for name in _lacking(site, reading)}
    return {name: where for name, where in found.items() if where}


def set_by_itself(site: RouterSite, reading: RouterReading, variable: str) -> str:
    """What of the router's own may set a variable, in words; empty without."""
    command = site.unit.command if site.unit else (site.process.argv if site.process else ())
    if given := next((word for word in command if word.startswith(_FILES)), ""):
        return f"{posixpath.basename(command[0])} {given.partition('=')[0]}"
    if any(word.startswith(f"{variable}=") for word in command) or _is_wrapped(site, command):
        return f"{site.unit.name if site.unit else 'what runs it'}: {command[0]}"
    places = (reading.where(lambda part: part.sets_environment, name) for name in (variable, ANY))
    return next(filter(None, places), "")


def _is_wrapped(site: RouterSite, command: Sequence[str]) -> bool:
    """Whether a unit runs another program, which may set variables for the router.

    Where the router runs, its own environment shows what that program has set.
    """
    running = site.process
    if running and running.environment is not None and _is_plain(running.argv):
        return False
    return bool(command) and command[0] != site.path and not _is_plain(command)


def _is_plain(command: Sequence[str]) -> bool:
    """Whether a command sets no variables; `env` sets those before the program."""
    words = [word for word in command if posixpath.basename(word) != "env"]
    return bool(words) and bool(_PLAIN.fullmatch(posixpath.basename(words[0])))


def replaced_by_itself(reading: RouterReading, variable: str) -> bool:
    """Whether the router sends another value than the one that its unit gives a variable."""
    return bool({variable, ANY} & set(reading.replaces_environment))


def _lacking(site: RouterSite, reading: RouterReading) -> list[str]:
    known = site.unit or site.environment is not None
    if not known and (site.process is None or site.process.environment is None):
        return []
    names = {variable_of(call.key_from) for call in reading.calls} - {""}
    return sorted(name for name in names if not is_set(site, reading, name))
