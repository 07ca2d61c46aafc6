"""What `config` writes."""

from __future__ import annotations

from typing import Any, Literal

from tabbydoctor.reports.documents.base import Document, DocumentPart
from tabbydoctor.tabbyapi.config import LayerKind, Problem, Why


class FilePart(DocumentPart):
    """A configuration file that TabbyAPI looks at."""

    path: str
    """Where it is, or would be."""
    role: Literal["working-directory", "config-file"]
    """The one in the working directory, or the one named with --config."""
    problem: Problem | None
    """Why TabbyAPI cannot use it; null where it can."""
    detail: str | None
    """The problem in words."""
    line: int | None
    """The line of the problem, from 1."""


class OverridePart(DocumentPart):
    """A weaker origin that sets the same key."""

    value: Any
    """What was written there; a secret is `***`."""
    layer: LayerKind
    """Which source of values it is."""
    where: str
    """The origin for people."""
    path: str | None
    """The file, where it is one."""
    line: int | None
    """The line in it, from 1."""


class SettingPart(DocumentPart):
    """An effective value."""

    section: str
    """The section of config.yml."""
    key: str
    """The key in it."""
    value: Any
    """As TabbyAPI has it; a secret is `***`."""
    layer: LayerKind
    """Which source of values set it."""
    where: str
    """The origin for people: a file and line, a variable and its unit, …"""
    path: str | None
    """The file, where it is one."""
    line: int | None
    """The line in it, from 1."""
    overrides: list[OverridePart]
    """The weaker origins that set it too, nearest first."""


class IgnoredPart(DocumentPart):
    """Something written that TabbyAPI does not use."""

    section: str
    """The section, or what stands in place of one."""
    key: str | None
    """The key in it; null for a whole section."""
    value: Any
    """What was written; a secret is `***`."""
    why: Why
    """Why it is not used."""
    layer: LayerKind
    """Which source of values it stands in."""
    where: str
    """The origin for people."""
    path: str | None
    """The file, where it is one."""
    line: int | None
    """The line in it, from 1."""


class InvalidPart(DocumentPart):
    """A value with which TabbyAPI does not start."""

    section: str
    """The section of config.yml."""
    key: str | None
    """The key in it; null for a whole section."""
    message: str
    """What TabbyAPI takes instead."""
    layer: LayerKind
    """Which source of values set it."""
    where: str
    """The origin for people."""
    path: str | None
    """The file, where it is one."""
    line: int | None
    """The line in it, from 1."""


class ConfigDocument(Document):
    """`config --format json`: what TabbyAPI runs on at its next start."""

    directory: str
    """TabbyAPI's working directory."""
    config_argument: str | None
    """The file named with --config."""
    starts: bool
    """Whether TabbyAPI gets past reading its configuration."""
    usage_error: str | None
    """An argument with which TabbyAPI exits at once."""
    files: list[FilePart]
    """The files it looks at, the weakest first."""
    settings: list[SettingPart]
    """Every key of the installed version."""
    ignored: list[IgnoredPart]
    """What is written and not used."""
    invalid: list[InvalidPart]
    """What TabbyAPI refuses."""
