"""The installed TabbyAPI: which configuration keys it knows and what it can do.

Read statically from `common/config_models.py` and its neighbours, never by running them.
"""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.records import dataclass, field
from tabbydoctor.tabbyapi.keys import ConfigKey


@dataclass(frozen=True, slots=True)
class Installation:
    """What the installed version knows. `None` for a feature: cannot be told."""

    directory: str
    sections: Mapping[str, frozenset[str]]
    """Section -> its keys."""
    source: str
    """Where the keys were read: a path, or "the table shipped with tabbydoctor"."""
    exact: bool
    """Whether the keys are the installed version's own."""
    loads_exl2: bool | None = None
    loads_exl3: bool | None = None
    key_lists: bool | None = None
    """`api_key` may be a list of keys."""
    live_reload: bool | None = None
    """api_tokens.yml is read again when it changes."""
    migrates: bool | None = None
    """A file with the keys of before September 2024 is rewritten at the start."""
    problem: str = ""
    """Why the installation could not be read, in words; empty when it was."""
    keys: Mapping[tuple[str, str], ConfigKey] = field(default_factory=dict)
    """The installed version's own types and defaults, in its order; empty: the shipped table's."""

    version: str = ""
    """The commit it was checked out at, in seven digits (TabbyAPI has no releases), else what its
    pyproject.toml calls itself; empty where neither is there."""

    @property
    def validates(self) -> bool:
        """Whether a value of the wrong type ends the start: not before September 2024."""
        return self.exact or self.migrates is not False

    def knows(self, section: str, key: str) -> bool:
        """Whether the installed version has that key."""
        return key in self.sections.get(section, frozenset())
