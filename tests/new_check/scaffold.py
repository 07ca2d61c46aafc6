"""A check that runs, with its test: files to be filled in, written from the templates beside."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from string import Template

from tabbydoctor import plugins
from tabbydoctor.api import Check, Safety, Severity

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(__file__).with_name("templates")
_IN_THE_TEMPLATES = ("check", "finding", "path", "seen", "tabby")
"""Names that an example's own lines use."""


class Refused(Exception):  # noqa: N818 - an answer for whoever asked
    """Why there is no such check to be made, and what would do."""


def catalogue() -> tuple[Check, ...]:
    """The checks of this repository, those of plug-ins left out."""
    return tuple(check for check in plugins.checks() if plugins.origin(check) is None)


def categories() -> dict[str, str]:
    """Prefix of an id -> its category, as the catalogue has them."""
    return {check.id[:3]: check.category for check in catalogue()}


def last_id(prefix: str) -> str:
    """The highest id in use."""
    return max(check.id for check in catalogue() if check.id.startswith(prefix))


def next_id(prefix: str) -> str:
    """The one after it."""
    return f"{prefix}{int(last_id(prefix)[3:]) + 1:03}"


@dataclass(frozen=True)
class NewCheck:
    """One that is asked for."""

    id: str
    name: str
    severity: Severity = Severity.ERROR
    cure: Safety | None = None

    @cached_property
    def category(self) -> str:
        """Raises Refused for an id of no category."""
        known = categories()
        if not re.fullmatch(r"[A-Z]{3}\d{3}", self.id) or self.id[:3] not in known:
            prefixes = ", ".join(f"{prefix} ({known[prefix]})" for prefix in sorted(known))
            raise Refused(f"{self.id} is no id: it is one of {prefixes} and three digits")
        return known[self.id[:3]]

    @cached_property
    def module(self) -> str:
        """The name of its file and its function: that of the check, without its category."""
        first, _, rest = self.name.partition("-")
        short = rest if first in (self.category, self.id[:3].lower()) else self.name
        return short.replace("-", "_")

    @property
    def files(self) -> dict[Path, str]:
        """Path -> text. Raises Refused."""
        self._require_new()
        test = _text("test.py.txt") + (_text("cure_test.py.txt") if self.cure else "")
        texts = {
            Path("checks", self.category, f"{self.module}.py"): _text("check.py.txt"),
            Path("tests/checks", self.category, f"test_{self.module}.py"): test,
        }
        if self.cure:
            texts[Path("tabbydoctor/remedies", f"{self.module}.py")] = _text("cure.py.txt")
        for path in texts:
            if (ROOT / path).exists():
                raise Refused(f"{path} exists: choose another name")
        return {path: Template(text).substitute(self._fields) for path, text in texts.items()}

    @property
    def _fields(self) -> dict[str, str]:
        names = ("CURE", "Cure", "Evidence", "Finding", "Remedy", "Safety", "Severity", "check")
        only_cured = () if self.cure else ("CURE", "Cure", "Safety")
        planner = f"tabbydoctor.remedies.{self.module}:mend"
        cure = f'\n    cure=Cure("{planner}", Safety.{self.cure.name}),' if self.cure else ""
        return {
            "id": self.id,
            "name": self.name,
            "category": self.category,
            "module": self.module,
            "severity": self.severity.name,
            "imports": ", ".join(name for name in names if name not in only_cured),
            "cure": cure,
            "offer": " CURE" if self.cure else "",
        }

    def _require_new(self) -> None:
        category = self.category
        for check in catalogue():
            if check.id == self.id:
                free = next_id(self.id[:3])
                raise Refused(f"{self.id} is {check.name}: the next id is {free}")
            if check.name == self.name:
                raise Refused(f"{check.id} has the name {self.name}: choose another")
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise Refused(f"{self.name} is no name: it is words of a-z and 0-9 with - between")
        taken = hasattr(import_module(f"tabbydoctor_checks.{category}"), self.module)
        if not self.module.isidentifier() or keyword.iskeyword(self.module):
            raise Refused(f"{self.module} cannot name a function: choose another name")
        if taken or self.module in _IN_THE_TEMPLATES:
            raise Refused(f"{self.module} is a name that is in use there: choose another")


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def write(new: NewCheck) -> list[Path]:
    """Write its files, and say which. Raises Refused, and then nothing is written."""
    files = new.files
    for path, text in files.items():
        (ROOT / path).write_text(text, encoding="utf-8")
    return list(files)
