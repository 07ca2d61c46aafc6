"""Settings of a unit's drop-in, lists that start anew among them, as lines of configuration.nix."""

from __future__ import annotations

from collections.abc import Iterable

from tabbydoctor.deployment.sandbox import emptied_with
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.nixos.service import forced_line, option_lines


def drop_in_lines(unit: Unit, settings: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """As `option_lines`; a list that a drop-in empties first stands in place of all others."""
    given = tuple(settings)
    emptied = dict.fromkeys(name for key, value in given if not value for name in emptied_with(key))
    lists = {key: " ".join(value for name, value in given if name == key) for key in emptied}
    return (
        *option_lines(unit, (pair for pair in given if pair[0] not in emptied)),
        *(
            forced_line(unit, key, words.split())
            for key, words in lists.items()
            if words or unit.get(key)
        ),
    )
