"""Begins a check: `python -m tests.new_check ID NAME` writes its file and its test.

`--facts` lists what a check may judge instead.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path

from tabbydoctor import plugins
from tabbydoctor.api import Safety, Severity
from tabbydoctor.facts import gathered_kind
from tests import index

from .scaffold import ROOT, NewCheck, Refused, last_id, write

NAME_THE_LAST = ("README.md", "checks/{category}/__init__.py")
"""Where ranges of ids are told: `CFG001 to CFG014`."""


def main(arguments: list[str] | None = None) -> int:
    """0 where it was written, 2 where it was refused, with the reason."""
    parser = argparse.ArgumentParser("python -m tests.new_check", description=__doc__)
    parser.add_argument("id", nargs="?", help="its category's prefix and a free number: CFG015")
    parser.add_argument("name", nargs="?", help="what is wrong, in a few words: config-no-port")
    parser.add_argument("--severity", choices=list(Severity), default=Severity.ERROR)
    parser.add_argument("--cure", choices=[Safety.SAFE, Safety.UNSAFE], help="and what repairs it")
    parser.add_argument("--facts", action="store_true", help="list what a check may judge")
    given = parser.parse_args(arguments)
    if given.facts:
        print("\n".join(facts()))
        return 0
    if not given.name:
        parser.error("an id and a name are needed")
    cure = Safety(given.cure) if given.cure else None
    new = NewCheck(given.id, given.name, Severity(given.severity), cure)
    try:
        last = last_id(new.id[:3]) if new.category else ""
        written = write(new)
    except Refused as reason:
        print(f"new_check: {reason}", file=sys.stderr)
        return 2
    index.write()
    print("\n".join(next_steps(new, written, last)))
    return 0


def facts() -> list[str]:
    """Each kind of fact: its name, the module it stands in, and what it is."""
    kinds = sorted(map(gathered_kind, plugins.gatherers()), key=lambda kind: kind.__name__)
    return [
        f"{kind.__name__:<18} {kind.__module__}\n    {(inspect.getdoc(kind) or '').splitlines()[0]}"
        for kind in kinds
    ]


def next_steps(new: NewCheck, written: list[Path], last: str) -> list[str]:
    """What to do with what was written."""
    test = next(path for path in written if path.name.startswith("test_"))
    ranges = [
        f"     {path}:{number}"
        for path in (name.format(category=new.category) for name in NAME_THE_LAST)
        for number, line in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1)
        if f"to {last}" in line
    ]
    return [
        *(f"wrote {path}" for path in written),
        "Next:",
        "  1. Fill in those files, and take the comments FILL IN out.",
        f"  2. python -m tests.index && pytest {test} tests/test_house.py",
        f"  3. A fault of the lab that shows it: {_faults(new.category)},",
        "     or why none can: tests/lab/faults/unshown.py.",
        f"  4. CHANGELOG.md, under Added: - `{new.id}` {new.name}: what it tells.",
        *(["  5. The last id is told here, too:", *ranges] if ranges else []),
    ]


def _faults(category: str) -> str:
    """Where the faults of a category stand."""
    path = f"tests/lab/faults/{category}.py"
    return path if (ROOT / path).exists() else "in tests/lab/faults/"


if __name__ == "__main__":
    sys.exit(main())
