"""A program's expression, a list or a table: every string in it is judged.

Read token by token, without a grammar of any language, from where it begins to the comma, the
line end or the bracket that ends it.
"""

from __future__ import annotations

import re

from tabbydoctor.redaction import judged
from tabbydoctor.redaction.names import Strength, strength
from tabbydoctor.redaction.spans import TextSpan

_TOKEN = re.compile(
    r"(?P<string>[rRbBuUfF]{0,2}(?:\"|'|`)|\\{1,4}[\"'])|(?P<open>[\[({])|(?P<close>[\])}])"
    r"|(?P<line>\r?\n[ \t]*)|(?P<comment>\#[^\n]*|//[^\n]*)|(?P<end>[,;])|(?P<colon>:)"
    r"|(?P<word>[\w.@-]+)|(?P<blank>[ \t]+)|(?P<other>[\s\S])"
)
_GIVES_BACK = re.compile(
    r"(?i)(?:^|[._])(?:get|getenv|pop|setdefault|secretstr|field|option|argument|config|env|str"
    r"|b64decode|frozenset|set|tuple|list|dict|decode|encode|compare_digest)$"
)
"""Functions that give one of their arguments back."""
_NO_CALL = ("index", "list", "table", "group")
_LONGEST = 1 << 16
_BUILTIN = frozenset({"None", "True", "False", "null", "true", "false"})


def expression(text: str, at: int, how: Strength, kind: str) -> judged.JudgedValue:
    """What must go of the expression that begins there."""
    return _Reading(text, at, how, kind).value()


class _Reading:
    """One expression being read."""

    def __init__(self, text: str, at: int, how: Strength, kind: str) -> None:
        self.text = text
        self.at = at
        self.until = min(len(text), at + _LONGEST)
        self.strength = how
        self.kind = kind
        self.spans: list[TextSpan] = []
        self.brackets: list[str] = []
        """What each open bracket is: `index`, `list`, `table`, `group`, or the function called."""
        self.before = ""
        """The token before this one, blanks left out; of a string its text."""
        self.label = Strength.NONE
        """What the name right before says, of an argument or of an entry of a table."""

    def value(self) -> judged.JudgedValue:
        """Read to the end."""
        while self.at < self.until:
            token = _TOKEN.match(self.text, self.at)
            if token is None or not self._take(token):
                break
        return judged.JudgedValue(tuple(self.spans), self.at)

    def _take(self, token: re.Match[str]) -> bool:
        """Read one token; whether the expression goes on."""
        kind, word = token.lastgroup, token[0]
        if kind == "string":
            self._string()
            return True
        if kind in ("end", "line") and not self.brackets:
            return False
        if kind == "close":
            if not self.brackets:
                return False
            self.brackets.pop()
        elif kind == "open":
            self.brackets.append(self._bracket(word))
        elif kind == "word" and self._stands_alone():
            self._word(token)
            self.at = max(self.at, token.end())
            return True
        self.at = token.end()
        if word in ("=", ":"):
            self.label = strength(self.before.rstrip('"'))
        elif kind == "end":
            self.label = Strength.NONE
        if kind not in ("blank", "line", "comment"):
            self.before = word
        return True

    def _bracket(self, sign: str) -> str:
        called = self.before[-1:].isalnum() or self.before[-1:] in ("_", ")", "]")
        if sign == "[":
            return "index" if called else "list"
        if sign == "{":
            return "table"
        return self.before if called else "group"

    def _string(self) -> None:
        found = judged.literal(self.text, self.at)
        if found is None:
            self.at += 1
            return
        self.at, self.before = found.end, f'{self.text[found.start : found.stop]}"'
        if judged.is_scheme(self.text[found.start : found.stop]):
            self.label = Strength.SURE  # "Bearer " + "…"
        elif not self._names_something(found):
            self.spans += judged.secret(self.text, found.start, found.stop, self._strength())

    def _names_something(self, found: judged.WrittenLiteral) -> bool:
        """Whether a string is the key of a table, or an index."""
        inside = self.brackets[-1] if self.brackets else ""
        following = (
            self.text[judged.blanks(self.text, found.end) :][:1] if inside == "table" else ""
        )
        return inside == "index" or following == ":"

    def _strength(self) -> Strength:
        """Of what is handed to a function it is not known that it comes back."""
        calls = [one for one in self.brackets if one not in _NO_CALL]
        unknown = any(not _GIVES_BACK.search(one) for one in calls)
        return max(self.label, Strength.MAYBE if unknown else self.strength)

    def _stands_alone(self) -> bool:
        """Whether a bare word is a value, and no name: an element of a list of settings."""
        return self.kind != "source" and bool(self.brackets) and set(self.brackets) <= {"list"}

    def _word(self, token: re.Match[str]) -> None:
        found = judged.bare(self.text, self.at, self.strength, "settings", whole_line=False)
        self.before = token[0]
        if found and token[0] not in _BUILTIN:
            self.spans += found.spans
            self.at = found.end
