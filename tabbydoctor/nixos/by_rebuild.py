"""Remedies on NixOS in place of an edit: lines for configuration.nix, and what applies them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tabbydoctor.diagnosis.finding import Remedy
from tabbydoctor.nixos.nix_text import comment

SWITCH = "sudo nixos-rebuild switch"
THEN = f"# then: {SWITCH}"


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


def to_paste(remedies: Sequence[Remedy]) -> Iterator[str]:
    """Remedies for a person's own hands. Where one has lines of Nix, all of it is Nix: commands,
    and the lines of an alternative to an earlier one, are comments.
    """
    nix = any(remedy.nix for remedy in remedies)
    for remedy in remedies:
        yield comment(remedy.title)
        other = "# " if remedy.title.startswith("Or") else ""
        yield from (other + line for text in remedy.nix for line in text.splitlines())
        for command in remedy.commands:
            if not nix:
                yield command
            elif not command.startswith("sudoedit "):  # the lines are pasted there
                yield from (f"# then: {line}" for line in command.splitlines())
