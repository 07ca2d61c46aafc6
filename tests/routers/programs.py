"""Routers that are packages, each in a directory of its own: their entry file holds no call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tabbydoctor.routers import RouterReading

PROGRAMS = Path(__file__).parent / "data" / "programs"


def place(name: str, directory: Path) -> Path:
    """Write one of them below a directory; where its project lies then."""
    source = PROGRAMS / name
    for path in source.rglob("*"):
        if path.is_file():
            target = directory / name / path.relative_to(source)
            target = target.with_suffix("") if target.name.endswith(".py.txt") else target
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text())
    return directory / name


def environment(directory: Path, scripts: dict[str, str]) -> Path:
    """A virtual environment that runs nothing, with scripts: name -> `module:function`."""
    site = directory / "lib/python3.12/site-packages"
    site.mkdir(parents=True)
    (directory / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (directory / "bin").mkdir()
    (directory / "bin/python").write_bytes(b"\x7fELF")
    for name, called in scripts.items():
        module, function = called.split(":")
        (directory / "bin" / name).write_text(SCRIPT.format(directory, module, function))
    return site


SCRIPT = """\
#!{0}/bin/python
# -*- coding: utf-8 -*-
import re
import sys
from {1} import {2}
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit({2}())
"""


Read = Callable[..., RouterReading]


def by_module(read: Read) -> Read:
    """A reading of whole programs from one of single sources: each module read by itself."""

    def program(
        path: str, text: str, tabby_urls: tuple[str, ...], *,
        files: Mapping[str, str] | None = None, roots: tuple[str, ...] = (), **given: Any,
    ) -> RouterReading:  # fmt: skip
        others = {each: one for each, one in (files or {}).items() if each.endswith(".py")}
        plain = {each: one for each, one in (files or {}).items() if each not in others}
        parts = [
            read(each, one, tabby_urls, files=plain, **given)
            for each, one in {path: text, **others}.items()
        ]
        parts = [
            replace(part, calls=tuple(replace(call, file=part.path) for call in part.calls))
            for part in parts
        ]
        return merged(parts) if others else parts[0]

    return program


def merged(parts: Sequence[RouterReading]) -> RouterReading:
    """What all modules of a program do together, the entry first."""

    def every(of: Callable[[RouterReading], Iterable[Any]]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(each for part in parts for each in of(part)))

    def table(of: Callable[[RouterReading], Mapping[str, Any]]) -> dict[str, Any]:
        return {name: value for part in parts for name, value in of(part).items()}

    return replace(
        parts[0],
        calls=every(lambda part: part.calls),
        addresses=every(lambda part: part.addresses),
        backends=table(lambda part: part.backends),
        accepts_401=every(lambda part: part.accepts_401),
        reads_environment=table(lambda part: part.reads_environment),
        reads_files=table(lambda part: part.reads_files),
        writes_files=table(lambda part: part.writes_files),
        uses_admin_key=every(lambda part: part.uses_admin_key),
        assumes_key_string=every(lambda part: part.assumes_key_string),
        leaks=every(lambda part: part.leaks),
        literal_keys=every(lambda part: part.literal_keys),
        sets_environment=table(lambda part: part.sets_environment),
        timeouts=every(lambda part: part.timeouts),
        cuts=every(lambda part: part.cuts),
        parts=tuple(parts),
    )
