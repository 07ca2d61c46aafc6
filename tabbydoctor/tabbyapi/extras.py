"""What the installed TabbyAPI's pyproject.toml asks of its environment, by extra; not run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.documents import toml_of, whole_number
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field

_WHEEL = re.compile(
    r"(?P<package>torch|exllamav3) @ \S{0,300}/(?:torch|exllamav3)-(?P<version>\d[\w.]{0,40})"
    r"(?:(?:\+|%2B)(?P<tag>[\w.]{1,60}))?-cp3(?P<minor>\d{1,2})-\S{0,80}linux_(?:\w{1,20}_)?x86_64\.whl"
)
_PYTHON = re.compile(r">=\s*3\.(\d{1,2})")
_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Extra:
    """What one extra (`cu12`) installs on Linux."""

    torch: str = ""
    """As `2.9.0`; empty where it names none."""
    exllamav3: str = ""
    """As `1.4.2`."""
    pythons: frozenset[int] = frozenset()
    """The minor versions of Python 3 that it has wheels of exllamav3 or torch for."""
    triton: bool = False
    """Whether it asks for Triton."""


@dataclass(frozen=True, slots=True)
class TabbyExtras:
    """What TabbyAPI asks for."""

    path: str
    """The file, or in words where it could not be read."""
    oldest_python: int
    """The minor version of Python 3 that TabbyAPI needs at least."""
    extras: Mapping[str, Extra] = field(default_factory=dict)


SHIPPED = TabbyExtras(
    "the table shipped with tabbydoctor",
    10,
    {
        "cu12": Extra("2.9.0", "1.4.1", frozenset(range(10, 14)), triton=True),
        "cu13": Extra("2.11.0", "1.4.1", frozenset(range(12, 15)), triton=True),
    },
)
"""Of August 2026, where no pyproject.toml can be read."""


def tabby_extras(host: Host, instance: Instance) -> TabbyExtras:
    """Read pyproject.toml beside main.py; the shipped table where that cannot be."""
    path = f"{instance.main_directory}/pyproject.toml"
    try:
        document = toml_of(host.seen_by(reader(host, instance)).read(path, _MOST).text())
    except (OSError, ValueError):
        return SHIPPED
    project = document.get("project")
    named = project.get("optional-dependencies") if isinstance(project, dict) else None
    if not isinstance(project, dict) or not isinstance(named, dict):
        return SHIPPED
    oldest = _PYTHON.search(str(project.get("requires-python")))
    extras = {
        name: found
        for name, asked in named.items()
        if name.startswith("cu") and isinstance(asked, list) and (found := _extra(asked)).torch
    }
    if not extras:
        return SHIPPED
    return TabbyExtras(path, int(oldest[1]) if oldest else SHIPPED.oldest_python, extras)


def _extra(asked: Iterable[object]) -> Extra:
    texts = [one for one in asked if isinstance(one, str)]
    wheels = [found for text in texts if (found := _WHEEL.match(text))]
    newest = {found["package"]: found["version"] for found in wheels}
    minors = {whole_number(found["minor"]) for found in wheels}
    return Extra(
        newest.get("torch", ""),
        newest.get("exllamav3", ""),
        frozenset(minor for minor in minors if minor is not None),
        any(re.match(r"triton\b(?!-)", text) for text in texts),
    )


GATHERERS = (tabby_extras,)
