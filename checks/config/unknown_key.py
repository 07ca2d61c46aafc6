"""A section or key that TabbyAPI does not know: it is dropped without a word.

## What it checks
Every section, key and `TABBY_…` variable that TabbyAPI would read, against the keys of the
installed version (read from its `common/config_models.py`), or against the doctor's own table
where there is none to read. Keys that stand in no section are one finding for their file.

## Why it matters
TabbyAPI neither logs nor refuses what it does not know. A misspelt option, or one that moved or
was removed, simply has no effect.

## How it is told
By name. A known name is offered where it means the same: a slip of the pen, another spelling, a
word cut short, the key of another section; never one that writes keys to the log. For a key that
was removed, since when, and what replaced it (a remark only, where its value asks for nothing);
for one that is newer than the installation, when it came. A name that no known version has may be
newer than the installed one.

## What to do
Write the name that is offered, or take the line out: always where that name stands beside it, and
where its value would do harm there (`backend: exllamav2` does nothing in the wrong section, and
ends the load in the right one).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from tabbydoctor.api import CURE, Cure, Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.nixos import edit_lasts
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.invocation import invocation
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.misnamed import Misnamed, MisnamedKeys

from . import edit

_SURE = ("misspelt", "elsewhere", "risky")
_KEY_VARIABLES = ("KEY", "TOKEN", "SECRET")
_FLAT = 2
"""So many keys outside every section make a flat file."""


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
    misnamed: MisnamedKeys,
    instance: Instance,
    machine: Machine | None,
) -> Iterator[Finding]:
    told = _Telling(config, installation, instance, machine)
    sure = [one for one in misnamed.items if told.is_sure(one)]
    flat = _flat(sure)
    for group in flat.values():
        yield told.flat_file(group)
    for one in sure:
        if one.item.origin.path not in flat or not _in_no_section(one):
            yield told.finding(one)
    unsure = [one.name for one in misnamed.items if one not in sure]
    if unsure and not sure:
        names = ", ".join(unsure)
        raise Unknown(f"whether this TabbyAPI knows {names}: {installation.problem}")


def _in_no_section(one: Misnamed) -> bool:
    from_file = one.item.origin.layer != "environment" and one.item.origin.path
    return bool(from_file and one.item.key is None and not isinstance(one.item.value, dict))


def _flat(items: Iterable[Misnamed]) -> dict[str | None, list[Misnamed]]:
    """The keys that stand in no section, of each file that has several."""
    groups: dict[str | None, list[Misnamed]] = {}
    for one in filter(_in_no_section, items):
        groups.setdefault(one.item.origin.path, []).append(one)
    return {path: group for path, group in groups.items() if len(group) >= _FLAT}


class _Telling:
    """Says what was found in one deployment."""

    def __init__(
        self,
        config: EffectiveConfig,
        installation: Installation,
        instance: Instance,
        machine: Machine | None,
    ) -> None:
        self.config, self.installation = config, installation
        self.instance, self.machine = instance, machine

    def is_sure(self, one: Misnamed) -> bool:
        """Whether it is told by more than its absence from a table of other versions' keys."""
        of_environment = one.item.origin.layer == "environment"
        return self.installation.exact or one.meant.kind in _SURE or of_environment

    def finding(self, one: Misnamed) -> Finding:
        if one.item.origin.layer == "environment":
            return self._variable(one)
        kind = "key" if one.item.key else "section"
        label = f"{one.name} in {one.item.origin.where}"
        titles = {
            "gone": f"{label} is gone and has no effect",
            "newer": f"{label} is unknown to the installed TabbyAPI",
            "elsewhere": f"{label} stands in the wrong place and has no effect",
        }
        if one.idle:
            titles["gone"] = f"{label} is gone, and asks for nothing"
        title = titles.get(one.meant.kind, f"{label} is no {kind} of TabbyAPI and has no effect")
        return Finding(
            title,
            f"TabbyAPI drops it silently. {one.meant.sentence}.{self._harm(one)}",
            (Evidence(one.item.origin.where, _expected(one), one.name), self._known),
            (self._edit(self._advice(one), one), *self._cure([one])),
            severity=Severity.INFO if one.idle else None,
        )

    def flat_file(self, group: list[Misnamed]) -> Finding:
        first = group[0]
        path = first.item.origin.path or ""
        count = len(group)
        return Finding(
            f"{count} keys in {path} stand in no section and have no effect",
            f"TabbyAPI reads keys below their sections only, and drops the others silently: "
            f"{posixpath.basename(path)} is flat.",
            (
                *(Evidence(one.item.origin.where, _expected(one), one.name) for one in group),
                self._known,
            ),
            (self._edit(self._sections(group), first), *self._cure(group)),
        )

    @property
    def _known(self) -> Evidence:
        return Evidence(self.installation.source, "the names it knows")

    def _edit(self, title: str, one: Misnamed) -> Remedy:
        return edit(title, one.item.origin, self.instance, machine=self.machine)

    def _sections(self, group: Iterable[Misnamed]) -> str:
        """What goes where, in words."""
        below: dict[str, list[str]] = {}
        others: list[str] = []
        for one in group:
            if one.way == "move" and len(one.target) > 1 and not self._beside(one):
                below.setdefault(one.target[0], []).append(one.target[1])
            else:
                others.append(one.name)
        lines = [f"{', '.join(keys)} below {section}:" for section, keys in below.items()]
        written = f"Write {'; '.join(lines)}" if lines else ""
        out = f"take {', '.join(others)} out" if others else ""
        title = "; ".join(part for part in (written, out) if part)
        return title[:1].upper() + title[1:]

    def _cure(self, group: Iterable[Misnamed]) -> tuple[Remedy, ...]:
        """The doctor's own, where it mends one of them and opens nothing by it."""
        mended = [one for one in group if self._mends(one)]
        opening = any(one.opens for one in group)
        return (CURE,) if mended and not opening else ()

    def _mends(self, one: Misnamed) -> bool:
        path = one.item.origin.path
        lasts = path is not None and edit_lasts(path, self.instance)
        return one.way != "person" and not one.idle and lasts and not self._beside(one)

    def _harm(self, one: Misnamed) -> str:
        return f" There {one.obstacle}." if one.obstacle else ""

    def _advice(self, one: Misnamed) -> str:
        beside = self._beside(one)
        if beside:
            stands = f"{one.target[0]}.{beside[0]} stands at line {beside[1]}"
            if one.item.key or len(one.target) > 1:
                return f"Take {one.name} out: {stands}"
            return f"Write {one.target[0]} instead of {one.name}, without {beside[0]}: {stands}"
        if one.obstacle:
            return f"Take {one.name} out: as {'.'.join(one.target)} {one.obstacle}"
        if one.opens:
            return f"Take {one.name} out: what it would open is asked for by its name"
        if one.way == "move":
            return f"Write {'.'.join(one.target)} instead of {one.name}"
        if one.meant.kind in ("misspelt", "elsewhere"):
            return f"Write {one.meant.instead} instead of {one.name}"
        if one.meant.kind == "newer":
            return f"Update TabbyAPI, or take {one.name} out"
        if one.meant.kind == "unheard-of":
            return f"If {one.name} is of a newer TabbyAPI, update it; else correct the name"
        return f"Take {one.name} out"

    def _beside(self, one: Misnamed) -> tuple[str, int] | None:
        """The key that was meant and its line, where it stands in the same file: no second can."""
        if not one.target:
            return None
        section, value = one.target[0], one.item.value
        keys = one.target[1:] or tuple(value if isinstance(value, dict) else ())
        for file in self.config.files:
            for name in keys if file.path == one.item.origin.path else ():
                line = file.lines.get((section, str(name)))
                if line:
                    return str(name), line
        return None

    def _variable(self, one: Misnamed) -> Finding:
        name = one.item.origin.where.split(" ")[0]
        evidence = (Evidence(one.item.origin.where, "TABBY_<SECTION>_<KEY>", name),)
        if any(word in name.upper() for word in _KEY_VARIABLES):
            return _key_variable(name, evidence)
        hint = f"TABBY_{'_'.join(one.target).upper()}" if len(one.target) > 1 else ""
        advice = f"Write {hint} instead" if hint else f"Take {name} out"
        if one.obstacle:
            advice = f"Take {name} out: as {hint} {one.obstacle}"
        if one.opens:
            advice = f"Take {name} out: what it would open is asked for by its name"
        if hint in self.instance.environment:
            advice = f"Take {name} out: {hint} is set beside it"
        probably = f": probably {hint}" if hint else ""
        return Finding(
            f"{name} sets nothing in TabbyAPI",
            "A variable counts only where it is named TABBY_<SECTION>_<KEY> after a known key"
            f"{probably}.",
            evidence,
            (self._edit(advice, one),),
        )


def _expected(one: Misnamed) -> str:
    if one.obstacle or one.idle or one.opens:
        return "nothing"
    return ".".join(one.target) or one.meant.instead or "a known name"


def _key_variable(name: str, evidence: tuple[Evidence, ...]) -> Finding:
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
