"""`tabbydoctor man [COMMAND]`: man pages, made of what `--help` says."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.output import write_output
from tabbydoctor.cli.showing import show_text


@with_targets
def man(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]...", help="Whose page (default: the doctor's own)."),
    ] = None,
    *,
    given: Given,
    output: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write all pages into this directory.")
    ] = None,
) -> int:
    """Print the man page of a command, or write all of them.

    A page is roff, as man(1) reads it. The same version makes the same bytes.
    """
    from tabbydoctor.cli.manpage import pages

    found = pages()
    if output is None:
        name = "-".join(("tabbydoctor", *(command or ())))
        if name not in found:
            known = [one.removeprefix("tabbydoctor-").replace("-", " ") for one in found]
            words = " ".join(command or ())
            raise CommandError(f"there is no command {words!r}", hint=did_you_mean(words, known))
        return show_text(found[name])
    for name, page in found.items():
        write_output(os.path.join(output, f"{name}.1"), page)
    return show_text(f"{len(found)} pages are in {output}.")
