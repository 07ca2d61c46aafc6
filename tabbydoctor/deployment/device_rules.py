"""Which devices the control group of a container lets it open (cgroup v1, devices.rst of Linux).

Under cgroup v2 the rules are a BPF program that nobody can read back.
"""

from __future__ import annotations

import re

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

_RULE = re.compile(r"([ac]) (\*|\d{1,8}):(\*|\d{1,8}) ([rwm]+)")
_OF_DEVICES = re.compile(r"(?m)^\d+:(?:[\w=,]*,)?devices(?:,[\w=,]*)?:(/.*)$")


@dataclass(frozen=True, slots=True)
class DeviceRules:
    """The rules of one container."""

    source: str
    """The file that lists them."""
    majors: frozenset[int]
    """The numbers of character devices of which something may be read and written."""
    all_open: bool = False

    def opens(self, major: int) -> bool:
        """Whether any device of that number may be used."""
        return self.all_open or major in self.majors


def device_rules(host: Host, instance: Instance) -> DeviceRules:
    """Read them. Raises Absent where there is no container or no such list, Unknown where it may
    not be read."""
    box = instance.contained
    if box is None or box.ended:
        raise Absent("TabbyAPI runs in no container")
    try:
        groups = host.read(f"/proc/{box.pid}/cgroup", 64 << 10).text()
    except FileNotFoundError as error:
        raise Absent(f"the process of {box.label} is there no more") from error
    except OSError as error:
        raise Unknown(f"the control group of {box.label} cannot be read") from error
    source = _list_of(groups)
    if source is None:
        raise Absent("its device rules are a BPF program (cgroup v2), which cannot be read back")
    machine = _of_the_machine(host)
    own = Absent(f"{box.label} has no device rules of its own")
    if source == machine:
        raise own
    try:
        text = host.read(source, 256 << 10).text() if "/../" not in source else ""
    except OSError as error:
        raise Unknown(f"{source} cannot be read: {error.strerror}") from error
    if text and text == _text(host, machine):
        raise own
    rules = [rule for line in text.splitlines() if (rule := _RULE.fullmatch(line.strip()))]
    if not rules:
        raise Unknown(f"{source} lists no rule that is understood")
    used = [rule for rule in rules if {"r", "w"} <= set(rule[4])]
    return DeviceRules(
        source,
        frozenset(int(rule[2]) for rule in used if rule[2] != "*"),
        any(rule[2] == "*" and rule[3] == "*" for rule in used),
    )


def _list_of(groups: str) -> str | None:
    found = _OF_DEVICES.search(groups)
    return f"/sys/fs/cgroup/devices{found[1].rstrip('/')}/devices.list" if found else None


def _of_the_machine(host: Host) -> str | None:
    """The list of the first process: who has the same has what the machine has, which may be in a
    container itself."""
    return _list_of(_text(host, "/proc/1/cgroup"))


def _text(host: Host, path: str | None) -> str:
    try:
        return host.read(path, 256 << 10).text() if path else ""
    except OSError:
        return ""


GATHERERS = (device_rules,)
