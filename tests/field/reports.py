"""The reports, what the doctor says of them, and how a reader graded that: data in files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).parent
Grade = Literal["helped", "partly", "rightly silent", "silent", "misled", "not graded"]
GRADES: Mapping[Grade, str] = {
    "helped": "whoever does as it says does what ended the thread, or reads the same cause first",
    "partly": "what it says belongs to the fault, and is not enough",
    "rightly silent": "nothing was wrong that the doctor could look at",
    "silent": "it says nothing of the fault",
    "misled": "it sends its reader elsewhere, or to a remedy that hurts",
    "not graded": "no reader has graded this output yet",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reader's grade, and the output that it was given for."""

    grade: Grade = "not graded"
    roots: tuple[str, ...] = ()
    """The ids that the graded output named first."""
    remedy: str = ""
    """The title of its first remedy."""
    why: str = ""
    missing: str = ""
    """The kind of what was missing; empty where nothing was."""


@dataclass(frozen=True, slots=True)
class FieldReport:
    """One thread."""

    name: str
    thread: str
    """As `owner/repository#number`."""
    met: str
    symptom: str
    ended: str
    rebuilt: str
    """How the scene differs from what was reported."""
    scene: Mapping[str, Any]
    roots: tuple[str, ...]
    """What `check` must name first; none where it must find no fault."""
    evidence: str
    """What its output must show."""
    remedy: str
    """The title of its first remedy; empty where there is none."""
    verdict: Verdict

    @property
    def url(self) -> str:
        """Of the thread; an issue's address leads to a pull request, too."""
        return f"https://github.com/{self.thread.replace('#', '/issues/')}"


def reports() -> tuple[FieldReport, ...]:
    """All of them, in the order of the search."""
    grades = _read(HERE / "grades.toml")
    return tuple(
        _report(path.stem, _read(path), grades.get(path.stem, {}))
        for path in sorted((HERE / "reports").glob("*.toml"))
    )


def search() -> dict[str, Any]:
    """The search as it was named, and what of its results was left out."""
    return _read(HERE / "search.toml")


def _report(name: str, said: dict[str, Any], graded: dict[str, Any]) -> FieldReport:
    says = said.pop("says")
    scene = said.pop("scene")
    says["roots"] = tuple(says["roots"])
    graded = {**graded, "roots": tuple(graded.get("roots", ()))}
    return FieldReport(name=name, scene=scene, verdict=Verdict(**graded), **said, **says)


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
