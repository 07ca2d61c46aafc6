"""The schema: generated from what writes the documents, and as published."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from msgspec import UNSET, UnsetType

from tabbydoctor.cli.app import run
from tabbydoctor.redaction import Redacted
from tabbydoctor.reports.documents.base import Document, DocumentPart, plain
from tabbydoctor.reports.schema import DOCUMENTS, Schema, json_schema
from tests.gpu.models import write_model
from tests.reports.documents import assert_valid

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema-v1.json"
PARTS: Schema = json_schema()["$defs"]


def test_it_is_the_published_one() -> None:
    """Renewed by `tabbydoctor schema > docs/schema-v1.json`."""
    assert json.loads(PUBLISHED.read_text("utf-8")) == json_schema()


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert set(DOCUMENTS) <= set(PARTS)


@pytest.mark.parametrize("name", PARTS)
def test_every_object_is_open_and_its_fields_have_a_meaning(name: str) -> None:
    part = PARTS[name]
    assert "additionalProperties" not in part
    assert part.get("description"), "it says what it is"
    for field, schema in part.get("properties", {}).items():
        assert schema.get("description"), f"{name}.{field} says what it means"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_starts_with_its_version(name: str) -> None:
    assert next(iter(PARTS[name]["properties"])) == "schema_version"
    assert PARTS[name]["required"][0] == "schema_version"


def test_parts_have_names_of_their_own() -> None:
    models = {kind for kind in DocumentPart.__subclasses__() if kind is not Document}
    of_the_house = {kind for kind in models if kind.__module__.startswith("tabbydoctor")}
    enumerations = {name for name in PARTS if "properties" not in PARTS[name]}
    assert len(of_the_house) + len(DOCUMENTS) == len(PARTS) - len(enumerations)


class SampleDocument(Document):
    """For the next test."""

    always: str | None
    """It is null where there is nothing."""
    sometimes: str | UnsetType = UNSET
    """It is left out where there is nothing."""


def test_what_is_unset_is_left_out_and_nothing_else() -> None:
    assert plain(SampleDocument(always=None)) == {"schema_version": 1, "always": None}
    both = plain(SampleDocument(always="a", sometimes="b"))
    assert list(both) == ["schema_version", "always", "sometimes"]


def test_what_is_redacted_already_stays_so() -> None:
    """A diff is judged as the file it is of, not once more as prose."""
    assert type(plain(SampleDocument(always=Redacted("a")))["always"]) is Redacted


COMMANDS = {
    "check": ("check",),
    "fix": ("fix", "--auth", "--dry-run"),
    "config": ("config",),
    "probe": ("probe",),
    "vram": ("vram", "llama"),
    "merge": ("merge", "/dev/null"),
    "list": ("list",),
    "history": ("history",),
    "undo": ("undo",),
    "explain": ("explain", "CFG004"),
    "error": ("explain", "CFG4"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_a_command_writes_is_as_the_schema_says(
    name: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """So is what any other test has written: see `conftest.py`."""
    (tmp_path / "main.py").touch()
    (tmp_path / "config.yml").write_text("auth: {disable: true}\nnetwork: {port: 1}\n")
    given = ("--format", "json", "--dir", str(tmp_path), "--state-dir", str(tmp_path / "state"))
    write_model(tmp_path / "models/llama")
    if name == "undo":
        run(["fix", "CFG004", "--yes", *given])
        capsysbinary.readouterr()
    run([*COMMANDS[name], *given])
    assert_valid(json.loads(capsysbinary.readouterr().out), name)


@pytest.mark.parametrize(("format", "loaded"), [("text", False), ("json", True)])
def test_msgspec_is_imported_where_json_is_written(
    format: str, loaded: bool, tmp_path: Path
) -> None:
    code = (
        "import sys; from tabbydoctor.cli.app import run; "
        f"run(['check', '--only', 'CFG001', '--dir', {str(tmp_path)!r}, '--format', {format!r}]); "
        "sys.exit('msgspec' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == loaded, done.stderr
