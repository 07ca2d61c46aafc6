"""What all documents have in common, and how a model becomes plain data."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tabbydoctor.redaction import Redacted

SCHEMA_VERSION = 1

Count = Annotated[int, msgspec.Meta(ge=0)]
Identifier = Annotated[str, msgspec.Meta(min_length=1)]
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class DocumentPart(msgspec.Struct, kw_only=True):
    """A part of a document. A field that may be UNSET is left out where it is; no other is."""


class Document(DocumentPart, tag_field="schema_version", tag=SCHEMA_VERSION):
    """A document: its first field is the version of its shape."""


def plain(document: Document) -> dict[str, Any]:
    """The document as mappings, lists and scalars, its fields in their order; what is redacted
    already stays known as such.
    """
    fields: dict[str, Any] = msgspec.to_builtins(document, builtin_types=[Redacted], enc_hook=str)
    return fields
