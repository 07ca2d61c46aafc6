"""Entry points are read from pip's files as importlib.metadata reads them."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tabbydoctor import entries


@pytest.fixture(autouse=True)
def anew() -> None:
    entries.entries.cache_clear()


def install(place: Path, folder: str, points: str, metadata: str = "METADATA") -> None:
    """Leave what pip leaves."""
    (place / folder).mkdir()
    (place / folder / "entry_points.txt").write_text(points)
    name = folder.partition("-")[0].replace("_", "-")
    (place / folder / metadata).write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")


def test_those_of_the_group_as_the_standard_library_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        "acme_doctor-1.dist-info",
        "[console_scripts]\nacme = a:b\n\n[tabbydoctor]\n# a comment\nacme=acme.plugin : hooks\n"
        "other = acme_other [extra]\n[tabbydoctor.more]\nnot = ours\n",
    )
    install(tmp_path, "older-2.egg-info", "[tabbydoctor]\nolder = older\n", "PKG-INFO")
    install(tmp_path, "unlike-1.dist-info", "[other]\ntabbydoctor = x\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = {(one.name, one.package, one.distribution) for one in entries.entries()}
    known = entry_points(group="tabbydoctor")
    assert found == {
        (one.name, one.module.partition(".")[0], one.dist.name) for one in known if one.dist
    }
    assert ("acme", "acme", "acme-doctor") in found
    assert ("older", "older", "older") in found


def test_the_first_of_a_name_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (tmp_path / "one", tmp_path / "two"):
        place.mkdir()
        install(place, f"{place.name}-1.dist-info", f"[tabbydoctor]\nacme = {place.name}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "one"), str(tmp_path / "two"), *sys.path])
    (acme,) = [one for one in entries.entries() if one.name == "acme"]
    assert acme.value == "one"


def test_where_the_doctor_is_in_no_directory_the_standard_library_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = (entries.EntryPoint("checks", "tabbydoctor_checks", "tabbydoctor"),)
    monkeypatch.setattr(sys, "path", ["/nonexistent.zip"])
    monkeypatch.setattr(entries, "_by_metadata", lambda: told)
    assert entries.entries() == told
