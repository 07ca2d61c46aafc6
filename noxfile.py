"""What a change must pass, and what else is done here: `nox -l` lists it, `nox` runs what gates.

The sessions run in the environment that nox is installed in, so all of them see the same versions.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

PROGRAMS = Path(sys.executable).parent

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "lab"]


def run(session: nox.Session, program: str, *arguments: str) -> None:
    """Run a program of this environment; what follows `--` goes to it, too."""
    session.run(str(PROGRAMS / program), *arguments, *session.posargs, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Rules, format, imports."""
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")
    run(session, "lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict."""
    run(session, "mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """All that needs neither the lab nor long; what needs root is skipped without."""
    run(session, "pytest", "-n", "auto", "-m", "not lab and not heavy")


@nox.session
def lab(session: nox.Session) -> None:
    """A real systemd, in a dozen representative ways (as root; see tests/lab/README.md)."""
    run(session, "pytest", "-n", "auto", "-m", "lab and not heavy")


@nox.session
def heavy(session: nox.Session) -> None:
    """The rest: the whole lab with the accuracy table, and alike cases by the hundred."""
    run(session, "pytest", "-n", "auto", "-m", "heavy")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation's site, below build/site."""
    session.run(sys.executable, "docs/pages.py", "build/pages", external=True)
    run(
        session,
        "sphinx-build",
        "-q",
        "-W",
        "--keep-going",
        "-c",
        "docs",
        "build/pages",
        "build/site",
    )


@nox.session
def bench(session: nox.Session) -> None:
    """How fast the doctor is: prints figures, asserts nothing."""
    run(session, "python", "-m", "tests.bench")
