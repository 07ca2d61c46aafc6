"""Whether the evidence of a finding is true: each piece is read again, without the doctor.

A line of a file is read with `sed`, a property with `systemctl show`, an answer with `curl`. What
only the GPU's stand-in knows, and what is said of a process that has gone, is not read again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

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


def true(machine: Machine, evidence: Iterable[Evidence]) -> bool | None:
    """Whether all of it that can be read again is so; None where none can."""
    verdicts = [_true(machine, one) for one in evidence]
    told = [verdict for verdict in verdicts if verdict is not None]
    return all(told) if told else None


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
    if actual in _LOOKS_LIKE:
        return bool(re.search(_LOOKS_LIKE[actual], line))
    if actual.endswith("[redacted]"):
        return actual.removesuffix("[redacted]") in line
    named = re.search(r"EnvironmentFile=-?(\S+)", line)
    if named and actual == "No such file or directory":
        return not machine.exists(named[1])
    # A setting may be written over several lines.
    after = _told(machine, "sed", "-n", f"{found[2]},{int(found[2]) + 3}p", found[1])
    return any(_has(text, actual) for text in (line, after))


def _has(text: str, told: str) -> bool:
    """`section.key: value` and `Key=value` as a whole, of other descriptions a word."""
    setting = re.fullmatch(r"([\w.]+)(?:: |=)(.*?)(?:, .*)?", told)
    if setting is None:
        words = _words(told)
        return not words or any(word in text for word in words)
    key, values = setting[1].rpartition(".")[2], re.findall(r"[\w./-]+", setting[2])
    return key in text and all(value.lower() in text.lower() for value in values)


def _words(text: str) -> list[str]:
    """What of a description stands in a file: names, values, not prose around them."""
    if re.match(r"it |a |not |no ", text):
        return []
    values = re.findall(r"[\w./:@+-]+", text.replace("'", " ").replace('"', " "))
    last = [value.rpartition(".")[2].rstrip(":") for value in values]
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
    if actual in ("no such unit", "none", "no such directory"):
        return machine.run(command, check=False).returncode != 0 or "/" not in shown
    words = re.findall(r"[A-Za-z0-9./-]+", actual.replace(" restarts", ""))
    properties = {value for line in state.splitlines() for value in (line.partition("=")[2],)}
    return any(word.partition("/")[0] in properties or word in shown for word in words)


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
    (r"(?:stat )?(/(?!proc/)[^\s:]+)", _file),
    (r"systemctl (?:show|cat) (?:.* )?(\S+\.service)(?: .*)?", _show),
    (r"journalctl .*", _log),
    (r"GET (http\S+), (with.*)", _through),
    (r"(http://\S+)(?<!permission)", _answer),
    (r"ps -o stat= -p \d+", _running),
    (r"(?:the listening socket of )?process (\d+)", _process),
)
