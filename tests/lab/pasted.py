"""What comes of pasting a printed remedy as it stands: every fault, its first root, its first way.

    python -m tests.lab.pasted [--only NAME]

runs it as root and prints a line for each fault of the catalogue.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from tests.lab.deployment import Deploy, Deployment
from tests.lab.faults import CATALOGUE, Fault
from tests.lab.installed import installed
from tests.lab.machine import CommandError
from tests.lab.machines import machines
from tests.lab.making import make
from tests.lab.outcome import faults_in, told

Grade = Literal["cured", "asks", "looks", "wrong", "none"]
"""none: no fault was named, so there was nothing to paste."""
_NO_SMI = "the lab has no nvidia-smi, and its NVML says what its environment does"
_NO_MODULE = "the lab has no driver whose module could be loaded"
NOT_TO_BE_SHOWN = {
    "no uvm node": _NO_MODULE,
    "driver and library differ": _NO_MODULE,
    "nvidia_uvm is stuck after a suspend": _NO_MODULE,
    "MIG without an instance": _NO_SMI,
    "a GPU with memory errors": _NO_SMI,
    "a GPU closed to programs": _NO_SMI,
    "another process has the GPU to itself": _NO_SMI,
}
"""Faults whose first remedy cannot work in the lab, whether it would on a GPU or not, and why."""
KNOWN = {
    **NOT_TO_BE_SHOWN,
    "a port changed, not restarted": "the router asks for the old one: its own finding, then",
    "a generation failed for good": "the stand-in fails again, as its environment says",
}
"""Faults whose first remedy leaves something, and why."""
_EDITS = re.compile(r"EDITOR|sudoedit|systemctl( --user)? edit|nano |vi ")
_REBOOTS = re.compile(r"\breboot\b")
_PLACEHOLDER = re.compile(r"\bGID\b|\bNAME\b|<\w+>")
_LOOKS = re.compile(
    r"^(sudo |runuser -u \S+ -- )?(ls|stat|cat|head|grep|namei|journalctl|nvidia-smi|dmesg|findmnt|"
    r"ss|curl|df|lsmod|modinfo|mokutil|ldconfig -p|systemctl( --user)? (status|show|cat)|"
    r"tabbydoctor (check|config|probe|explain|history|fix [^;]*--dry-run))\b"
)


@dataclass(frozen=True)
class Pasted:
    """What came of it."""

    fault: str
    grade: Grade
    title: str = ""
    """Of the remedy."""
    commands: tuple[str, ...] = ()
    why: str = ""

    def line(self) -> str:
        return f"{self.grade:6} {self.fault}: {self.title} {self.why}".rstrip()


def asks(remedy: Mapping[str, Any]) -> bool:
    """Whether it leaves something to a person: a choice, a text to write, a rebuild."""
    text = "\n".join(remedy["commands"])
    by_hand = remedy["safety"] == "manual" or not remedy["commands"] or remedy.get("nix")
    return bool(
        by_hand or _EDITS.search(text) or _REBOOTS.search(text) or _PLACEHOLDER.search(text)
    )


def looks(remedy: Mapping[str, Any]) -> bool:
    """Whether it only looks."""
    commands = remedy["commands"]
    return bool(commands) and all(_LOOKS.match(command) for command in commands)


def paste(deploy: Deploy, fault: Fault) -> Pasted:
    """Make the fault on a fresh machine, paste what is printed first, and check again."""
    d = deploy(**fault.deploy)
    try:
        make(d, fault)
    except (CommandError, TimeoutError) as error:
        return Pasted(fault.name, "wrong", why=f"not to be made: {error}")
    before = _checked(d, fault)
    if printed := unpasted(before, fault):
        return printed
    acts = [_acting(way) for way in _ways(before, fault)]
    commands = tuple(line for act in acts for line in act[0]["commands"])
    for command in commands:
        _typed(d, command, fault)
    why = _still_ill(d, fault, faults_in(before))
    return Pasted(fault.name, "wrong" if why else "cured", acts[0][0]["title"], commands, why)


def unpasted(said: Mapping[str, Any], fault: Fault) -> Pasted | None:
    """What is to be said of it without pasting; None where what is printed first does something."""
    ways = list(_ways(said, fault))
    if not any(ways):
        return Pasted(fault.name, "none" if fault.remark or fault.miss else "asks")
    idle = [way for way in ways if not _acting(way)]
    if not idle:
        return None
    first = next(way[0] for way in idle if way)
    return Pasted(fault.name, "looks" if looks(first) else "asks", first["title"])


def _acting(way: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Its remedies that neither leave something to a person nor only look."""
    return [one for one in way if not asks(one) and not looks(one)]


def _ways(said: Mapping[str, Any], fault: Fault) -> Iterator[list[dict[str, Any]]]:
    """The remedies of each finding of the first root (a remark's own, where there is no root)."""
    roots = [one["root"] for one in said["diagnosis"][:1]] or [fault.root]
    for check in said["checks"]:
        if check["id"] in roots:
            yield from (list(one["remedies"]) for one in check["findings"])


def _typed(d: Deployment, command: str, fault: Fault) -> None:
    """As at a prompt: what asks is agreed to, and what fails is followed by the next line."""
    if re.search(r"\btabbydoctor fix\b", command):
        command += " --yes"
    d.machine.run(["bash", "-c", command], env=fault.doctor_env, timeout=120, check=False)


def _checked(d: Deployment, fault: Fault) -> dict[str, Any]:
    ran = d.doctor("check", *fault.arguments, "--format", "json", env=fault.doctor_env)
    return ran.document


def _still_ill(d: Deployment, fault: Fault, before: set[str]) -> str:
    """Why the fault is not gone, or what it brought; empty where it is well."""
    with suppress(TimeoutError, ValueError, CommandError):  # check tells what does not answer
        d.wait_ready(15)
    said = _checked(d, fault)
    after = faults_in(said)
    if fault.root in after:
        return f"{fault.root} is still there: {told(said)[:300]}"
    brought = after - before
    return f"brought {', '.join(sorted(brought))}" if brought else ""


def main() -> int:
    """Print a line for each fault; 1 if any is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", metavar="NAME", action="append", help="part of a name")
    wanted = parser.parse_args().only or [""]
    chosen = [one for one in CATALOGUE.values() if any(part in one.name for part in wanted)]
    grades: list[Grade] = []
    with installed() as place, machines(place, None) as submit:
        for future in [submit(partial(paste, fault=one)) for one in chosen]:
            outcome = future.result()
            grades.append(outcome.grade)
            print(outcome.line(), flush=True)
    print({grade: grades.count(grade) for grade in dict.fromkeys(grades)}, file=sys.stderr)
    return int("wrong" in grades)


if __name__ == "__main__":
    sys.exit(main())
