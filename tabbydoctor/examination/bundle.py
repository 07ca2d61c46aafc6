"""A bundle: every answer that the Host gave to a check, without secrets, to be judged elsewhere.

A tar of two files: `manifest.json` says what it is of and what was taken out of it, `answers.jsonl`
has an answer a line. Nothing of a bundle is ever written to disk where it is read.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from typing import Any, cast

from tabbydoctor import __version__
from tabbydoctor.host.recording import Recorded, ReplayedHost
from tabbydoctor.redaction import holds_remembered, remember_named, with_stand_ins
from tabbydoctor.redaction.named import TextKind
from tabbydoctor.redaction.standins import StandIns
from tabbydoctor.targets import Targets

SCHEMA_VERSION = 1
MANIFEST, ANSWERS = "manifest.json", "answers.jsonl"
LARGEST = 256 << 20
"""Bytes of a bundle, unpacked."""
_PROGRAMS = (".py", ".js", ".ts", ".go", ".lua", ".nix")
_DATA = {"read": "data", "get": "body", "ask_engine": "body"}
"""Call -> the field of its answer that holds bytes."""
_TEXTS = ("stdout", "stderr", "detail")
_VARIABLES = ("environment", "headers")
_ID = re.compile(r"(?<![\w-])[0-9a-f]{32,64}(?![\w-])")
"""Of a run of a unit, a machine, a container: it may look like a key, and is asked for by name."""
_WITHHELD = {"errno": 61, "filename": "withheld from the bundle"}


class NoBundle(ValueError):  # noqa: N818 - an answer for the operator
    """Why a file is no bundle that is judged."""


def pack(answers: list[Recorded], targets: Targets, host: str, made_at: str) -> bytes:
    """The bundle of what was answered. Secrets have become stand-ins (`redaction.standins`)."""
    for name, value in _variables(answers):
        remember_named(name, value)
    cleaner = _Cleaner(StandIns(os.urandom(32)))
    lines = [*map(cleaner.asked_alike, [cleaner.line(one) for one in answers])]
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "tabbydoctor": __version__,
        "host": host,
        "made_at": made_at,
        "targets": cleaner.path(
            {name: value for name, value in asdict(targets).items() if name != "given_by"}
        ),
        "answers": len(lines),
        "redacted": [{"where": w, "secrets": n} for w, n in sorted(cleaner.redacted.items())],
        "withheld": sorted(cleaner.withheld),
    }
    members = {
        MANIFEST: json.dumps(manifest, indent=1) + "\n",
        ANSWERS: "".join(f"{line}\n" for line in lines),
    }
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def unpack(path: str) -> tuple[ReplayedHost, Targets]:
    """The host that answers as the recorded one did, and what was named then. Raises NoBundle,
    OSError.
    """
    with open(path, "rb") as file:
        try:
            members = dict(_members(file))
            manifest = json.loads(members[MANIFEST])
            if manifest["schema_version"] != SCHEMA_VERSION:
                raise NoBundle(f"it is of schema_version {manifest['schema_version']!r:.20}")
            named = manifest["targets"]
            targets = Targets(
                **{one.name: _text(named.get(one.name)) for one in fields(Targets)
                   if one.name != "given_by"}  # type: ignore[arg-type]
            )  # fmt: skip
            return ReplayedHost(map(json.loads, members[ANSWERS].splitlines())), targets
        except NoBundle:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise NoBundle(f"it is no bundle: {error!s:.200}") from error
        except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
            raise NoBundle(f"it is no bundle: {error}") from error


class _Bounded(io.RawIOBase):
    """A stream that ends in NoBundle where it is larger than a bundle may be."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = LARGEST

    def read(self, size: int = -1) -> bytes:
        wanted = min(size, self._left + 1) if size >= 0 else self._left + 1
        content = cast("bytes", self._stream.read(wanted))
        self._left -= len(content)
        if self._left < 0:
            raise NoBundle(f"it is larger than {LARGEST >> 20} MiB unpacked")
        return content


def _members(file: Any) -> Iterator[tuple[str, bytes]]:
    import zlib

    try:
        with tarfile.open(fileobj=_Bounded(gzip.GzipFile(fileobj=file)), mode="r|") as tar:
            for member in tar:
                if member.name not in (MANIFEST, ANSWERS) or not member.isreg():
                    raise NoBundle(f"it has {member.name!r:.60}, which no bundle has")
                content = tar.extractfile(member)
                yield member.name, content.read() if content else b""
    except zlib.error as error:
        raise NoBundle(f"it is damaged: {error}") from error


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value and "\0" not in value):
        return value
    raise NoBundle("its targets are no names")


def _variables(answers: list[Recorded]) -> Iterator[tuple[str, str]]:
    """Every variable of every environment: its name may say that its value is a secret."""
    for one in answers:
        answer: Any = one.get("answer")
        if one["call"] == "environment" and answer:
            yield from answer.items()
        elif one["call"] == "processes":
            for process in answer or ():
                yield from (process["environment"] or {}).items()


class _Cleaner:
    """Replaces secrets, and counts where."""

    def __init__(self, stand_ins: StandIns) -> None:
        self._stand_ins = stand_ins
        self._where = ""
        self.redacted: Counter[str] = Counter()
        self.withheld: set[str] = set()
        self._replaced_ids: set[str] = set()
        self._without: set[str] = set()
        """Names that hold no secret: most stand in many answers."""

    def line(self, one: Recorded) -> str:
        """One answer as a line; one that still held a secret is withheld."""
        first = next(iter(one["arguments"]), "")
        self._where = str(self.path(f"{one['call']} {first}".strip()))
        clean: dict[str, Any] = {
            "call": one["call"],
            **{name: self.path(one[name]) for name in ("arguments", "error", "peers")
               if name in one},
        }  # fmt: skip
        if "answer" in one:
            clean["answer"] = self._answer(one)
        text = json.dumps(clean)
        if holds_remembered(text):
            self.withheld.add(self._where if not holds_remembered(self._where) else one["call"])
            return json.dumps({"call": one["call"], "arguments": ["withheld"], "error": _WITHHELD})
        return text

    def asked_alike(self, line: str) -> str:
        """A line whose ids are those of the answers: what a text told is asked for elsewhere."""
        return _ID.sub(
            lambda id: self._stand_ins.of(id[0]) if id[0] in self._replaced_ids else id[0], line
        )

    def path(self, value: Any) -> Any:
        """What names something: only what is known to be a secret is one in it."""
        return self._walk(value, lambda text: self._replaced(text, None))

    def _answer(self, one: Recorded) -> Any:
        answer, field = one["answer"], _DATA.get(one["call"])
        if not isinstance(answer, dict):
            return [self._process(each) for each in answer] if one["call"] == "processes" else (
                self.path(answer)
            )  # fmt: skip
        if one["call"] == "environment":
            return self._environment(answer)
        clean: dict[str, Any] = {}
        for name, value in answer.items():
            if name == field:
                clean[name] = self._bytes(value, str(one["arguments"][0]))
            elif name in _TEXTS:
                clean[name] = self._replaced(value, "text")
            elif name in _VARIABLES and isinstance(value, dict):
                clean[name] = self._environment(value)
            else:
                clean[name] = self.path(value)
        return clean

    def _process(self, process: dict[str, Any]) -> dict[str, Any]:
        line = " ".join(process["argv"])
        clean, argv, at = self._replaced(line, "text"), [], 0
        for word in process["argv"]:
            argv.append(clean[at : at + len(word)])
            at += len(word) + 1
        variables = process["environment"]
        return {
            **self.path({name: value for name, value in process.items() if name != "environment"}),
            "argv": argv,
            "environment": None if variables is None else self._environment(variables),
        }

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        """Each value judged behind its name."""
        return {
            self._replaced(name, None): self._replaced(f"{name}={value}", "settings")[
                len(name) + 1 :
            ]
            for name, value in variables.items()
        }

    def _bytes(self, encoded: str, path: str) -> str:
        text = base64.b64decode(encoded).decode("utf-8", "surrogateescape")
        kind: TextKind = "settings"
        if path.endswith(_PROGRAMS) or text.startswith("#!"):
            kind = "source"
        elif path.endswith((".log", ".txt")) or path.startswith(("http://", "https://")):
            kind = "text"
        clean = self._replaced(text, kind).encode("utf-8", "surrogateescape")
        return base64.b64encode(clean).decode()

    def _replaced(self, text: str, kind: TextKind | None) -> str:
        def stand_in(secret: str) -> str:
            self.redacted[self._where] += 1
            if _ID.fullmatch(secret):
                self._replaced_ids.add(secret)
            return self._stand_ins.of(secret)

        if not text or (kind is None and text in self._without):
            return text
        clean = with_stand_ins(text, kind, stand_in)
        if kind is None and clean == text:
            self._without.add(text)
        return clean

    def _walk(self, value: Any, change: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, dict):
            return {change(key): self._walk(inner, change) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._walk(inner, change) for inner in value]
        return value
