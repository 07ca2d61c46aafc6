"""Pairs of independent faults, by name: both must be named as roots."""

from __future__ import annotations

from tests.lab.deployment import Deployment
from tests.lab.faults.fault import CATALOGUE, Fault, Mutation

NAMES = (
    ("a router without a key", "unit changed, not reloaded"),
    ("a router without a key", "the nodes are for a group"),
    ("a router without a key", "a second configuration underneath"),
    ("a key with a typo", "tokens for all to read"),
    ("the router takes 401 for healthy", "not enabled"),
    ("stopped by hand", "another backend is down"),
    ("a boolean with a typo", "tokens for all to read"),
    ("an interpreter below /root", "the key for every backend"),
    ("tracebacks for clients", "log files for all to read"),
    ("its port is taken", "a short key"),
    ("no GPU", "tokens for all to read"),
    ("private devices", "requests are logged with their headers"),
    ("no writable and executable memory", "the router is stopped"),
    ("option 1 of the notes", "log files for all to read"),
    ("broken tokens", "a key with a typo"),
    ("an environment file is missing", "one key for all"),
    ("auth off on all addresses", "unit changed, not reloaded"),
    ("the router asks the wrong port", "one key for all"),
    ("inline loading with the API key", "a user who may read the journal"),
    ("the model was unloaded", "the router rewrites config.yml"),
    ("auth switched off, not restarted", "a secret in TabbyAPI's unit"),
    ("tokens belong to root", "no uvm node"),
)
MISSES: dict[str, str] = {}
"""Why the doctor is known not to name both, by the name of the pair."""


def both(first: Fault, second: Fault) -> Fault:
    """The two on one deployment."""
    name = f"{first.name} + {second.name}"
    assert not {*first.deploy} & {*second.deploy}, name
    special = (*first.also, *second.also, *first.arguments, *second.arguments)
    assert not special, name
    before = [one.mutate for one in (first, second) if one.when == "before"]
    running = [one.mutate for one in (first, second) if one.when == "running"]
    healthy = [one.healthy for one in (first, second) if one.healthy]
    waits = [one.waits_for for one in (first, second) if one.waits_for]
    return Fault(
        name,
        first.root,
        in_turn(running if running else before),
        first.consequences | second.consequences,
        "running" if running else "before",
        {**first.deploy, **second.deploy},
        first.answers and second.answers,
        lambda d: all(shown(d) for shown in waits),
        in_turn([*healthy, *before] if running else healthy),
        (second.root,),
        {**first.doctor_env, **second.doctor_env},
        miss=MISSES.get(name, ""),
        stand_in=first.stand_in or second.stand_in,
    )


def in_turn(mutations: list[Mutation]) -> Mutation:
    """All of them, one after the other."""

    def make(d: Deployment) -> None:
        for mutate in mutations:
            mutate(d)

    return make


def pairs() -> dict[str, Fault]:
    """All of them by name; the catalogue must be complete."""
    made = (both(CATALOGUE[first], CATALOGUE[second]) for first, second in NAMES)
    return {one.name: one for one in made}
