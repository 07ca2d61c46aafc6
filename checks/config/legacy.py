"""TabbyAPI will rewrite this file at its next start.

## What it checks
Keys of before September 2024: `model.draft`, `model.lora`, and keys of `logging` without `log_`
(a typo there counts too).

## Why it matters
At its next start TabbyAPI moves them, writes the file anew with all its defaults, and keeps the
old one as `<file>.bak`: comments and order are lost.

## How it is told
By the same rule TabbyAPI applies, where the installed version has it (`common/tabby_config.py`);
the versions before September 2024 rewrite nothing: there these are the keys' real names.

## What to do
Rename the keys yourself to keep the file as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig, Origin
from tabbydoctor.tabbyapi.keys import TABLE

from . import edit

_SECTIONS = {"model.draft": "the section draft_model", "model.lora": "the section lora"}


@check("CFG011", "config-legacy", category="config", severity=Severity.INFO)
def legacy(config: EffectiveConfig) -> Iterator[Finding]:
    for file in config.files:
        if file.legacy:
            yield _rewritten(file)


def _rewritten(file: ConfigFile) -> Finding:
    names = ", ".join(name for name, _ in file.legacy)
    advice = "; ".join(f"{name} becomes {_new_name(name)}" for name, _ in file.legacy)
    origin = Origin(file.role, file.path, file.path)
    return Finding(
        f"TabbyAPI will rewrite {file.path} at its next start",
        f"It moves old keys ({names}) and keeps the file as {file.path}.bak; comments are lost.",
        tuple(
            Evidence(f"{file.path}:{line}" if line else file.path, _new_name(name), name)
            for name, line in file.legacy
        ),
        (edit(f"Rename them yourself: {advice}", origin),),
    )


def _new_name(name: str) -> str:
    if name in _SECTIONS:
        return _SECTIONS[name]
    key = name.partition(".")[2]
    known = ("logging", f"log_{key}") in TABLE
    return f"logging.log_{key}" + ("" if known else " (no such key either)")
