"""The house is in order: everything is packaged, documented, and imports flow one way."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor import plugins
from tabbydoctor.diagnosis.check import CATEGORIES, Check

ROOT = Path(__file__).parent.parent
MIRRORS = {"tabbydoctor/demo/standin/model_2025_01.py"}
"""Another program's classes, by its names, as they were at another time than those beside it."""


def test_every_package_is_installed() -> None:
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {
        ".".join(init.parent.relative_to(ROOT).parts).replace("checks", "tabbydoctor_checks", 1)
        if init.parent.relative_to(ROOT).parts[0] == "checks"
        else ".".join(init.parent.relative_to(ROOT).parts)
        for top in ("tabbydoctor", "checks")
        for init in (ROOT / top).rglob("__init__.py")
    }
    assert listed == found


@pytest.mark.parametrize("check", plugins.checks(), ids=lambda check: check.id)
def test_every_check_is_data_with_a_page(check: Check) -> None:
    assert re.fullmatch(r"[A-Z]{3}\d{3}", check.id)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", check.name)
    assert check.category in CATEGORIES
    first, *sections = check.page.split("\n## ")
    assert first.strip(), "the page starts with one sentence"
    titles = [section.splitlines()[0] for section in sections]
    assert titles == ["What it checks", "Why it matters", "How it is told", "What to do"]


def test_causes_are_ids_of_the_catalogue() -> None:
    known = {check.id for check in plugins.checks()}
    reserved = re.compile(r"(GPU|GRP|CFG|TOK|SVC|API|RTR|NIX)\d{3}")
    for check in plugins.checks():
        assert check.id not in check.caused_by
        for cause in check.caused_by:
            assert cause in known or reserved.fullmatch(cause), f"{check.id} is caused by {cause}?"


def test_each_check_stands_in_a_file_of_its_own() -> None:
    for check in plugins.checks():
        module = check.judge.__module__
        if module.startswith("tabbydoctor_checks"):
            others = [one.id for one in plugins.checks() if one.judge.__module__ == module]
            assert others == [check.id]
            assert module.split(".")[1] == check.category


def test_a_name_means_one_thing() -> None:
    modules = defaultdict(list)
    for top in ("tabbydoctor", "checks"):
        for file in sorted((ROOT / top).rglob("*.py")):
            path = str(file.relative_to(ROOT))
            if path not in MIRRORS:
                for name in public_types(file.read_text()):
                    modules[name].append(path)
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


def public_types(source: str) -> Iterator[str]:
    """The classes and the aliases of types that a module defines, private ones excluded."""
    for statement in ast.parse(source).body:
        match statement:
            case ast.ClassDef(name=name):
                names = [name]
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                names = []
        yield from (name for name in names if re.match(r"[A-Z]\w*[a-z]", name))


def test_nothing_is_left_to_fill_in() -> None:
    """Of what `python -m tests.new_check` writes."""
    places = [ROOT / "checks", ROOT / "tests/checks", ROOT / "tabbydoctor/remedies"]
    left = [
        str(path.relative_to(ROOT))
        for place in places
        for path in place.rglob("*.py")
        if "FILL IN" in path.read_text(encoding="utf-8")
    ]
    assert not left, "what is an example is to be replaced, and the comment taken out"
