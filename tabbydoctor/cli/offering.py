"""What may stand where the cursor is: commands, options, and the values of each.

It reads names alone, writes nothing, and runs nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import typer

from tabbydoctor import plugins
from tabbydoctor.cli.completing import Cursor, TypedLine, cursor
from tabbydoctor.cli.manual import summary_of
from tabbydoctor.cli.options import resolve
from tabbydoctor.diagnosis.check import CATEGORIES
from tabbydoctor.reports.leaving import leaving

WORDS, LIST, FILES, DIRECTORIES = "words", "list", "files", "dirs"
"""What a shell is told first: to take the words that follow, the same without a blank behind, or to
look for paths itself."""
_PASTES = re.compile(r"[\w@:.,+=/-]+")
"""What means itself in every shell."""
_SYSTEM_UNITS = (
    *("/etc/systemd/system", "/run/systemd/system"),
    *("/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"),
)
_USER_UNITS = ("/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
_ACCOUNTS = "/etc/passwd"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word, and what it stands for."""

    word: str
    means: str = ""

    def line(self, *, told: bool) -> str:
        """As a shell reads it, without secrets: its meaning behind a tab, where that is told."""
        means = leaving(" ".join(self.means.split()))
        return f"{leaving(self.word)}\t{means}" if told and means else leaving(self.word)


Offering = Callable[[Cursor], Iterable[Candidate]]


def offered(typed: TypedLine) -> tuple[str, list[Candidate]]:
    """The kind, and what begins as the word at the cursor does, without what was typed of it."""
    from tabbydoctor.cli.command_line import command_line

    at = cursor(typer.main.get_command(command_line(typed.before)), typed)
    kind, found = _at(at)
    begun = 0 if typed.kept is None else max(len(at.text) - len(typed.kept), 0)
    return kind, [
        Candidate(one.word[begun:], one.means)
        for one in found
        if one.word.startswith(at.text) and _PASTES.fullmatch(one.word)
    ]


def _at(at: Cursor) -> tuple[str, Iterable[Candidate]]:
    if at.parameter is None:
        return WORDS, _options(at) if at.text.startswith("-") else _commands(at)
    metavar = at.parameter.metavar or ""
    if "|" in metavar:
        return WORDS, map(Candidate, metavar.split("|"))
    kind, source = SOURCES.get(at.parameter.opts[0]) or SOURCES.get(metavar, (WORDS, _nothing))
    return kind, source(at)


def _nothing(at: Cursor) -> Iterable[Candidate]:
    return ()


def _commands(at: Cursor) -> Iterator[Candidate]:
    for name, command in getattr(at.command, "commands", {}).items():
        yield Candidate(name, summary_of(command))


def _options(at: Cursor) -> Iterator[Candidate]:
    for option in at.command.params:
        given = not at.options.keys().isdisjoint(option.opts)
        if option.param_type_name == "option" and not option.hidden and not given:
            yield Candidate(max(option.opts, key=len), option.help or "")
    yield Candidate("--help", "Show this message and exit.")


def _checks(at: Cursor) -> Iterator[Candidate]:
    for check in plugins.checks():
        yield Candidate(check.id, check.summary)


def _named_checks(at: Cursor) -> Iterator[Candidate]:
    by_id = list(_checks(at))
    names = [Candidate(check.name, check.summary) for check in plugins.checks()]
    return iter(names if at.text and at.text[0].islower() else by_id)


def _curable(at: Cursor) -> Iterator[Candidate]:
    for check in plugins.checks():
        if check.cure is not None and check.id not in at.arguments:
            yield Candidate(check.id, check.summary)


def _selections(at: Cursor) -> Iterator[Candidate]:
    """Behind the words of a comma list, those that are not in it."""
    before, comma, _ = at.text.rpartition(",")
    for one in (*(Candidate(name, "category") for name in CATEGORIES), *_checks(at)):
        if one.word not in before.split(","):
            yield Candidate(f"{before}{comma}{one.word}", one.means)


def _formats(at: Cursor) -> Iterator[Candidate]:
    return (Candidate(reporter.name) for reporter in plugins.reporters())


def _changes(at: Cursor) -> Iterator[Candidate]:
    """Those that undo could take back."""
    from tabbydoctor.repair.engine import open_state
    from tabbydoctor.repair.record import IN_FORCE

    named = {
        name: at.options.get(f"--{name.replace('_', '-')}") for name in ("settings", "state_dir")
    }
    for change in open_state(resolve(named, os.environ).state_dir).history():
        if change.id and change.state in IN_FORCE:
            yield Candidate(change.id, change.title)


def _units(*directories: str) -> Iterator[Candidate]:
    names = {name for directory in directories for name in _listed(directory)}
    services = (name for name in sorted(names) if name.endswith(".service"))
    return (Candidate(name) for name in services if not name.endswith("@.service"))


def _system_units(at: Cursor) -> Iterator[Candidate]:
    return _units(*_SYSTEM_UNITS)


def _user_units(at: Cursor) -> Iterator[Candidate]:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return _units(f"{home}/systemd/user", *_USER_UNITS)


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _accounts(at: Cursor) -> Iterator[Candidate]:
    try:
        with open(_ACCOUNTS, encoding="utf-8", errors="replace") as file:
            return iter([Candidate(line.partition(":")[0]) for line in file])
    except OSError:
        return iter(())


SOURCES: Mapping[str, tuple[str, Offering]] = {
    "--user-unit": (WORDS, _user_units),
    "UNIT": (WORDS, _system_units),
    "USER": (WORDS, _accounts),
    "CHECKS": (LIST, _selections),
    "FORMAT": (WORDS, _formats),
    "ID": (WORDS, _named_checks),
    "[ID]...": (WORDS, _curable),
    "[CHANGE]": (WORDS, _changes),
    "DIR": (DIRECTORIES, _nothing),
    **dict.fromkeys(
        (
            *("FILE", "FILE...", "FILE.tar.gz", "BUNDLE", "MODEL", "[CONFIG]", "[OPTIONS.json]"),
            "[DIRECTORY]",
        ),
        (FILES, _nothing),
    ),
    **dict.fromkeys(("SECONDS", "TIME", "BITS", "URL", "[COMMAND]..."), (WORDS, _nothing)),
}
"""Name of an option, or what its value is called -> what may stand there."""
