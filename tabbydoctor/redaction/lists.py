"""Values on the lines below a name, further in: YAML's lists, tables and block scalars."""

from __future__ import annotations

import re

from tabbydoctor.redaction import judged
from tabbydoctor.redaction.names import Strength
from tabbydoctor.redaction.spans import TextSpan

_REST_OF_LINE = re.compile(r"[ \t]{0,80}(?P<block>[|>][-+0-9]{0,2})?(?:[ \t]+#[^\n]*)?\r?(?=\n)")
_LINE = re.compile(r"\r?\n(?P<indent>[ \t]*)(?P<text>[^\r\n]*)")
_ITEM = re.compile(r"(?P<dash>-[ \t]+)(?:&\w+[ \t]+)?(?P<name>[\w.-]{1,64}:[ \t]+)?")
_ENTRY = re.compile(r"[\"']?[\w.@-]{1,64}[\"']?:[ \t]+(?=[^\s|>&*!\[{])")
_LONGEST = 1 << 18
_COMMENTS = 16
"""Lines between a name and the first of its values."""


def below(text: str, at: int, name: int, strength: Strength) -> judged.JudgedValue | None:
    """What must go of the lines below a name; None where its value is on its own line.

    `at` is behind the sign, `name` where the name begins.
    """
    rest = _REST_OF_LINE.match(text, at)
    if rest is None:
        return None
    outer = _indent(text, name)
    spans: list[TextSpan] = []
    at, found = rest.end(), False
    passed_over = 0
    for line in _LINE.finditer(text, at, at + _LONGEST):
        content = line["text"]
        if not content.strip() or content.startswith("#"):
            passed_over += 1
            if passed_over > _COMMENTS and not found:
                break
            continue
        depth = len(line["indent"])
        if depth < outer or (depth == outer and not content.startswith("- ")):
            break
        spans += _of_line(text, line, strength, block=bool(rest["block"]))
        at, found = line.end(), True
    return judged.JudgedValue(tuple(spans), at) if found else None


def _indent(text: str, name: int) -> int:
    """How far in the line of a name begins; a list's dash counts as its indentation."""
    start = text.rfind("\n", max(0, name - 256), name) + 1
    before = text[start:name]
    return len(before) if not before.strip(" \t-\"'") else len(before) - len(before.lstrip())


def _of_line(
    text: str, line: re.Match[str], strength: Strength, *, block: bool
) -> tuple[TextSpan, ...]:
    start = line.start("text")
    item = _ITEM.match(text, start, line.end())
    entry = None if item else _ENTRY.match(text, start, line.end())
    if block:
        return tuple(judged.secret(text, start, line.end("text"), strength))
    if item:
        start, how = item.end(), Strength.MAYBE if item["name"] else strength
    elif entry:
        start, how = entry.end(), Strength.MAYBE
    elif line["text"].startswith(('"', "'")):
        how = strength
    else:
        return ()
    if text[start : start + 1] in ('"', "'"):
        return judged.quoted(text, start, how).spans
    found = judged.bare(text, start, how, "settings", whole_line=True)
    return found.spans if found else ()
