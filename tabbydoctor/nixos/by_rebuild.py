"""Remedies on NixOS in place of an edit: lines for configuration.nix, and what applies them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from tabbydoctor.diagnosis.finding import Remedy
from tabbydoctor.nixos.nix_text import comment

SWITCH = "sudo nixos-rebuild switch"
THEN = f"# then: {SWITCH}"
HEADING = "## "
"""How the title of a remedy begins among lines of Nix; its further lines are indented."""
STEPS = ("# first: ", "# run: ", "# then: ")
"""How a command begins among lines of Nix: before the rebuild, without one, and after it."""


def by_rebuild(
    title: str, *lines: str, first: tuple[str, ...] = (), then: tuple[str, ...] = ()
) -> Remedy:
    """A remedy that lasts: these lines in configuration.nix, and the commands that apply them."""
    return Remedy(f"{title}, in configuration.nix", commands=(*first, SWITCH, *then), nix=lines)


def where_made(
    title: str, path: str, *lines: str, nixos: bool,
    first: tuple[str, ...] = (), then: tuple[str, ...] = (),
) -> Remedy:  # fmt: skip
    """For a file in the store, which Nix without NixOS may have put there as well."""
    if nixos:
        return by_rebuild(title, *lines, first=first, then=then)
    return Remedy(f"{title}, in what {path} is made from", commands=(*first, *then))


def steps(when: Literal["first", "run", "then"], commands: Iterable[str]) -> tuple[str, ...]:
    """Commands among lines of Nix: a comment for each of their lines."""
    return tuple(f"# {when}: {line}" for command in commands for line in command.splitlines())


def to_paste(remedies: Sequence[Remedy]) -> Iterator[str]:
    """Remedies for a person's own hands. Where one has lines of Nix, all of it is Nix: titles,
    commands, and the lines of an alternative to an earlier one, are comments.

    What follows a lasting change needs it: such steps stand behind the rebuild.
    """
    if not any(remedy.nix for remedy in remedies):
        for remedy in remedies:
            yield comment(remedy.title)
            yield from remedy.lines
            yield from remedy.commands
        return
    later: list[str] = []
    rebuilt = False
    for remedy in remedies:
        if SWITCH in remedy.commands:
            at = remedy.commands.index(SWITCH)
            yield from _rebuilding(remedy, remedy.commands[:at])
            later += steps("then", remedy.commands[at + 1 :])
            rebuilt = rebuilt or not _instead(remedy)
        elif rebuilt:
            later += (_heading(remedy.title), *steps("then", remedy.commands))
        else:
            yield _heading(remedy.title)
            yield from steps("run", remedy.commands)
    yield from later


def _rebuilding(remedy: Remedy, first: Iterable[str]) -> Iterator[str]:
    yield _heading(remedy.title)
    yield from steps("first", (command for command in first if not _opens_nix(command)))
    prefix = "# " if _instead(remedy) else ""
    yield from (prefix + line for text in remedy.nix for line in text.splitlines())
    yield THEN


def _heading(title: str) -> str:
    lines = [line.strip().removeprefix("# ") for line in comment(title, 4).splitlines()]
    return HEADING + f"\n{HEADING}  ".join(lines)


def _instead(remedy: Remedy) -> bool:
    """Whether it is an alternative to the one before it."""
    return remedy.title.startswith("Or")


def _opens_nix(command: str) -> bool:
    """Whether it opens the place where the lines are pasted anyway."""
    return command.startswith("sudoedit ") and command.rstrip("'").endswith(".nix")
