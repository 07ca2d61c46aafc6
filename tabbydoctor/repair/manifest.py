"""A record's form on disk (`manifest.json`), read as what it may have become meanwhile.

ASCII: undecodable bytes in a path survive as lone surrogates (PEP 383).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tabbydoctor.redaction import redact
from tabbydoctor.repair.changes import DaemonReload, Enable, Reload, Restart, UnitAction
from tabbydoctor.repair.record import UNFINISHED, Record, Stage, StoredFile, StoredState

SCHEMA_VERSION = 1
LIMIT = 4 << 20
"""Bytes. A change of some hundred files is smaller."""
_CHECK = "sha256"
"""The key of the manifest's own sum. Version 0.1.0 wrote none at first."""
DIGEST = re.compile(r"[0-9a-f]{64}")
"""What the files with contents are called."""
_MODE = re.compile(r"[0-7]{4}")
_MOST_IDS = 0xFFFF_FFFE
"""The largest uid and gid; the next one means "leave it" (chown(2))."""


class UnreadableManifest(Exception):  # noqa: N818 - an answer, not an error
    """A manifest that this version cannot read; the message says why."""


def to_json(record: Record) -> str:
    """The manifest of a record."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "id": record.id,
        "made_at": record.made_at,
        "title": redact(record.title),
        "state": str(record.stage),
        "files": [
            {"path": file.path, "before": _state(file.before), "after": _state(file.after)}
            for file in record.files
        ],
        "directories": list(record.directories),
        "actions": [_action(action) for action in record.actions],
        "left": list(record.left),
        "notes": [redact(note) for note in record.notes],
    }
    return json.dumps({**document, _CHECK: _digest(document)}, indent=1) + "\n"


def _digest(document: Mapping[str, Any]) -> str:
    """Of all but itself: what is damaged may well be in order by its form."""
    text = json.dumps({**document, _CHECK: None}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _state(state: StoredState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    return {
        "sha256": state.digest,
        "mode": f"{state.mode:04o}",
        "uid": state.uid,
        "gid": state.gid,
        "xattrs": _encoded(state.xattrs),
        "labels": _encoded(state.labels),
    }


def _encoded(attributes: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in attributes.items()}


def _action(action: UnitAction) -> dict[str, Any]:
    unit = {} if isinstance(action, DaemonReload) else {"unit": action.unit}
    return {"action": action.kind, **unit, "user_manager": action.user_manager}


def from_json(content: bytes) -> Record:
    """The record of a manifest. Raises Unreadable for all that `to_json` never writes."""
    try:
        document = _mapping(json.loads(content.decode("ascii")))
        if document["schema_version"] != SCHEMA_VERSION:
            raise UnreadableManifest("it was made by another version of tabbydoctor")
        if _CHECK in document and document[_CHECK] != _digest(document):
            raise UnreadableManifest("its manifest is damaged (another sum)")
        return _record(document)
    except KeyError as error:
        raise UnreadableManifest(f"its manifest is damaged (no {error.args[0]})") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise UnreadableManifest(f"its manifest is damaged ({type(error).__name__})") from error


def suspected(content: bytes) -> tuple[str, ...] | None:
    """Of a manifest that cannot be read: the files that its change may be in the middle of.

    None: it is in the middle, and its files are not known. Without a word on how far it came and
    of which files, it is held for no change in progress: nothing could tell when it were over.
    """
    try:
        document = _mapping(json.loads(content.decode("ascii")))
    except (ValueError, TypeError, RecursionError):
        return ()
    stage = document.get("state")
    known = isinstance(stage, str) and stage in list(Stage)
    if known and stage not in UNFINISHED:
        return ()
    try:
        return tuple(_path(_mapping(file)["path"]) for file in _list(document["files"]))
    except (ValueError, TypeError, KeyError):
        return None if known else ()


def _record(document: Mapping[str, Any]) -> Record:
    files = tuple(_file(_mapping(file)) for file in _list(document["files"]))
    paths = [file.path for file in files]
    if len(set(paths)) < len(paths):
        raise ValueError("a file twice")
    return Record(
        id=_text(document["id"]),
        made_at=_text(document["made_at"]),
        title=_text(document["title"]),
        stage=Stage(_text(document["state"])),
        files=files,
        directories=tuple(_above(paths, one) for one in _list(document["directories"])),
        actions=tuple(_parsed_action(_mapping(action)) for action in _list(document["actions"])),
        left=tuple(map(_text, _list(document["left"]))),
        notes=tuple(map(_text, _list(document["notes"]))),
    )


def _file(document: Mapping[str, Any]) -> StoredFile:
    before, after = _parsed(document["before"]), _parsed(document["after"])
    if before is None and after is None:
        raise ValueError("a change of nothing")
    return StoredFile(_path(document["path"]), before, after)


def _parsed(value: object) -> StoredState | None:
    if value is None:
        return None
    document = _mapping(value)
    return StoredState(
        digest=_matching(DIGEST, document["sha256"]),
        mode=int(_matching(_MODE, document["mode"]), 8),
        uid=_id(document["uid"]),
        gid=_id(document["gid"]),
        xattrs=_decoded(document["xattrs"]),
        labels=_decoded(document["labels"]),
    )


def _decoded(value: object) -> dict[str, bytes]:
    attributes = _mapping(value)
    return {
        _system_text(name): base64.b64decode(_text(one), validate=True)
        for name, one in attributes.items()
    }


def _parsed_action(document: Mapping[str, Any]) -> UnitAction:
    manager = document["user_manager"]
    owner = None if manager is None else _system_text(manager)
    if document["action"] == DaemonReload.kind:
        return DaemonReload(owner)
    if document["action"] == Restart.kind:
        return Restart(_system_text(document["unit"]), owner)
    if document["action"] == Reload.kind:
        return Reload(_system_text(document["unit"]))
    if document["action"] == Enable.kind:
        return Enable(_system_text(document["unit"]))
    raise ValueError("an unknown action")


def _above(paths: Iterable[str], value: object) -> str:
    """A directory that was made for one of the files."""
    directory = _path(value)
    if not any(path.startswith(f"{directory}/") for path in paths):
        raise ValueError("a directory of none of its files")
    return directory


def _path(value: object) -> str:
    path = _system_text(value)
    if not os.path.isabs(path) or os.path.normpath(path) != path or path.strip("/") == "":
        raise ValueError("no absolute, plain path")
    return path


def _system_text(value: object) -> str:
    """A name that the kernel can be given: no NUL, no surrogate that stands for no byte."""
    text = _text(value)
    if not text or b"\0" in os.fsencode(text):
        raise ValueError("no name")
    return text


def _matching(pattern: re.Pattern[str], value: object) -> str:
    text = _text(value)
    if pattern.fullmatch(text) is None:
        raise ValueError("another form")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _id(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("no whole number")
    if not 0 <= value <= _MOST_IDS:
        raise ValueError("no id of an account")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no mapping")
    return value
