"""Reloading systemd and restarting units: systemctl(1), bounded, without a question."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable, Sequence

from tabbydoctor.host.commands import run
from tabbydoctor.host.data import CommandResult
from tabbydoctor.redaction import redact
from tabbydoctor.repair.changes import DaemonReload, Enable, Reload, Restart, UnitAction

Runner = Callable[[Sequence[str], float], CommandResult]
"""Runs a command line for at most so many seconds."""

TIME_LIMIT = 180.0
"""Seconds: systemd gives a stopping service 90, and a starting one 90 (systemd-system.conf(5))."""
_SHOWN = 400


def systemctl(argv: Sequence[str], time_limit: float) -> CommandResult:
    """Run it on this machine."""
    return run(argv, timeout=time_limit, limit=1 << 16, line_limit=None)


def perform(
    actions: Iterable[UnitAction], runner: Runner = systemctl, *, restart: bool = True
) -> tuple[str, ...]:
    """Perform them in order; what failed, one redacted line each. Without `restart` units run on as
    they are: systemd alone reads its files again, and what is enabled is not started.
    """
    problems: list[str] = []
    for action in actions:
        if isinstance(action, Restart | Reload) and not restart:
            continue
        if isinstance(action, Restart):
            # Else systemd may refuse: it counts the starts of a unit that kept failing.
            runner(_command("reset-failed", action), TIME_LIMIT)
        verbs = ("enable", "start") if isinstance(action, Enable) and restart else (action.kind,)
        for verb in verbs:
            result = runner(_command(verb, action), TIME_LIMIT)
            if result.code != 0:
                problems.append(_problem(result))
                break
    return tuple(problems)


def withdraw(actions: Iterable[UnitAction], runner: Runner = systemctl) -> tuple[str, ...]:
    """Stop and disable what they enabled, however far that had come; what failed, a line each.

    A unit that is not there is not held against it: the change may have been taken back before.
    """
    problems: list[str] = []
    for action in actions:
        if not isinstance(action, Enable):
            continue
        stopped = runner(_command("stop", action), TIME_LIMIT)
        runner(_command("disable", action), TIME_LIMIT)
        runner(_command("reset-failed", action), TIME_LIMIT)
        if stopped.code != 0 and runner(_command("is-active", action), TIME_LIMIT).code == 0:
            problems.append(_problem(stopped))
    return tuple(problems)


def _command(verb: str, action: UnitAction) -> list[str]:
    unit = [] if isinstance(action, DaemonReload) else ["--", action.unit]
    return ["systemctl", "--no-ask-password", *_manager(action.user_manager), verb, *unit]


def _manager(owner: str | None) -> list[str]:
    if owner is None:
        return []
    try:
        own = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        own = ""
    return ["--user"] if owner == own else ["--user", f"--machine={owner}@.host"]


def _problem(result: CommandResult) -> str:
    said = " ".join(redact(result.stderr).split())[:_SHOWN] or f"exit status {result.code}"
    if result.timed_out:
        said = f"not done after {TIME_LIMIT:g} seconds"
    return redact(f"{' '.join(result.argv)}: {said}")
