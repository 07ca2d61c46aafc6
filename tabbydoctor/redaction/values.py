"""What a value looks like: plainly no secret, or as only secrets look."""

from __future__ import annotations

import re
from itertools import pairwise

from tabbydoctor.redaction.spans import MARK

_LONGEST = 4096
"""Characters that are looked at: a longer value is judged by its beginning."""
_PLACEHOLDER = re.compile(
    r"""(?ix)
    <[^<>]*>? | \$\{?\w[\w.]*\}? | \$\{(?:env|file)[:.][\w./-]+\} | \$\{\w+:?[-?+=]?\} | \$\(.*
    | \$?\{\{.* | \{\$?[\w.:/ -]*\}? | %\[.* | %[({][\w.:-]+[)}][sdr]? | %%?\w?
    | (?:os\.)?environ[\[/.(].* | env[:/(.].* | process\.env\b.*
    | (?:vault|op|file|secretref|keyring|ssm|sops):\S*
    | !(?:env|secret|vault|include|file)\S*(?:\ .*)? | \*\w*
    | \.{3,}.* | …+.* | x+ | \*+ | -+ | _+ | \#.* | \|[-+]? | >[-+]? | ~
    | none | null | nil | nothing | empty | dummy | fake | test | testing | unused | unset | no
    | yes | true | false | on | off | n/?a | ollama | lm-studio
    | not[-_ ]?(?:needed|required|used|set|given|found) | (?:sk-)?no-?key.* | (?:sk-)?your[-_ ].*
    | my[-_ ](?:api|admin|secret)?[-_ ]?(?:key|token) | sk-(?:1+|x+|test|local|dummy|fake)
    | (?:change|replace)[-_ ]?(?:me|with|this).* | (?:insert|put|example|todo)\b.* | placeholder.*
    | redacted | hidden | required | optional | missing | str | string | bytes | int | bool | any
    | object | unknown | default | auto
    """
)
_PATH = re.compile(r"(?:~|\.{1,2}|%[dhtESCLT]|[A-Za-z]:\\)?/|[\w.-]{1,64}:/")
_FILE = re.compile(
    r"(?i)[\w ./@%+~-]+\.(?:ya?ml|json|toml|ini|env|txt|key|pem|crt|conf|cfg|py|sh|log|db|cred)$"
)
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*=?$")
_HEADER = re.compile(
    r"(?i)(?:x|www|proxy|content|accept|access-control)(?:-[a-z]+)+$|user-agent$|set-cookie$"
)
_MEASURE = re.compile(r"(?i)[-+]?\d[\d_.,:]{0,5}\s*(?:ms|[smhdbk%]|[kmgt]i?b|px)?$")
_OWN_NAME = re.compile(
    r"(?i)(?:the |an? |x-|proxy-|hf_|tabby_|llm_)?(?:api|admin|access|auth|private|secret|client)?"
    r"[-_ ]?(?:keys?|tokens?|secrets?)|authorization|bearer|basic|passw(?:or)?d|credentials?"
)
_SNAKE = re.compile(r"[a-z]+(?:[_-][a-z]+)*[_-]?\d{0,2}$")
_DOTTED = re.compile(r"[A-Za-z_]+(?:\.(?:[A-Za-z_]+|\d+))+$")
_MODEL = re.compile(
    r"(?i)\d(?:\.\d+)?(?:b|bpw|bit|k)(?![a-z0-9])|exl[23]|gguf|awq|gptq|instruct|llama|qwen"
    r"|mi[sx]tral|gemma|deepseek|embed|rerank|whisper|gpt"
)
_DIGEST = re.compile(r"(?i)(?:sha\d+|md5|blake\w+)[-:]\S+$")
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d(?:[T ]|$)|\d\d:\d\d")


def is_innocent(value: str) -> bool:
    """Whether a value is none even under the name of a secret: empty, a placeholder, a path, a
    reference, the name of a variable, a header or a secret.
    """
    value = value[:_LONGEST].strip()
    return (
        is_plain(value)
        or any(shape.match(value) for shape in (_CONSTANT, _OPTION, _HEADER))
        or _OWN_NAME.fullmatch(value.rstrip(":")) is not None
    )


def is_plain(value: str) -> bool:
    """Whether a value is none whatever holds it: empty, a placeholder, a path, a measure."""
    value = value[:_LONGEST].strip()
    return (
        not value
        or value.startswith(MARK)
        or _PLACEHOLDER.fullmatch(value) is not None
        or any(shape.match(value) for shape in (_PATH, _FILE, _MEASURE))
    )


def looks_secret(value: str) -> bool:
    """Whether a value looks made to be hard to guess, and like nothing else."""
    if not 8 <= len(value) <= _LONGEST or any(char.isspace() for char in value):
        return False
    digits = sum(char.isdigit() for char in value)
    letters = sum(char.isalpha() for char in value)
    if not digits or not letters or is_innocent(value):
        return False
    others = (_SNAKE, _DOTTED, _DIGEST, _DATE)
    return not any(shape.match(value) for shape in others) and not _MODEL.search(value)


def is_sentence(value: str) -> bool:
    """Whether a value is prose: words, and more than two of them."""
    words = value[:_LONGEST].split()
    return len(words) > 2 and not any(looks_secret(word) for word in words)


def is_random(word: str) -> bool:
    """Whether a run of letters and digits changes as often as chance does."""
    kinds = [0 if char.isdigit() else 1 if char.isupper() else 2 for char in word[:_LONGEST]]
    changes = sum(one != two for one, two in pairwise(kinds))
    return min(kinds.count(kind) for kind in range(3)) >= 3 and 3 * changes >= len(kinds)
