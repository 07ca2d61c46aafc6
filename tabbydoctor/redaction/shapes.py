"""What is a secret going by its shape alone, or by the words right before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.redaction.paths import in_path
from tabbydoctor.redaction.spans import MARK, TextSpan
from tabbydoctor.redaction.values import is_innocent, is_random

# What follows a mark is the rest of a word that has gone: no word of its own.
_ALONE = r"(?<!\[redacted\])(?<![0-9A-Za-z_/.+-])"
_END = r"(?![0-9A-Za-z_/+-]|\.[0-9A-Za-z]|\[redacted\])"
_KNOWN = re.compile(
    rf"{_ALONE}(?:"
    r"(?:sk|gsk|rk|pk|nvapi|pypi|glpat|dop|shpat|xai|fw|pplx)[-_][A-Za-z0-9_-]{16,}"
    r"|(?:hf|gh[pousr]|npm|r8|jina|tvly|figd)_[A-Za-z0-9]{16,}|github_pat_\w{16,}"
    r"|xox[abposr]-[A-Za-z0-9-]{10,}|A(?:KIA|SIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
    r")"
)
"""Keys of well-known services, and JSON web tokens."""
_GENERATED = re.compile(
    r"(?<!\[redacted\])(?<![0-9A-Za-z/])(?<!cmpl-)(?<!md5:)[0-9a-f]{32}"
    r"(?![0-9A-Za-z/]|\.[0-9A-Za-z]|\[redacted\])"
)
"""The 32 hex digits that TabbyAPI generates."""
_RUN = re.compile(rf"{_ALONE}[A-Za-z0-9]{{24,}}={{0,2}}{_END}")
_SCHEME = re.compile(
    r"(?i)(?<![\w-])(?:bearer|basic)[ \t]+(?P<secret>(?![<$…{\[%])[^\s\"'`,;{}\])\\]{3,})"
)
_AFTER_SCHEME = re.compile(
    r"(?i)(?:auth\w*|token|key|header|scheme|credential|prefix|setting|usage|support|mode|config"
    r"\w*|check)s?[.:]*|and|or|is|was|with|without|to|in|of|the|for|from|as|by|a|an|api|that|not"
)
_PRINTED = re.compile(r"(?i)(?<!\w)your (?:api|admin) keys? (?:is|are):[ \t]*(?P<secret>[^\s].*)")
"""TabbyAPI prints its keys at startup."""
_USER = re.compile(r"://(?P<name>[^\s/:@\"'<>\[\]]{0,256})(?::(?P<secret>[^\s/@\"'<>]{1,512}))?@")
_PARAMETER = re.compile(
    r"[?&](?:key|sig|signature|code|auth|k|access|pass)=(?P<secret>[^\s&#\"'<>;,)]{8,1024})"
)
_OF_CURL = re.compile(
    r"(?<!\S)(?:-u|--user|--proxy-user|stats auth)[ =]?[\"']?[\w.@-]{1,64}:"
    r"(?P<secret>[^\s\"'/]{3,256})"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?P<secret>[^-]{16,})")


def shaped(text: str) -> Iterator[TextSpan]:
    """Where something stands that has the shape of a secret."""
    for pattern, fits in ((_KNOWN, _any), (_GENERATED, _any), (_RUN, is_random)):
        for found in pattern.finditer(text):
            if fits(found[0]) and not is_innocent(found[0]) and not in_path(text, found.start()):
                yield found.span()
    for pattern in (_PRINTED, _OF_CURL, _PRIVATE_KEY):
        yield from (found.span("secret") for found in pattern.finditer(text))
    for pattern in (_SCHEME, _PARAMETER):
        for found in pattern.finditer(text):
            secret = found["secret"]
            if not is_innocent(secret) and not _AFTER_SCHEME.fullmatch(secret[:64]):
                yield found.span("secret")
    yield from _of_urls(text)


def _any(_: str) -> bool:
    return True


def _of_urls(text: str) -> Iterator[TextSpan]:
    """A password in a URL, or what stands in its place alone."""
    for found in _USER.finditer(text):
        secret = found["secret"]
        if secret and not is_innocent(secret) and MARK not in secret:
            yield found.span("secret")
        elif not secret and len(found["name"]) >= 16:
            yield found.span("name")
