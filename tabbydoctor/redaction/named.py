"""Values that are secret going by their name, in any of the ways in which a value is given.

A name is followed by a sign and a value (`api_key: …`, `"token": "…"`, `x_key = get("…", "…")`),
by a list of them, or by the value alone (`--api-key …`, `bad token …`). The text is read once:
a name inside what was read as a value is passed over unless it says more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from tabbydoctor.records import dataclass
from tabbydoctor.redaction import judged
from tabbydoctor.redaction.expression import expression
from tabbydoctor.redaction.lists import below
from tabbydoctor.redaction.names import CANDIDATE, Strength, strength
from tabbydoctor.redaction.paths import in_path
from tabbydoctor.redaction.spans import TextSpan

TextKind = Literal["text", "settings", "source"]
"""Prose and logs; files of settings, where a bare word is a value; programs, where it is none."""

_RUN = re.compile(r"[\w-]*")
_AHEAD = re.compile(r"([A-Za-z]+)[ \t]\Z")
_SIGN = re.compile(
    r"(?P<quote>\\{0,4}[\"'`])?(?P<index>[ ]?\])?[ \t]{0,80}(?P<sign>:=|=>|===?|!==?|\|\|=?|\?\?=?"
    r"|[?+|:]?=(?!=)|:(?!:)|,|(?:not )?in(?=\s?[\[({])|or(?=[ ][rbuf]?[\"']))?"
)
_PAIRED = re.compile(r"[\"']?,?\s{1,80}[\"']?value[\"']?[ ]?[:=][ ]?|[\"'],[\"']value[\"']:")
"""`name: API_KEY` and below it `value: X`."""
_GIVING = re.compile(
    r"(?:get|getenv|setdefault|pop|putenv|setenv|header|env|environ|add|set|append|insert|secret|str"
    r"|config|argument|option)"
    r"\s?\(\s{0,40}\Z",
    re.IGNORECASE,
)
_WORDS_BETWEEN = re.compile(
    r"(?:[ \t]{1,8}(?:is|are|was|were|of|value|given|named|set|to|provided|supplied|received"
    r"|sent)\b|[ \t]{0,8}[:=])*"
)
_BY_KEYWORD = re.compile(r"[^()]{0,300}?\b(?:default|value|fallback|const)\s{0,8}=\s{0,8}")
_LAST_WORD = re.compile(r"[^\s{}\"']+[ \t]*;?[ \t]*\r?$", re.MULTILINE)
_LEAD = re.compile(
    r"[ \t]*(?:-[ \t]+)*(?:export[ \t]+|set[ \t]+|Environment[ \t]*=[ \t]*)?[\"']?\Z"
)
_LINE = 256
"""Characters before a name that are looked at."""


@dataclass(frozen=True, slots=True)
class SecretName:
    """A name that may be a secret's, and where it stands."""

    text: str
    start: int
    end: int
    strength: Strength


def named(text: str, kind: TextKind) -> Iterator[TextSpan]:
    """Where a value stands that goes by the name of a secret."""
    read = {Strength.MAYBE: 0, Strength.SURE: 0}  # up to where, for each strength
    for name in _names(text):
        if name.start < read[name.strength]:
            continue
        value = _value(text, name, kind)
        yield from value.spans
        for weaker in (Strength.MAYBE, Strength.SURE):
            if weaker <= name.strength:
                read[weaker] = max(read[weaker], value.end)


def _names(text: str) -> Iterator[SecretName]:
    last = 0
    for found in CANDIDATE.finditer(text):
        if found.start() < last:
            continue
        start, end = _run(text, found.start(), found.end(), last)
        last = end
        if text[start - 1 : start] == "/" or in_path(text, start):
            continue
        word = text[start:end]
        ahead = _AHEAD.search(text[max(0, start - 16) : start])
        how = strength(word.strip("-"), ahead[1] if ahead and "-" not in word else "")
        if how is not Strength.NONE:
            yield SecretName(word, start, end, how)


def _run(text: str, start: int, end: int, last: int) -> TextSpan:
    """The whole word around a part of it, not before `last`."""
    first = max(last, start - _LINE)
    while start > first and (text[start - 1] in "_-" or text[start - 1].isalnum()):
        start -= 1
    after = _RUN.match(text, end)
    return start, (after.end() if after else end)


def _value(text: str, name: SecretName, kind: TextKind) -> judged.JudgedValue:
    """What follows a name."""
    paired = _PAIRED.match(text, name.end)
    if paired:
        at = paired.end()
        bare = judged.bare(text, at, name.strength, "settings", whole_line=False)
        return bare or judged.quoted(text, at, name.strength)
    sign = _SIGN.match(text, name.end)
    at = sign.end() if sign else name.end
    if sign is None or not sign["sign"]:
        if sign and sign["quote"]:
            return judged.quoted(text, at, Strength.MAYBE)
        return _without_sign(text, name, kind, at)
    if sign["sign"] == ",":
        return _handed_over(text, name, at, in_quotes=bool(sign["quote"]))
    listed = below(text, at, name.start, name.strength) if sign["sign"] in (":", "=") else None
    if listed:
        return listed
    at = judged.gap(text, at) if sign["quote"] or kind == "source" else judged.blanks(text, at)
    if kind != "source" or _in_string(text, name):
        whole = kind == "settings" and _leads(text, name)
        bare = judged.bare(text, at, name.strength, kind, whole_line=whole)
        if bare:
            return bare
    return expression(text, at, name.strength, kind)


def _handed_over(text: str, name: SecretName, at: int, *, in_quotes: bool) -> judged.JudgedValue:
    """`get("…_KEY", "X")`, `"--api-key", "X"`, `("Authorization", "X")`: what follows in a row.

    A header and its value are a pair; other names in a row are just names.
    """
    before = text[max(0, name.start - 60) : name.start - 1]
    given = (
        in_quotes and (name.text.startswith("--") or _GIVING.search(before) is not None)
    ) or before.endswith("compare_digest")
    at = judged.gap(text, at)
    how = name.strength if given else Strength.MAYBE
    keyword = _BY_KEYWORD.match(text, at) if given else None
    if keyword:
        return judged.quoted(text, keyword.end(), how)
    value = judged.quoted(text, at, how)
    header = name.text.lower() in ("authorization", "x-api-key", "x-admin-key", "api-key")
    if header and text[value.end : value.end + 1] in (")", "]"):
        return judged.quoted(text, at, name.strength)
    return value


def _without_sign(text: str, name: SecretName, kind: TextKind, at: int) -> judged.JudgedValue:
    """`--api-key X`, `proxy_set_header Authorization "X"`, `bad token X`, `the key is X`."""
    between = _WORDS_BETWEEN.match(text, name.end)
    signed = between is not None and between[0][-1:] in (":", "=")
    if between and between[0]:
        at = judged.blanks(text, between.end())
    commented, in_string = _commented(text, name), _in_string(text, name)
    if at == name.end or (kind == "source" and not in_string and not commented):
        return judged.JudgedValue((), name.end)
    in_quotes = text[at : at + 1] in ('"', "'", "\\")
    sure = signed or (
        not commented
        and (
            (kind != "text" and name.text.startswith("-"))
            or (kind == "settings" and (in_quotes or "-" in name.text))
            or (kind == "settings" and _LAST_WORD.match(text, at, at + _LINE) is not None)
        )
    )
    how = name.strength if sure else Strength.MAYBE
    if in_quotes:
        return judged.quoted(text, at, how)
    return judged.bare(text, at, how, kind, whole_line=False) or judged.JudgedValue((), at)


def _leads(text: str, name: SecretName) -> bool:
    """Whether a line begins with the name."""
    before = text[max(0, name.start - _LINE) : name.start]
    return _LEAD.fullmatch(before.rpartition("\n")[2]) is not None


def _in_string(text: str, name: SecretName) -> bool:
    """Whether the name stands among other words in a string of its line."""
    line = text[max(0, name.start - _LINE) : name.start].rpartition("\n")[2]
    if text[name.end : name.end + 1] in ('"', "'") and line[-1:] == text[name.end : name.end + 1]:
        return False
    return line.count('"') % 2 == 1 or line.count("'") % 2 == 1


def _commented(text: str, name: SecretName) -> bool:
    return "#" in text[max(0, name.start - _LINE) : name.start].rpartition("\n")[2]
