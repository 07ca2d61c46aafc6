"""`services.tabbyapi.environmentFiles` is set, and the module does nothing with it.

## What it checks
Whether the machine's configuration sets `environmentFiles`, and the unit has no
`EnvironmentFile=`.

## Why it matters
The module's README has secrets brought this way, but its line for the unit is commented out:
no variable of these files reaches TabbyAPI.

## How it is told
From the files in `/etc/nixos`. The unit does not show what was set in vain; where the
configuration stands elsewhere (a flake), it is unknown.

## What to do
Give the files to the unit itself:
`systemd.services.tabbyapi.serviceConfig.EnvironmentFile =
config.services.tabbyapi.environmentFiles;`
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, Unknown, check
from tabbydoctor.nixos.module import NixModule, Source

from . import in_configuration

_BLOCK = re.compile(r"\btabbyapi\s*=\s*(?:lib\.\w+\s*)?\{")
_INSIDE = re.compile(r"\benvironmentFiles\s*=\s*(?!\s*\[\s*\]\s*;)")
_OUTSIDE = re.compile(r"\btabbyapi\.environmentFiles\s*=\s*(?!\s*\[\s*\]\s*;)")
_LINE = (
    "systemd.services.tabbyapi.serviceConfig.EnvironmentFile = "
    "config.services.tabbyapi.environmentFiles;"
)


@check("NIX002", "nix-environment-files", category="nixos", severity=Severity.WARNING)
def environment_files(module: NixModule) -> Iterator[Finding]:
    if module.unit.environment_files:
        return
    if not module.sources:
        raise Unknown(
            "whether environmentFiles is set: the configuration is not in /etc/nixos, or cannot "
            "be read (run as root)"
        )
    for source in module.sources:
        for place in _set_at(source):
            line = source.text.count("\n", 0, place) + 1
            yield Finding(
                f"environmentFiles in {source.path}:{line} has no effect",
                f"The module leaves EnvironmentFile= of {module.unit.name} out.",
                (
                    Evidence(
                        f"systemctl show -P EnvironmentFiles {module.unit.name}",
                        "the files that are named",
                        "none",
                    ),
                    Evidence(f"{source.path}:{line}"),
                ),
                (in_configuration(module, "Add to the configuration", _LINE),),
            )


def _set_at(source: Source) -> Iterator[int]:
    """Where the option is set: dotted, or within a block `tabbyapi = { … }`."""
    yield from (found.start() for found in _OUTSIDE.finditer(source.text))
    for block in _BLOCK.finditer(source.text):
        end = _end(source.text, block.end())
        yield from (one.start() for one in _INSIDE.finditer(source.text, block.end(), end))


def _end(text: str, start: int) -> int:
    """The brace that closes what is open at `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)
