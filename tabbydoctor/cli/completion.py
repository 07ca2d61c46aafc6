"""`tabbydoctor completion SHELL`: what has a shell complete the doctor's command lines."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from importlib.resources import files
from typing import Annotated

import typer

from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.invocation import called, program


class Shell(StrEnum):
    """The shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@with_targets
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="The shell.")],
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    *,
    given: Given,
) -> int:
    """Print the script that has a shell complete commands, options and their values.

    It changes no file: the examples show where each shell looks. Checks, formats, recorded
    changes, units and accounts are completed as they are at that moment.
    """
    if words is not None:
        return _complete(shell, words)
    script = (files("tabbydoctor.cli") / "shells" / f"tabbydoctor.{shell}").read_text("utf-8")
    command = called(program(), os.environ.get("PATH", os.defpath))
    sys.stdout.write(script.replace("@TABBYDOCTOR@", command))
    return 0


def _complete(shell: Shell, words: list[str]) -> int:
    """What may stand where the cursor is: the kind on a line, then a line for each."""
    from tabbydoctor.cli.completing import typed_line, typed_words
    from tabbydoctor.cli.offering import offered

    typed = typed_line(words) if shell == Shell.BASH else typed_words(words)
    kind, candidates = offered(typed)
    lines = [kind, *(one.line(told=shell != Shell.BASH) for one in candidates)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
