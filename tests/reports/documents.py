"""Documents against the schema that is generated from their models."""

from __future__ import annotations

import functools
from typing import Any

import jsonschema

from tabbydoctor.reports.schema import json_schema


def assert_valid(document: Any, name: str) -> None:
    """Raises jsonschema.ValidationError; `name` is the command's, or `error`."""
    _validator(name).validate(document)


@functools.cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    schema = {**json_schema(), "anyOf": [{"$ref": f"#/$defs/{name}"}]}
    return jsonschema.Draft202012Validator(schema)
