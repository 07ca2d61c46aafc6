"""Whether the evidence of a finding is true: each piece is read again, without the doctor.

A line of a file is read with `sed`, a property with `systemctl show`, an answer with `curl`. What
only the GPU's stand-in knows, and what is said of a process that has gone, is not read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from tests.lab.machine import Machine

Evidence = Mapping[str, Any]
Reader = Callable[[Machine, re.Match[str], str, str], bool | None]
"""The machine, what the source's pattern found, what was expected, what is there: true, or not;
None where it cannot be read again."""

_NOWHERE = ("nothing", "no such file", "missing", "not there", "No such file or directory")
_LOOKS_LIKE = {
    "no key": r"get|post|send|open|request|stream|Request|fetch",
    "what the caller sent": r"headers|request|stream|send|post",
    "401 is healthy": r"401|status|[<>]=? *500|return",
    "key to others too": r"headers|auth|Authorization|key",
    "written": r"write|dump|open",
    "a string only": r"api_key",
    "API key": r"headers|Authorization|post|request|send|stream",
}
"""What a line of a router's source is said to do, and what such a line has in it."""


def read_again(machine: Machine, evidence: Iterable[Evidence]) -> dict[str, bool]:
    """Whether each piece that can be read again is so."""
    verdicts = {f"{one['source']}: {one.get('actual')}": _true(machine, one) for one in evidence}
    return {piece: verdict for piece, verdict in verdicts.items() if verdict is not None}


def _true(machine: Machine, one: Evidence) -> bool | None:
    for pattern, read in _READERS:
        found = re.fullmatch(pattern, one["source"])
        if found:
            return read(machine, found, one.get("expected") or "", one.get("actual") or "")
    return None


def _line(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool:
    """It is there, and it has in it what is said of it."""
    line = _told(machine, "sed", "-n", f"{found[2]}p", found[1]).strip()
    if not line or line.startswith("#"):
        return False
    described = _in_words(machine, found[1], line, expected, actual)
    if described is not None:
        return described
    # A setting may be written over several lines; a program's value comes from those before.
    first = max(int(found[2]) - (3 if found[1].endswith(".py") else 0), 1)
    around = _told(machine, "sed", "-n", f"{first},{int(found[2]) + 3}p", found[1])
    return any(_has(text, actual) for text in (line, around)) or actual in _as_yaml_1_1(line)


def _in_words(machine: Machine, path: str, line: str, expected: str, actual: str) -> bool | None:
    """Of what is told about the line instead of quoting it; None where it is quoted."""
    if actual.startswith("neither is"):
        keys = re.findall(r"\.(\w+)", expected)
        return bool(keys) and not any(key in _told(machine, "cat", path) for key in keys)
    if actual.startswith("/") and path.endswith(".py"):
        return bool(re.search(r"open|read|load", line)) or actual.rpartition("/")[2] in line
    if actual in _LOOKS_LIKE:
        return bool(re.search(_LOOKS_LIKE[actual], line))
    if actual.endswith("[redacted]"):
        return actual.removesuffix("[redacted]") in line
    named = re.search(r"EnvironmentFile=-?(\S+)", line)
    if named and actual == "No such file or directory":
        return not machine.exists(named[1])
    return None


def _as_yaml_1_1(line: str) -> list[str]:
    """The values of a line, as tools read it that know YAML 1.1: 010 is 8."""
    try:
        read = yaml.safe_load(line)
    except yaml.YAMLError:
        return []
    return [str(value) for value in read.values()] if isinstance(read, dict) else []


def _has(text: str, told: str) -> bool:
    """`section.key: value` and `Key=value` as a whole, of other descriptions a word."""
    setting = re.fullmatch(r"([\w.]+)(?:: |=)(.*?)(?:, .*)?", told)
    if setting is None:
        words = _words(told)
        return not words or any(word in text for word in words)
    key, values = (
        setting[1].rpartition(".")[2],
        re.findall(r"[\w./-]+", setting[2].removesuffix(":rbind")),
    )
    return key in text and all(value.lower() in text.lower() for value in values)


def _words(text: str) -> list[str]:
    """What of a description stands in a file: names, values, not prose around them."""
    if re.match(r"it |a |not |no ", text):
        return []
    values = re.findall(r"[\w./:@+-]+", text.replace("'", " ").replace('"', " "))
    # A source puts paths and addresses together from parts.
    last = [re.split(r"[.:/]", value.rstrip(":"))[-1] for value in values]
    return [word for word in {*values, *last} if len(word) > 1 or word.isdigit()]


def _file(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool:
    there = machine.exists(found[1])
    if actual in ("nothing", "no such file", "missing"):
        return not there
    if actual.startswith("mode "):
        return _mode(machine, found, expected, actual)
    return there


def _mode(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool:
    told = re.match(r"mode 0?(\d+)", actual)
    return told is not None and _told(machine, "stat", "-c", "%a", found[1]).strip() == told[1]


def _show(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool:
    command = found[0].split()
    shown = machine.run(command, check=False).stdout
    state = machine.run(["systemctl", "show", found[1]], check=False).stdout
    if actual == "no such directory":
        return not machine.exists(shown.strip().partition("=")[2].lstrip("!-"))
    if actual in ("no such unit", "none"):
        return machine.run(command, check=False).returncode != 0 or "/" not in shown
    properties = {line.partition("=")[2] for line in state.splitlines()}
    words = re.findall(r"[A-Za-z0-9./-]+", actual.replace(" restarts", ""))
    ends = ({word.partition("/")[0], word.rpartition("/")[2]} for word in words)
    told = {*words}.union(*ends) - {""}
    return any(word in properties or word in shown for word in told)


def _log(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool | None:
    if re.search(r" from start to | from 127|ends without", actual):
        return None
    log = _told(machine, *found[0].replace("-g 'NVRM: Xid'", "").split(), "--no-pager", "-o", "cat")
    return _plain(actual)[:60] in _plain(log)


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()


def _answer(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool | None:
    got = machine.run(["curl", "-s", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}", found[1]],
                      check=False)  # fmt: skip
    if actual in ("connection refused", "refused"):
        return got.returncode == 7
    if actual == "no whole answer in time":
        return got.returncode == 28
    status = re.match(r"(?:status )?(\d{3})\b", actual)
    return got.stdout == status[1] if status else None


def _through(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool:
    key = [] if found[2].endswith("without a key") else ["-H", "Authorization: Bearer nobody-knows"]
    got = _told(machine, "curl", "-s", "-m", "3", "-w", "\n%{http_code}", *key, found[1])
    detail = actual.partition("TabbyAPI's ")[2]
    return got.rpartition("\n")[2] == actual[:3] and detail in got


def _process(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool:
    return machine.run(["kill", "-0", found[1]], check=False).returncode == 0


def _running(machine: Machine, found: re.Match[str], expected: str, actual: str) -> bool:
    return actual in _told(machine, *found[0].split())


def _told(machine: Machine, *command: str) -> str:
    return machine.run([*command], check=False).stdout


_READERS: tuple[tuple[str, Reader], ...] = (
    (r"(?:[\w.-]+ \()?(/[^\s:]+):(\d+)\)?", _line),
    (r"(?:stat )?(/(?!proc/|sys/)[^\s:]+)", _file),
    (r"systemctl (?:show|cat) (?:.* )?(\S+\.service)(?: .*)?", _show),
    (r"journalctl .*", _log),
    (r"GET (http\S+), (with.*)", _through),
    (r"(http://\S+)(?<!permission)", _answer),
    (r"ps -o stat= -p \d+", _running),
    (r"(?:the listening socket of )?process (\d+)", _process),
)
