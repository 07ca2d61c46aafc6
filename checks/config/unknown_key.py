"""A section or key that TabbyAPI does not know: it is dropped without a word.

## What it checks
Every section, key and `TABBY_…` variable that TabbyAPI would read, against the keys of the
installed version (read from its `common/config_models.py`), or against the doctor's own table
where there is none to read.

## Why it matters
TabbyAPI neither logs nor refuses what it does not know. A misspelt option, or one that moved or
was removed, simply has no effect.

## How it is told
By name. The nearest known name is offered; for a key that was removed, since when, and what
replaced it; for one that is newer than the installation, when it came.

## What to do
Write the name that is offered, or take the line out: always where that name stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.nixos import edit_lasts, generated_config
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.invocation import invocation
from tabbydoctor.tabbyapi.config import EffectiveConfig, Ignored
from tabbydoctor.tabbyapi.dropped import name_of, unknown_names
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.nearest_key import Meant, meant

from . import edit

_SURE = ("misspelt", "elsewhere")
_KEY_VARIABLES = ("KEY", "TOKEN", "SECRET")


@check(
    "CFG003",
    "config-unknown-key",
    category="config",
    severity=Severity.WARNING,
    cure=Cure("tabbydoctor.remedies.config_keys:rename_keys", Safety.UNSAFE),
)
def unknown_key(
    config: EffectiveConfig,
    installation: Installation,
    instance: Instance,
    machine: Machine | None,
) -> Iterator[Finding]:
    unsure: list[Ignored] = []
    found = False
    for item in unknown_names(config, nixos=generated_config(instance) is not None):
        answer = meant(item.section, item.key, installation)
        if installation.exact or answer.kind in _SURE or item.origin.layer == "environment":
            found = True
            yield _finding(item, answer, installation, instance, machine, config)
        else:
            unsure.append(item)
    if unsure and not found:
        names = ", ".join(name_of(item) for item in unsure)
        raise Unknown(f"whether this TabbyAPI knows {names}: {installation.problem}")


def _finding(
    item: Ignored,
    answer: Meant,
    installation: Installation,
    instance: Instance,
    machine: Machine | None,
    config: EffectiveConfig,
) -> Finding:
    if item.origin.layer == "environment":
        return _variable(item, answer, instance, machine)
    mend = CURE
    lasts = item.origin.path is not None and edit_lasts(item.origin.path, instance)
    beside = _beside(item, answer, config)
    mendable = answer.kind in ("gone", *_SURE) and lasts and not beside
    kind = "key" if item.key else "section"
    label = f"{name_of(item)} in {item.origin.where}"
    titles = {
        "gone": f"{label} is gone and has no effect",
        "newer": f"{label} is unknown to the installed TabbyAPI",
        "elsewhere": f"{label} stands in the wrong place and has no effect",
    }
    title = titles.get(answer.kind, f"{label} is no {kind} of TabbyAPI and has no effect")
    return Finding(
        title,
        f"TabbyAPI drops it silently. {answer.sentence}.",
        (Evidence(item.origin.where, answer.instead or "a known name", name_of(item)),
         Evidence(installation.source, "the names it knows")),
        (edit(_advice(item, answer, beside), item.origin, instance, machine=machine),
         *([mend] if mendable else [])),
    )  # fmt: skip


def _beside(item: Ignored, answer: Meant, config: EffectiveConfig) -> tuple[str, int] | None:
    """The key that was meant and its line, where it stands in the same file: no second can."""
    section, _, key = answer.instead.partition(".")
    keys = [key] if key else [*item.value] if isinstance(item.value, dict) else []
    for file in config.files:
        for name in keys if file.path == item.origin.path else ():
            line = file.lines.get((section, name))
            if line:
                return name, line
    return None


def _advice(item: Ignored, answer: Meant, beside: tuple[str, int] | None) -> str:
    if beside:
        section = answer.instead.partition(".")[0]
        stands = f"{section}.{beside[0]} stands at line {beside[1]}"
        if item.key or "." in answer.instead:
            return f"Take {name_of(item)} out: {stands}"
        return f"Write {section} instead of {name_of(item)}, without {beside[0]}: {stands}"
    if answer.kind in _SURE:
        return f"Write {answer.instead} instead of {name_of(item)}"
    if answer.kind == "newer":
        return f"Update TabbyAPI, or take {name_of(item)} out"
    return f"Take {name_of(item)} out"


def _variable(item: Ignored, answer: Meant, instance: Instance, machine: Machine | None) -> Finding:
    name = item.origin.where.split(" ")[0]
    evidence = (Evidence(item.origin.where, "TABBY_<SECTION>_<KEY>", name),)
    if any(word in name.upper() for word in _KEY_VARIABLES):
        return Finding(
            f"{name} sets nothing in TabbyAPI",
            "No environment variable sets TabbyAPI's keys: they are in api_tokens.yml. A variable "
            "with the key belongs on the router's unit.",
            evidence,
            (
                Remedy(
                    "Give the router the key, and take the variable out here",
                    Safety.MANUAL,
                    (invocation("fix --auth --dry-run", root=True),),
                ),
            ),
        )
    hint = f"TABBY_{answer.instead.replace('.', '_').upper()}" if "." in answer.instead else ""
    advice = f"Write {hint} instead" if hint else f"Take {name} out"
    if hint in instance.environment:
        advice = f"Take {name} out: {hint} is set beside it"
    return Finding(
        f"{name} sets nothing in TabbyAPI",
        "A variable counts only where it is named TABBY_<SECTION>_<KEY> after a known key"
        + (f": probably {hint}." if hint else "."),
        evidence,
        (edit(advice, item.origin, instance, machine=machine),),
    )
