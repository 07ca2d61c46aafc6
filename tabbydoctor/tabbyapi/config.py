"""The effective configuration, as TabbyAPI computes it, each value with where it came from.

Order (facts observed on a real server): `./config.yml` < `TABBY_<SECTION>_<KEY>` <
(`--config FILE`, or else command-line arguments). The data is here; `layers.py` computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import dataclass, field
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.problems import YamlProblem

LayerKind = Literal["default", "working-directory", "environment", "config-file", "argument"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was set."""

    layer: LayerKind
    where: str
    """For people: `/srv/config.yml:12`, `TABBY_NETWORK_PORT (unit tabbyapi.service)`, …"""
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value."""

    section: str
    key: str
    value: Any
    """As TabbyAPI has it, after its coercion."""
    origin: Origin
    raw: Any = None
    """As written at its origin."""
    overrides: tuple[tuple[Origin, Any], ...] = ()
    """Weaker origins that also set it, nearest first, each with what was written there."""

    @property
    def name(self) -> str:
        """`section.key`."""
        return f"{self.section}.{self.key}"


Why = Literal["unknown-section", "unknown-key", "arguments-ignored", "section-not-mapping"]


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something written that TabbyAPI does not use."""

    section: str
    key: str | None
    value: Any
    origin: Origin
    why: Why


@dataclass(frozen=True, slots=True)
class Invalid:
    """A value with which TabbyAPI refuses to start (pydantic ValidationError, exit 1)."""

    section: str
    key: str | None
    message: str
    """What it takes instead; never the value, which may be a secret."""
    origin: Origin
    value: Any = None


Problem = YamlProblem | Literal["missing", "unreadable", "not-mapping", "not-a-file"]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One configuration file that TabbyAPI looks at."""

    path: str
    role: Literal["working-directory", "config-file"]
    problem: Problem | None = None
    """Why TabbyAPI cannot use it; None when it can."""
    detail: str = ""
    """The problem in words."""
    line: int | None = None
    """The line of the problem, 1-based."""
    denied_at: str = ""
    """What TabbyAPI's account may not open: the file, or a directory on the way to it."""
    way: PathStatus | None = field(default=None, repr=False)
    """All that leads to the file, where TabbyAPI's account may not open it."""
    text: str = ""
    """What it holds (empty where it could not be read)."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """As TabbyAPI's YAML 1.2 reader has it (before migration)."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """Key path -> its line, 1-based."""
    hangs: bool = False
    """Whether TabbyAPI would hang on it at start."""
    legacy: tuple[tuple[str, int | None], ...] = ()
    """Key paths that TabbyAPI migrates (rewriting the file) at its next start, with lines."""
    copied_from: str | None = None
    """The file that the next start copies here, where this is what that one holds: the one here
    holds something else, which no start reads."""
    applies_partly: bool = False
    """The log says it could not be loaded, yet its other sections apply."""


@dataclass(frozen=True, slots=True)
class EffectiveConfig:
    """What TabbyAPI runs on at its next start."""

    directory: str
    settings: Mapping[tuple[str, str], Setting]
    files: tuple[ConfigFile, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    invalid: tuple[Invalid, ...] = ()
    usage_error: str = ""
    """An unknown or incomplete argument: TabbyAPI exits 2."""
    config_argument: str | None = None
    """The absolute path given with `--config`, if any."""

    def setting(self, section: str, key: str) -> Setting | None:
        """The setting, or None where the installed version does not know the key."""
        return self.settings.get((section, key))

    def value(self, section: str, key: str) -> Any:
        """The effective value, or None."""
        found = self.setting(section, key)
        return found.value if found else None

    @property
    def host(self) -> str:
        """The address to bind; an empty one binds every interface, and so is 0.0.0.0."""
        host = self.value("network", "host")
        return "127.0.0.1" if host is None else str(host) or "0.0.0.0"

    @property
    def port(self) -> int:
        """The port to bind (TabbyAPI moves to the next one when it is taken).

        5000, its default, where the value is none: then TabbyAPI does not start (`invalid`).
        """
        port = self.value("network", "port")
        return port if isinstance(port, int) and port else 5000

    @property
    def auth_disabled(self) -> bool:
        """Whether keys are not asked for."""
        return self.value("network", "disable_auth") is True

    @property
    def starts(self) -> bool:
        """Whether TabbyAPI gets past reading its configuration."""
        fatal = any(file.hangs or (file.problem == "not-mapping") for file in self.files)
        return not (self.invalid or self.usage_error or fatal)
