"""`tabbydoctor install-timer` and `remove-timer`: a standing watch over the deployment."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import fact, show_text
from tabbydoctor.invocation import invocation, program, zipped

if TYPE_CHECKING:
    from tabbydoctor.remedies.timer import Watching
    from tabbydoctor.repair.engine import State

_COLLECTED = ("/var/lib/prometheus/node-exporter", "/var/lib/node_exporter/textfile_collector")
"""Where node_exporter's textfile collector looks: Debian's package, then the usual place."""
_FIRST = "install-timer"


@with_targets
def install_timer(
    *,
    given: Given,
    every: Annotated[
        str, typer.Option(metavar="TIME", help="How often: 90s, 5min, 1h, 1d.")
    ] = "5min",
    textfile: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Where the metrics go (default: node_exporter's directory, if there is one).",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written; touch nothing.")
    ] = False,
) -> int:
    """Run the check by a timer: the journal says what changed, a metric says how it is.

    Writes a hardened service and a timer, and starts the timer. remove-timer takes them back.
    """
    from tabbydoctor.remedies.draft import Draft
    from tabbydoctor.remedies.timer import INTERVAL, plan_timer
    from tabbydoctor.repair.engine import RepairError, open_state

    if not INTERVAL.fullmatch(every):
        raise CommandError(f"--every {every}: give a number and s, min, h or d", hint="as in 5min")
    watching = _watching(given, textfile, every)
    _require_systemd(given, watching)
    draft = Draft()
    try:
        plan_timer(draft, watching)
        plan = draft.plan()
        if dry_run or plan.empty:
            return show_text(plan.diff() or "The timer is installed as it should be.")
        _require_root(_FIRST)
        _require_trusted(watching.command[0])
        done = open_state(given.state_dir).apply(plan)
    except RepairError as error:
        raise CommandError(error.message, hint=error.hint) from error
    if done.state == "rolled-back":
        raise CommandError(f"it was taken back: {'; '.join(done.notes)}")
    metrics = f"; metrics in {watching.textfile}" if watching.textfile else ""
    undone = invocation("remove-timer", root=True)
    return show_text(
        f"Every {every} the doctor looks: journalctl -u tabbydoctor says what changed{metrics}.\n"
        f"{undone} takes it back."
    )


@with_targets
def remove_timer(*, given: Given) -> int:
    """Stop the timer and remove what install-timer wrote. Nothing to remove is no failure."""
    from tabbydoctor.remedies.timer import TITLE
    from tabbydoctor.repair.engine import RepairError, open_state

    try:
        state = open_state(given.state_dir)
        changes = [one for one in state.in_force() if one.title == TITLE]
        if not changes:
            return _nothing(state)
        _require_root("remove-timer")
        for change in changes:
            state.undo(change.id)
    except RepairError as error:
        raise CommandError(error.message, hint=error.hint) from error
    return show_text("The timer is stopped, and what was written is removed.")


def _nothing(state: State) -> int:
    from tabbydoctor.remedies.timer import DIRECTORY, TIMER

    path = f"{DIRECTORY}/{TIMER}"
    if os.path.lexists(path):
        raise CommandError(
            f"{path} is there, and {state.directory} has no record of it",
            hint="name the state directory that it was installed with: --state-dir",
        )
    return show_text("There is no timer.")


def _watching(given: Given, textfile: str | None, every: str) -> Watching:
    from tabbydoctor.remedies.timer import STATE, Watching

    if textfile is not None and not os.path.isabs(textfile):
        raise CommandError(f"--textfile {textfile}: give the whole path")
    if textfile is None:
        there = next(filter(os.path.isdir, _COLLECTED), None)
        textfile = f"{there}/tabbydoctor.prom" if there else None
    words = [*program(), "watch", "--record", f"/var/lib/{STATE}/last.json"]
    if textfile:
        words += ["--textfile", textfile]
    for field in fields(given.targets):
        value = getattr(given.targets, field.name)
        if isinstance(value, str):
            words += [f"--{field.name.replace('_', '-')}", value]
    if any("\n" in word for word in words):
        raise CommandError("a name with a line break cannot stand in a unit")
    return Watching(tuple(words), textfile, every, zipped())


def _require_systemd(given: Given, watching: Watching) -> None:
    from tabbydoctor.deployment.parts import Machine
    from tabbydoctor.nixos.nix_text import literal
    from tabbydoctor.remedies.timer import nix_lines, service_settings

    machine = fact(given, Machine)
    if machine.nixos:
        quoted = [(key, literal(value)) for key, value in service_settings(watching)]
        raise CommandError(
            "on NixOS the timer belongs into configuration.nix",
            hint="\n  ".join(nix_lines(watching, quoted)),
        )
    if not machine.systemd:
        raise CommandError(
            machine.systemd_problem or "there is no systemd here",
            hint=f"cron can do it: {invocation('check --quiet')}",
        )


def _require_root(command: str) -> None:
    if os.geteuid() != 0:
        raise CommandError("only root may do that", hint=invocation(command, root=True))


def _require_trusted(path: str) -> None:
    """Root's timer runs no program that others may exchange."""
    from tabbydoctor.trust import Untrusted, trusted

    try:
        trusted(path)
    except Untrusted as doubt:
        raise CommandError(
            f"root would run it again and again, and {doubt}",
            hint="install the doctor where only root may write (README, Install it)",
        ) from doubt
