"""Man pages in roff, by man-pages(7): the same sections in the same order on each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import typer

from tabbydoctor import __version__
from tabbydoctor.cli.manual import Manual, Row, manual_of
from tabbydoctor.cli.options import PREFIX, TARGET_OPTIONS, TARGETS_PANEL
from tabbydoctor.cli.settings import SYSTEM

_OF_CHECK: tuple[Row, ...] = (
    ("0", "Nothing at or above the level of --fail-on."),
    ("1", "Something is."),
    ("2", "The doctor could not run, or nothing was judged."),
    ("130", "Interrupted."),
)
_EXIT: Mapping[str, tuple[Row, ...]] = {
    "check": _OF_CHECK,
    "watch": _OF_CHECK,
    "fix": (
        ("0", "The faults are gone and that was verified, or there was nothing to do."),
        ("1", "Something remains; with --dry-run: something would be changed."),
        ("2", "The doctor could not run."),
        ("3", "Applied, not verified, and everything was taken back."),
        ("130", "Interrupted."),
    ),
}
_USUAL_EXIT: tuple[Row, ...] = (
    ("0", "Done."),
    ("2", "It could not be done."),
    ("130", "Interrupted."),
)
_FILES: tuple[Row, ...] = (
    ("~/.config/tabbydoctor/settings.toml", "Any of the options that name the deployment."),
    (SYSTEM, "The same, where the user's is not there."),
    ("/var/lib/tabbydoctor", "The changes that fix recorded for undo, where root made them."),
)
_COLORS: tuple[Row, ...] = (
    ("NO_COLOR", "Text without colour, where --color does not say otherwise."),
    ("FORCE_COLOR", "Text with colour in a pipe, too."),
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")


def pages() -> dict[str, str]:
    """Every page by its name, without the section."""
    from tabbydoctor.cli.command_line import command_line

    root = typer.main.get_command(command_line())
    manuals = list(_manuals(root, root.make_context("tabbydoctor", ["check"])))
    names = [_name(one) for one in manuals]
    return {_name(one): _page(one, names) for one in manuals}


def _manuals(command: Any, context: Any) -> Iterator[Manual]:
    yield manual_of(command, context)
    for name, one in getattr(command, "commands", {}).items():
        yield from _manuals(one, type(context)(one, info_name=name, parent=context))


def _name(manual: Manual) -> str:
    return "-".join(("tabbydoctor", *manual.words.split()))


def _page(manual: Manual, names: Iterable[str]) -> str:
    name, called = _name(manual), f"tabbydoctor {manual.words}".strip()
    parts = [
        f'.TH {_text(name).upper()} 1 "" "tabbydoctor {__version__}" "User Commands"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(manual.summary.rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_text(called)}",
        _text(manual.usage),
        ".SH DESCRIPTION",
        *_paragraphs(manual.paragraphs),
    ]
    for heading, rows in manual.panels:
        parts += [f".SH {_heading(heading)}", *_rows(rows)]
    parts += [".SH EXIT STATUS", *_rows(_EXIT.get(manual.words, _USUAL_EXIT))]
    parts += [".SH FILES", *_rows(_FILES), ".SH ENVIRONMENT", *_rows((*_variables(), *_COLORS))]
    if manual.examples:
        parts.append(".SH EXAMPLES")
    for example in manual.examples:
        line = f"{'sudo ' * example.root}tabbydoctor {example.arguments}"
        shows = f"{example.shows[0].upper()}{example.shows[1:]}:"
        parts += [".PP", _text(shows), ".PP", ".RS 4", ".EX", _text(line), ".EE", ".RE"]
    others = [one for one in names if one != name]
    near = [one for one in others if one == "tabbydoctor" or name == "tabbydoctor"]
    within = [one for one in others if one.startswith(f"{name}-") and one not in near]
    shown = [*near, *within] if within or len(near) > 1 else [*near, *_RELATED.get(name, ())]
    parts += [".SH SEE ALSO", *_references(shown)]
    return "\n".join(parts) + "\n"


_RELATED: Mapping[str, tuple[str, ...]] = {
    "tabbydoctor-check": ("tabbydoctor-fix", "tabbydoctor-explain", "tabbydoctor-bundle"),
    "tabbydoctor-fix": ("tabbydoctor-check", "tabbydoctor-undo", "tabbydoctor-history"),
    "tabbydoctor-undo": ("tabbydoctor-history", "tabbydoctor-fix"),
    "tabbydoctor-history": ("tabbydoctor-undo", "tabbydoctor-fix"),
    "tabbydoctor-explain": ("tabbydoctor-list", "tabbydoctor-check"),
    "tabbydoctor-list": ("tabbydoctor-explain",),
    "tabbydoctor-install-timer": ("tabbydoctor-remove-timer", "tabbydoctor-watch"),
    "tabbydoctor-remove-timer": ("tabbydoctor-install-timer",),
    "tabbydoctor-watch": ("tabbydoctor-install-timer", "tabbydoctor-check"),
    "tabbydoctor-merge": ("tabbydoctor-check",),
    "tabbydoctor-bundle": ("tabbydoctor-check",),
    "tabbydoctor-nix-to-options": ("tabbydoctor-nix-to-config",),
    "tabbydoctor-nix-to-config": ("tabbydoctor-nix-to-options",),
}


def _heading(panel: str) -> str:
    return "DEPLOYMENT OPTIONS" if panel == TARGETS_PANEL else panel.upper()


def _variables() -> Iterator[Row]:
    for option in sorted(TARGET_OPTIONS):
        yield f"{PREFIX}{option[2:].replace('-', '_').upper()}", f"Stands for {option}."


def _paragraphs(paragraphs: Iterable[str]) -> Iterator[str]:
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ".PP"
        yield _text(paragraph)


def _rows(rows: Iterable[Row]) -> Iterator[str]:
    for typed, meaning in rows:
        yield from (".TP", f".B {_text(typed)}", _text(meaning))


def _references(names: list[str]) -> Iterator[str]:
    for name in names:
        yield f".BR {_text(name)} (1){',' if name != names[-1] else ''}"


def _text(text: str) -> str:
    """A line of text that roff takes as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    escaped = escaped.replace('"', "\\(dq").replace("`", "\\(ga")
    escaped = _BEYOND_ASCII.sub(lambda found: f"\\[u{ord(found[0]):04X}]", escaped)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
