"""Remedies on NixOS in place of an edit: lines for configuration.nix, and what applies them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from tabbydoctor.diagnosis.finding import Remedy
from tabbydoctor.nixos.nix_text import comment
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.probes import is_open

SWITCH = "sudo nixos-rebuild switch"
THEN = f"# then: {SWITCH}"
HEADING = "## "
"""How the title of a remedy begins among lines of Nix; its further lines are indented."""
STEPS = ("# first: ", "# run: ", "# then: ")
"""How a command begins among lines of Nix: before the rebuild, without one, and after it."""

DISABLE = (
    "or, where TabbyAPI serves this machine alone, switch its authentication off (on NixOS with "
    "--temporary: at once, until the machine starts anew)"
)
DISABLE_COMMAND = "sudo tabbydoctor fix --auth --strategy disable-auth"
"""What is left for a router whose source cannot be edited."""


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


def key_by_hand(path: str, reading: RouterReading | None, tokens: str) -> str:
    """How a router whose source is in the store comes to send the key, in words.

    Without a reading its lines are those of the evidence.
    """
    lines = _keyless_lines(reading) if reading else set()
    places = f"{_lines(lines)} of it" if lines else "the lines seen"
    text = (
        f"Change what {path} is made from: let {places} send `Authorization: Bearer <api_key>`, "
        f"the api_key of {tokens}, to TabbyAPI only"
    )
    masks = reading.accepts_401 if reading else ()
    return f"{text}, and let {_lines(masks)} take no 401 for health" if masks else text


def _keyless_lines(reading: RouterReading) -> set[int]:
    """Where it sends no key that is known, the admin key, or one that may be a list."""
    asked = (call for call in reading.calls if not is_open(call.path))
    lines = {call.line for call in asked if not call.sends_key}
    return lines | {*reading.uses_admin_key, *reading.assumes_key_string}


def _lines(numbers: Iterable[int]) -> str:
    *most, last = map(str, sorted(set(numbers)))
    return f"lines {', '.join(most)} and {last}" if most else f"line {last}"
