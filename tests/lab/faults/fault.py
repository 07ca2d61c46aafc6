"""A fault: a small mutation of a healthy deployment, and what the doctor should say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.lab.deployment import Deployment

Mutation = Callable[[Deployment], None]


@dataclass(frozen=True)
class Fault:
    """One entry of the catalogue."""

    name: str
    root: str
    """The id that is the cause."""
    mutate: Mutation
    consequences: frozenset[str] = frozenset()
    """Ids that may follow from it; any other error or warning is a false alarm."""
    when: Literal["before", "running"] = "before"
    """Whether it is made before the services start, or to the running ones."""
    deploy: Mapping[str, Any] = field(default_factory=dict)
    """Variations of the deployment it is made to."""
    answers: bool = True
    """Whether TabbyAPI and the router still answer on their ports."""
    waits_for: Callable[[Deployment], bool] | None = None
    """When it has taken effect, where that takes a moment."""
    healthy: Mutation | None = None
    """What it needs of a healthy deployment, before the services start."""
    also: tuple[str, ...] = ()
    """Further roots, where the mutation makes more than one fault."""
    doctor_env: Mapping[str, str] = field(default_factory=dict)
    """What the stand-in NVML is to say, for the doctor's environment."""
    arguments: tuple[str, ...] = ()
    """Further arguments of `check`."""
    remark: bool = False
    """It is only worth a remark: the id with severity info, and no error or warning."""
    fix: tuple[str, ...] = ()
    """The arguments of `fix` that repair it; empty where no fix should."""
    miss: str = ""
    """Why the doctor is known not to name it first; a test fails once it does."""
    unfixed: str = ""
    """Why `fix` is known not to repair it; a test fails once it does."""
    stand_in: str = ""
    """Why a real TabbyAPI cannot show it here; empty where it can."""
    shows: frozenset[str] = frozenset()
    """Of the consequences, those that must be seen: no other fault of the catalogue shows them."""


CATALOGUE: dict[str, Fault] = {}


def fault(
    name: str, root: str, *, consequences: Iterable[str] = (), **more: Any
) -> Callable[[Mutation], Mutation]:
    """Enter a mutation into the catalogue; `more` are the fields of `Fault`."""

    def enter(mutate: Mutation) -> Mutation:
        assert name not in CATALOGUE, name
        CATALOGUE[name] = Fault(name, root, mutate, frozenset(consequences), **more)
        return mutate

    return enter


def edit(deployment: Deployment, old: str, new: str) -> None:
    """Replace text in TabbyAPI's config.yml, owner and mode kept."""
    text = deployment.machine.read(deployment.config)
    assert old in text
    write_config(deployment, text.replace(old, new))


def edit_router(deployment: Deployment, *replacements: tuple[str, str]) -> None:
    """Replace text in the router's source."""
    text = deployment.machine.read(deployment.router)
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    deployment.machine.write(deployment.router, text)


def set_unit(deployment: Deployment, *settings: str, unit: str = "tabbyapi.service") -> None:
    """Add settings to a unit's `[Service]` by a drop-in; later ones have drop-ins of their own."""
    directory = f"/etc/systemd/system/{unit}.d"
    there = deployment.machine.run(["find", directory], check=False).stdout.count(".conf")
    text = "\n".join(["[Service]", *settings, ""])
    deployment.machine.dropin(unit, text, name=f"lab-{there}", reload=False)


def command(deployment: Deployment, *arguments: str) -> tuple[str, str]:
    """Settings that start TabbyAPI's interpreter with these words in place of `main.py` alone."""
    return "ExecStart=", f"ExecStart={python(deployment)} {' '.join(arguments)}"


def python(deployment: Deployment) -> str:
    """The interpreter that TabbyAPI is started with."""
    own = f"{deployment.directory}/venv/bin/python"
    return str(deployment.real.python) if deployment.real else own


def write_config(deployment: Deployment, text: str | bytes) -> None:
    """Write TabbyAPI's config.yml."""
    deployment.machine.write(deployment.config, text, owner=f"{deployment.user}:{deployment.user}")


def write_tokens(deployment: Deployment, text: str | bytes) -> None:
    """Write TabbyAPI's api_tokens.yml, 0600."""
    owner = f"{deployment.user}:{deployment.user}"
    deployment.machine.write(deployment.tokens, text, mode=0o600, owner=owner)


def tabby_down(deployment: Deployment) -> bool:
    """TabbyAPI's unit has given up or is waiting to be started again."""
    state = deployment.machine.property("tabbyapi.service", "SubState")
    return state in ("failed", "auto-restart", "dead")


def never_started(deployment: Deployment) -> bool:
    """systemd could not run TabbyAPI's program at all, and has used up its starts at once."""
    return deployment.machine.property("tabbyapi.service", "ActiveState") in ("failed", "inactive")


def given_up(deployment: Deployment) -> bool:
    """TabbyAPI's unit is down and stays so; a real one starts too slowly to use up its starts."""
    if deployment.real:
        return tabby_down(deployment)
    return never_started(deployment)


def logged(text: str) -> Callable[[Deployment], bool]:
    """TabbyAPI's log holds the text."""

    def found(deployment: Deployment) -> bool:
        lines = deployment.machine.journal("tabbyapi.service")
        return any(text in str(line["MESSAGE"]) for line in lines)

    return found


def settled(deployment: Deployment) -> None:
    """Wait until what changes from now on is younger than the start beyond doubt."""
    started = int(deployment.machine.property("tabbyapi.service", "ActiveEnterTimestampMonotonic"))

    def old_enough() -> bool:
        up = deployment.machine.run(["cut", "-d ", "-f1", "/proc/uptime"]).stdout
        return float(up) * 1e6 > started + 2.5e6

    deployment.machine.wait_for(old_enough, "TabbyAPI to have run for a moment", 10)
