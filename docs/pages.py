"""Writes the pages of the documentation's site: `python docs/pages.py DIRECTORY`.

They are the README and its like, docs/, and a page for each check, from its docstring. Links
between files of the repository become links between pages; what has no page is named without one.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from tabbydoctor import plugins
from tabbydoctor.diagnosis.check import CATEGORIES, Check

ROOT = Path(__file__).parent.parent
PAGES = {
    "README.md": "index.md",
    "docs/accuracy.md": "accuracy.md",
    "docs/reports.md": "reports.md",
    "docs/gpu.md": "gpu.md",
    "docs/architecture.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "tests/lab/README.md": "lab.md",
    "CHANGELOG.md": "changelog.md",
}
"""File of the repository -> its page, in the order of the table of contents."""
LINK = re.compile(r"(!?)\[([^]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^(```.*?^```[^\n]*$)", re.DOTALL | re.MULTILINE)


def main(directory: Path) -> None:
    """Write all pages and pictures into a directory that is made anew."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "checks").mkdir(parents=True)
    others = {*(ROOT / "docs").glob("*.md")} - {ROOT / name for name in PAGES}
    files = {**PAGES, **{f"docs/{path.name}": path.name for path in sorted(others)}}
    for file, page in files.items():
        (directory / page).write_text(linked((ROOT / file).read_text(encoding="utf-8"), file))
    first, *rest = files.values()
    with (directory / first).open("a") as index:
        index.write(contents(["checks/index.md", *rest]))
    for asset in (*(ROOT / "docs").glob("*.svg"), *(ROOT / "docs").glob("*.json")):
        shutil.copy(asset, directory)
    shutil.copytree(ROOT / "docs/prometheus", directory / "prometheus")
    (directory / "checks/index.md").write_text(catalogue())
    for one in plugins.checks():
        (directory / "checks" / f"{one.id}.md").write_text(check_page(one))


def linked(text: str, file: str) -> str:
    """The text of a file of the repository, its links leading to pages; code stays as it is."""
    parts = FENCE.split(text)
    return "".join(
        part if FENCE.match(part) else LINK.sub(lambda found: link(found, file), part)
        for part in parts
    )


def link(found: re.Match[str], file: str) -> str:
    """One link of a file of the repository, as its page has it."""
    picture, words, target, anchor = found[1], found[2], found[3], found[4] or ""
    named = posixpath.normpath(posixpath.join(posixpath.dirname(file), target))
    page = PAGES.get(named, named.removeprefix("docs/"))
    has_one = named in PAGES or named.startswith("docs/")
    return f"{picture}[{words}]({page}{anchor})" if has_one else words


def contents(pages: Iterable[str], title: str = "") -> str:
    """A part of the table of contents, shown at the side."""
    caption = [f":caption: {title}"] if title else []
    return "\n".join(["", "```{toctree}", ":hidden:", *caption, "", *pages, "```", ""])


def by_category() -> Iterator[tuple[str, list[Check]]]:
    """The catalogue, a category at a time."""
    ordered = sorted(plugins.checks(), key=lambda one: (CATEGORIES.index(one.category), one.id))
    for category, few in groupby(ordered, key=lambda one: one.category):
        yield category, list(few)


def catalogue() -> str:
    """The table of all checks."""
    parts = ["# Checks", "As `tabbydoctor list` has them; `tabbydoctor explain ID` shows a page."]
    for category, few in by_category():
        rows = [
            f"| [{one.id}]({one.id}.md) | {one.name} | {one.severity.value} | {finds(one)} |"
            for one in few
        ]
        head = ["| id | name | severity | finds |", "|---|---|---|---|"]
        parts += [f"## {category}", "\n".join([*head, *rows])]
        parts.append(contents([f"{one.id}.md" for one in few]))
    return "\n\n".join(parts)


def finds(one: Check) -> str:
    """What it finds, in one sentence."""
    return " ".join(one.page.partition("\n## ")[0].split()).replace("|", "\\|")


def check_page(one: Check) -> str:
    """The docstring of a check, with what the catalogue says of it."""
    about = f"`{one.name}`, {one.severity.value}, category {one.category}"
    return "\n\n".join([f"# {one.id}", about, one.page, *relations(one)]) + "\n"


def relations(one: Check) -> Iterator[str]:
    """What it may follow from, and what from it."""
    catalogued = {other.id: other for other in plugins.checks()}
    sources = [id for id in one.caused_by if id in catalogued]
    effects = [other.id for other in catalogued.values() if one.id in other.caused_by]
    for title, ids in (("May be caused by", sources), ("May cause", effects)):
        if ids:
            named = [f"- [{id}]({id}.md) {catalogued[id].name}" for id in sorted(ids)]
            yield "\n".join([f"## {title}", "", *named])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
