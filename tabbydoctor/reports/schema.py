"""The JSON Schema (draft 2020-12) of every document that tabbydoctor prints, from their models.

Fields may be added within a `schema_version`, so no object is closed.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

import msgspec
from msgspec import UNSET

from tabbydoctor.reports.documents.base import Document, DocumentPart
from tabbydoctor.reports.documents.catalogue import ExplainDocument, ListDocument
from tabbydoctor.reports.documents.check import CheckDocument, ErrorDocument
from tabbydoctor.reports.documents.config import ConfigDocument
from tabbydoctor.reports.documents.fix import FixDocument, HistoryDocument, UndoDocument
from tabbydoctor.reports.documents.merge import MergeDocument
from tabbydoctor.reports.documents.probe import ProbeDocument
from tabbydoctor.reports.documents.vram import VramDocument

Schema = dict[str, Any]

DOCUMENTS: Mapping[str, type[Document]] = {
    "check": CheckDocument,
    "fix": FixDocument,
    "config": ConfigDocument,
    "probe": ProbeDocument,
    "vram": VramDocument,
    "merge": MergeDocument,
    "list": ListDocument,
    "history": HistoryDocument,
    "undo": UndoDocument,
    "explain": ExplainDocument,
    "error": ErrorDocument,
}
"""The names under `$defs` of the documents themselves."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFS = "#/$defs/"
_REF = _DEFS + "{name}"
_VERSION = "The version of this shape: fields may be added within it, and never change in meaning."


def json_schema() -> Schema:
    """The schema of all documents; each is under `$defs` by the name of its command."""
    roots, parts = msgspec.json.schema_components(DOCUMENTS.values(), ref_template=_REF)
    models = {kind.__name__: kind for kind in _models()}
    named = {
        _name(name): _described(models[name], part) if name in models else part
        for name, part in parts.items()
    }
    for part in named.values():
        del part["title"]
    schema = {
        "$schema": _DIALECT,
        "title": "Machine output of tabbydoctor",
        "anyOf": list(roots),
        "$defs": named,
    }
    return cast("Schema", _referring(schema))


def _models(kind: type[DocumentPart] = DocumentPart) -> Iterator[type[DocumentPart]]:
    for below in kind.__subclasses__():
        yield below
        yield from _models(below)


def _described(model: type[DocumentPart], part: Schema) -> Schema:
    """A model's schema with what its fields mean, all of them required that are always written."""
    said = {"schema_version": _VERSION, **meanings(model)}
    properties = {name: dict(field) for name, field in part["properties"].items()}
    for name, field in properties.items():
        field.pop("default", None)
        if name in said:
            field["description"] = said[name]
    left_out = {field.name for field in msgspec.structs.fields(model) if field.default is UNSET}
    required = [name for name in properties if name not in left_out]
    return {**part, "properties": properties, "required": required}


def meanings(model: type[DocumentPart]) -> dict[str, str]:
    """What the fields of a model mean: the docstrings below them."""
    (definition,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in pairwise(definition.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


def _referring(schema: Any) -> Any:
    """The same with references by what models stand for, not by their own names."""
    if isinstance(schema, list):
        return [_referring(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{_DEFS}{_name(value.removeprefix(_DEFS))}" if key == "$ref" else _referring(value)
        for key, value in schema.items()
    }


def _name(model: str) -> str:
    """`FindingPart` -> `finding`, `CheckDocument` -> `check`."""
    return re.sub(r"(Part|Document)$", "", model).lower()
