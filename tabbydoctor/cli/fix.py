"""`tabbydoctor fix`: repair, prove it, and be able to take it back."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import show_json, show_text
from tabbydoctor.invocation import invocation
from tabbydoctor.records import replace
from tabbydoctor.reports.leaving import leaving

if TYPE_CHECKING:  # every command pays for what is imported here: fix alone needs these
    from tabbydoctor.remedies.outcome import FixResult, Prepared
    from tabbydoctor.remedies.request import FixRequest, Strategy


_ASKED = 3
"""Rows of a screen below the plan: the question, or the prompt of the shell."""


@with_targets
def fix(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Findings to repair.")
    ] = None,
    *,
    given: Given,
    auth: Annotated[
        bool, typer.Option("--auth", help="Repair the 401 between the router and TabbyAPI.")
    ] = False,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="disable-auth|router-tokens|router-env|front",
            help="How (default: what suits the router).",
        ),
    ] = None,
    all_safe: Annotated[
        bool, typer.Option("--all-safe", help="Repair all that can be repaired safely.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and its diff; touch nothing.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show all of the diff, however long.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_restart: Annotated[
        bool, typer.Option("--no-restart", help="Leave the units running as they are.")
    ] = False,
    format: FormatOption = Format.TEXT,
    allow_exposed: Annotated[
        bool,
        typer.Option(
            "--allow-exposed",
            help="Allow auth off on an address others can reach, or a front without a fence.",
        ),
    ] = False,
    temporary: Annotated[
        bool,
        typer.Option("--temporary", help="On NixOS: repair now, until undo or a reboot."),
    ] = False,
    ready_timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="How long TabbyAPI may take to load its model."),
    ] = 600.0,
) -> int:
    """Repair the named findings, or with --auth the 401 between router and TabbyAPI.

    Shows the plan and asks; changes are recorded first, proven by the checks afterwards, and
    taken back if they do not work. tabbydoctor undo takes them back at any time.
    """
    from tabbydoctor.remedies.request import FixRequest
    from tabbydoctor.repair import interrupts
    from tabbydoctor.reports import repair_view

    request = FixRequest(
        auth=auth,
        ids=_ids(ids or [], auth=auth, all_safe=all_safe),
        all_safe=all_safe,
        strategy=_strategy(strategy, auth),
        allow_exposed=allow_exposed,
        temporary=temporary,
        restart=not no_restart,
        ready_timeout=_seconds(ready_timeout),
    )
    # What is done is told, too, before a signal may end it.
    with interrupts.held():
        show = None if format == Format.JSON else partial(_show_plan, whole=diff)
        result = _run(given, request, dry_run=dry_run, yes=yes, show=show)
        if format == Format.JSON:
            show_json(repair_view.as_json(result))
        else:
            _show(result, dry_run=dry_run, whole=diff)
        sys.stdout.flush()
    return result.exit_code


def _ids(words: list[str], *, auth: bool, all_safe: bool) -> tuple[str, ...]:
    from tabbydoctor import plugins

    if auth and words:
        raise CommandError(
            f"--auth and {' '.join(words)} are two repairs: one run each",
            hint=f"{invocation('fix --auth')}; then {invocation('fix')} {' '.join(words)}",
        )
    if auth + all_safe + bool(words) != 1:
        raise CommandError(
            "fix what? One of: --auth, --all-safe, or ids of findings",
            hint=f"{invocation('check')} names them",
        )
    ids = tuple(word.upper() for word in words)
    known = {check.id for check in plugins.checks()}
    for id in ids:
        if id not in known:
            all_of_them = f"{invocation('list')} shows them all"
            raise CommandError(
                f"there is no check {id}", hint=did_you_mean(id, sorted(known), all_of_them)
            )
    return ids


def _strategy(word: str | None, auth: bool) -> Strategy | None:
    from tabbydoctor.remedies.request import STRATEGIES

    found = next((one for one in STRATEGIES if one == word), None)
    if word is not None and found is None:
        strategies = f"--strategy {word}: strategies are {', '.join(STRATEGIES)}"
        raise CommandError(strategies, hint=did_you_mean(word, STRATEGIES))
    if found is not None and not auth:
        raise CommandError("--strategy goes with --auth")
    return found


def _seconds(value: float) -> float:
    if not value > 0:
        raise CommandError("--ready-timeout must be more than 0 seconds")
    return value


def _run(
    given: Given,
    request: FixRequest,
    *,
    dry_run: bool,
    yes: bool,
    show: Callable[[Prepared], None] | None,
) -> FixResult:
    """`show` shows the plan to somebody who may be asked; None: there is nobody."""
    from tabbydoctor.examination import NothingToExamine
    from tabbydoctor.fixing.run import Fix
    from tabbydoctor.host.local import LocalHost
    from tabbydoctor.repair import interrupts
    from tabbydoctor.repair.engine import RepairError, open_state

    def agree(prepared: Prepared) -> bool:
        if show is not None:
            show(prepared)
        return yes or (show is not None and _asked(prepared))

    try:
        state = open_state(given.state_dir)
        fix = Fix(LocalHost, given.targets, request, state, agree, _progress)
        if dry_run:
            with interrupts.open_to_interrupts():
                return fix.dry_run()
        result = fix.run()
        if show is None or result.applied:
            return result
        with interrupts.open_to_interrupts():
            instead = _loopback_instead(result)
        if instead:
            result = replace(fix, request=replace(request, bind_loopback=True)).run()
        return result
    except KeyboardInterrupt as interrupt:
        stays = " · ".join(map(str, interrupt.args)) or "nothing stays changed"
        sys.stderr.write(f"\ntabbydoctor: {leaving(stays)}\n")
        raise
    except NothingToExamine as error:
        raise CommandError(str(error), hint="name it with --dir, --unit or --url") from error
    except RepairError as error:
        raise CommandError(error.message, hint=error.hint) from error


def _loopback_instead(result: FixResult) -> bool:
    """Refused on an exposed address, with local clients only: offer to bind the loopback."""
    offered = any(refusal.loopback_would_do for refusal in result.prepared.refusals)
    if not offered or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    sys.stdout.write("Every known client is on this machine.\n")
    return typer.confirm("Bind 127.0.0.1 instead, so that nobody else reaches it?", default=False)


def _show_plan(prepared: Prepared, *, whole: bool) -> None:
    """The plan; on a terminal as much of it as a screen holds, with the question below."""
    from tabbydoctor.reports import repair_view
    from tabbydoctor.reports.page import write_page

    cut = sys.stdout.isatty() and not whole
    rows = shutil.get_terminal_size().lines - _ASKED if cut else None
    page = repair_view.plan_page(prepared, _width(), rows)
    if page.lines:
        write_page(page, sys.stdout)
        sys.stdout.flush()


def _asked(prepared: Prepared) -> bool:
    """Ask on a terminal; without one nothing is agreed to."""
    from tabbydoctor.reports import repair_view

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write("tabbydoctor: not applied: add --yes, or run it on a terminal\n")
        return False
    return typer.confirm(leaving(repair_view.question(prepared)), default=False)


def _progress(text: str) -> None:
    """One line on a terminal that wipes itself."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{leaving(text)}")
        sys.stderr.flush()


def _show(result: FixResult, *, dry_run: bool, whole: bool) -> None:
    from tabbydoctor.reports import repair_view

    if dry_run or result.prepared.plan.empty:  # else it was shown before it was agreed to
        _show_plan(result.prepared, whole=whole)
    if not dry_run or result.prepared.nothing_to_do:
        show_text(repair_view.outcome_text(result, _width()))


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100) if sys.stdout.isatty() else 80
