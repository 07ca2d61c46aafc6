"""The JSON Schema (draft 2020-12) of every document that tabbydoctor prints.

Fields may be added within a `schema_version`, so no object is closed.
"""

from __future__ import annotations

from typing import Any

from tabbydoctor.diagnosis.finding import Safety, Severity
from tabbydoctor.diagnosis.report import STATUSES
from tabbydoctor.reports.json_report import SCHEMA_VERSION

Schema = dict[str, Any]

DOCUMENTS = ("check", "fix", "config", "probe", "list", "history", "explain", "error")
"""The names under `$defs` of the documents themselves."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_STRING: Schema = {"type": "string"}
_OPTIONAL_STRING: Schema = {"type": ["string", "null"]}
_BOOLEAN: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ID: Schema = {"type": "string", "minLength": 1}
_ANY: Schema = {}


def json_schema() -> Schema:
    """The schema of all documents; each is under `$defs` by the name of its command."""
    return {
        "$schema": _DIALECT,
        "title": "Machine output of tabbydoctor",
        "anyOf": [_ref(name) for name in DOCUMENTS],
        "$defs": {**_parts(), **_check_documents(), **_other_documents()},
    }


def _parts() -> dict[str, Schema]:
    return {
        "evidence": _object({"source": _STRING}, {"expected": _STRING, "actual": _STRING}),
        "remedy": _object(
            {"title": _STRING, "safety": {"enum": list(Safety)}, "commands": _list(_STRING)},
            {"nix": _list(_STRING)},
        ),
        "severity": {"enum": list(Severity)},
        "finding": _object(
            {
                "id": _ID,
                "severity": _ref("severity"),
                "title": _STRING,
                "detail": _STRING,
                "evidence": _list(_ref("evidence")),
                "caused_by": _list(_ID),
                "remedies": _list(_ref("remedy")),
            }
        ),
        "result": _object(
            {
                "id": _ID,
                "name": _STRING,
                "category": _STRING,
                "status": {"enum": list(STATUSES)},
                "reason": _OPTIONAL_STRING,
                "duration_ms": _COUNT,
                "findings": _list(_ref("finding")),
            }
        ),
        "deployment": _object(
            {
                "dir": _OPTIONAL_STRING,
                "config_files": _list(_STRING),
                "tokens_file": _OPTIONAL_STRING,
                "unit": _OPTIONAL_STRING,
                "user": _OPTIONAL_STRING,
                "url": _OPTIONAL_STRING,
                "router": {"anyOf": [_ref("router"), {"type": "null"}]},
            }
        ),
        "router": _object(
            {"path": _OPTIONAL_STRING, "unit": _OPTIONAL_STRING, "kind": _OPTIONAL_STRING}
        ),
        "root": _object({"root": _ID, "explains": _list(_ID), "summary": _STRING}),
    }


def _check_documents() -> dict[str, Schema]:
    return {
        "check": _document(
            {
                "tabbydoctor": _STRING,
                "started_at": {"type": "string", "format": "date-time"},
                "duration_ms": _COUNT,
                "deployment": _ref("deployment"),
                "checks": _list(_ref("result")),
                "diagnosis": _list(_ref("root")),
                "summary": _object(dict.fromkeys(STATUSES, _COUNT)),
                "exit_code": _exit_code(0, 1),
            }
        ),
        "error": _document(
            {
                "error": _object({"message": _STRING, "hint": _OPTIONAL_STRING}),
                "exit_code": {"type": "integer", "minimum": 1},
            }
        ),
        "explain": _document(
            {
                "id": _ID,
                "name": _STRING,
                "category": _STRING,
                "severity": _ref("severity"),
                "caused_by": _list(_ID),
                "causes": _list(_ID),
                "page": _STRING,
            }
        ),
        "list": _document(
            {
                "checks": _list(
                    _object(
                        {
                            "id": _ID,
                            "name": _STRING,
                            "category": _STRING,
                            "severity": _ref("severity"),
                            "summary": _STRING,
                            "plugin": _OPTIONAL_STRING,
                        }
                    )
                )
            }
        ),
    }


def _other_documents() -> dict[str, Schema]:
    change = {"id": _OPTIONAL_STRING, "target": _STRING, "kind": _STRING, "diff": _STRING}
    overridden = _object({"source": _STRING, "value": _ANY})
    setting = {"name": _STRING, "value": _ANY, "source": _STRING, "overrides": _list(overridden)}
    ignored = {"name": _STRING, "source": _STRING, "reason": _STRING}
    answer = {"path": _STRING, "credential": _STRING, "status": {"type": ["integer", "null"]}}
    recorded = {"id": _STRING, "made_at": _STRING, "state": _STRING, "targets": _list(_STRING)}
    return {
        "fix": _document(
            {
                "changes": _list(_object(change)),
                "applied": _BOOLEAN,
                "verified": {"type": ["boolean", "null"]},
                "rolled_back": _BOOLEAN,
                "remaining": _list(_ID),
                "exit_code": _exit_code(0, 1, 2, 3),
            }
        ),
        "config": _document(
            {
                "files": _list(_STRING),
                "settings": _list(_object(setting)),
                "ignored": _list(_object(ignored)),
            }
        ),
        "probe": _document({"url": _STRING, "answers": _list(_object(answer))}),
        "history": _document({"history": _list(_object(recorded))}),
    }


def _document(fields: dict[str, Schema]) -> Schema:
    return _object({"schema_version": {"const": SCHEMA_VERSION}, **fields})


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _exit_code(*codes: int) -> Schema:
    return {"enum": list(codes)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
