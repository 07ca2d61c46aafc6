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
    """Whether TabbyAPI still answers on its port."""
    waits_for: Callable[[Deployment], bool] | None = None
    """When it has taken effect, where that takes a moment."""
    healthy: Mutation | None = None
    """What it needs of a healthy deployment, before the services start."""
    also: tuple[str, ...] = ()
    """Further roots, where the mutation makes more than one fault."""
    doctor_env: Mapping[str, str] = field(default_factory=dict)
    """What the stand-in NVML is to say, for the doctor's environment."""


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
