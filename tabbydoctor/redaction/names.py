"""What a name says of its value: that it is a secret, that it may be one, or neither."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

CANDIDATE = re.compile(
    r"(?i)key|token|secret|passw|passphrase|pwd|credential|authori[sz]ation|bearer|cookie"
    r"|auth|pass\b|signature|requirepass"
)
"""What every name of a secret holds."""
_LONGEST = 128
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SURE = frozenset({
    "password", "passwd", "passphrase", "passwords", "apikey", "apikeys", "secret", "secrets",
    "credential", "credentials", "authorization", "bearer", "pwd", "requirepass", "authtoken",
    "accesstoken", "apitoken", "secretkey", "accesskey", "adminkey", "authkey", "masterkey",
    "privatekey",
})  # fmt: skip
_SURE_ENDS = ("password", "passwd", "apikey", "secretkey", "accesskey", "authtoken", "apitoken")
_OF_A_KEY = frozenset({
    "api", "admin", "access", "auth", "private", "secret", "master", "signing", "signature",
    "encryption", "service", "account", "license", "bot", "app", "deploy", "webhook", "client",
    "server", "shared", "session", "router", "tabby", "tabbyapi",
})  # fmt: skip
"""Before `key` or `token`: it is one that opens something."""
_ABOUT = frozenset({
    "path", "paths", "file", "files", "filename", "dir", "directory", "folder", "url", "uri",
    "urls", "endpoint", "header", "headers", "name", "names", "port", "host", "id", "ids",
    "count", "counts", "limit", "limits", "length", "len", "type", "types", "size", "sizes",
    "max", "min", "ttl", "expiry", "expires", "expired", "env", "environ", "variable", "var",
    "usage", "budget", "rate", "per", "format", "algorithm", "prefix", "suffix", "field",
    "column", "index", "error", "errors", "missing", "invalid", "required", "enabled", "disabled",
    "check", "source", "position", "positions", "map", "mapping", "mode", "policy", "method",
    "handler", "validator", "manager", "provider", "class", "func", "function", "hint", "help",
    "message", "prompt", "label", "title", "description", "pattern", "regex", "schema", "version",
    "scheme", "hash", "digest", "parser", "reader", "loader", "store", "storage",
    "time", "timeout", "date", "age", "scope", "scopes", "realm", "differs", "leaks", "rejected",
    "exposed", "readable", "denied", "unset", "location", "ref", "needed", "holder",
    "kind", "used",
})  # fmt: skip
"""As the last word: the value says something about a secret, and is none."""
_ORDINARY_KEY = frozenset({
    "primary", "foreign", "sort", "cache", "public", "partition", "hot", "shortcut", "dict",
    "map", "config", "object", "unknown", "duplicate", "model", "group", "row", "column", "index",
    "lookup", "registry", "arrow", "function", "press", "same", "missing", "this", "no", "any",
    "each", "every", "one", "first", "last", "next", "other", "nested", "section",
})  # fmt: skip
_ORDINARY_TOKEN = frozenset({
    "max", "min", "num", "total", "stop", "special", "banned", "prompt", "completion", "input",
    "output", "new", "context", "bos", "eos", "pad", "unk", "think", "start", "end", "mask",
    "image", "per", "next", "last", "first", "generated", "reserved", "cached", "reasoning",
    "extra", "added", "draft", "unexpected",
})  # fmt: skip
_TAILS = frozenset({
    "prod", "dev", "test", "staging", "old", "new", "value", "values", "default", "primary",
    "secondary", "backup", "current", "previous", "str", "string", "text", "literal", "plain",
    "raw", "b64", "base64", "list", "override", "v",
})  # fmt: skip
"""After the name of a secret: it is one all the same."""


class Strength(IntEnum):
    """How much a name says."""

    NONE = 0
    MAYBE = 1
    """A value that looks like a secret is one."""
    SURE = 2
    """A value is a secret unless it plainly is none."""


@lru_cache(maxsize=4096)
def strength(name: str, before: str = "") -> Strength:
    """What a name says; `before` is the word that stands before it in prose."""
    if len(name) > _LONGEST:
        return Strength.NONE
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _TAILS):
        words.pop()
    if not words or words[-1] in _ABOUT:
        return Strength.NONE
    if _sure(words):
        return Strength.SURE
    ahead = words[-2] if len(words) > 1 else before.lower()
    shouted = len(words) > 1 and name.upper() == name
    if words[-1] in ("token", "tokens"):
        return _of_token(words, ahead, shouted)
    if words[-1] in ("key", "keys"):
        return _of_key(words, ahead, shouted)
    maybe = {"auth", "cookie", "cookies", "signature", "sig", "pass", "authentication", "jwt"}
    return Strength.MAYBE if words[-1] in maybe else Strength.NONE


def _sure(words: list[str]) -> bool:
    return (
        any(word in _SURE or word.endswith(_SURE_ENDS) for word in words)
        or any(two in ("key", "keys") and one in _OF_A_KEY for one, two in pairwise(words))
        or (len(words) > 1 and words[-1] == "pass")
    )


def _of_token(words: list[str], ahead: str, shouted: bool) -> Strength:
    if ahead in _ORDINARY_TOKEN:
        return Strength.NONE
    if words[-1] == "token":
        return Strength.SURE
    return Strength.SURE if shouted or ahead in _OF_A_KEY else Strength.MAYBE


def _of_key(words: list[str], ahead: str, shouted: bool) -> Strength:
    if ahead in _ORDINARY_KEY:
        return Strength.NONE
    return Strength.SURE if shouted or ahead in _OF_A_KEY else Strength.MAYBE
