"""Other YAML tools read a value of this file differently than TabbyAPI.

## What it checks
Every key TabbyAPI knows, read once as TabbyAPI does (YAML 1.2) and once by the rules of YAML 1.1,
which PyYAML and many tools follow.

## Why it matters
A router or a script that reads `port: 05000` with PyYAML finds 2560, TabbyAPI 5000. Only values
that differ after TabbyAPI's own conversion are told: `yes` is true to both.

## How it is told
By reading the file both ways.

## What to do
Write the value so that both agree: quote texts, drop leading zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.keys import TABLE, ConfigKey
from tabbydoctor.tabbyapi.origins import file_origin
from tabbydoctor.tabbyapi.values import Refused, coerced
from tabbydoctor.yaml.yaml11 import yaml_of

from . import edit, shown

_REFUSED = object()


@check("CFG013", "config-reads-differently", category="config", severity=Severity.INFO)
def reads_differently(config: EffectiveConfig, installation: Installation) -> Iterator[Finding]:
    for file in config.files:
        if file.problem is None:
            yield from _differences(file, installation)


def _differences(file: ConfigFile, installation: Installation) -> Iterator[Finding]:
    other = _as_yaml_1_1(file.text)
    for section, keys in installation.sections.items():
        ours, theirs = _mapping(file.data.get(section)), _mapping(other.get(section))
        for key in sorted(keys & ours.keys() & theirs.keys()):
            known = installation.keys.get((section, key)) or TABLE.get((section, key))
            known = known or ConfigKey(section, key)
            if _meaning(known, ours[key]) != _meaning(known, theirs[key]):
                yield _finding(file, section, key, ours[key], theirs[key])


def _as_yaml_1_1(text: str) -> dict[Any, Any]:
    try:
        return _mapping(yaml_of(text))
    except ValueError:
        return {}


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _meaning(key: ConfigKey, value: Any) -> Any:
    try:
        return coerced(key, value)
    except Refused:
        return _REFUSED


def _finding(file: ConfigFile, section: str, key: str, ours: Any, theirs: Any) -> Finding:
    origin = file_origin(file, (section, key))
    mine, other = shown(section, key, ours), shown(section, key, theirs)
    return Finding(
        f"{section}.{key} in {origin.where} is read differently by YAML 1.1 tools",
        f"TabbyAPI reads {mine}, PyYAML reads {other}.",
        (Evidence(origin.where, mine, other),),
        (edit(f"Write it so that both agree, for example {section}.{key}: {mine}", origin),),
    )
