"""What the kernel said about the NVIDIA driver since it booted."""

from __future__ import annotations

import re

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass

_PATTERN = (
    "NVRM|nouveau|module is rejected|key is rejected|Required key|Key was rejected"
    "|module loading is restricted"
)
COMMAND = (
    *("journalctl", "-k", "-b", "--no-pager", "-o", "short-unix"),
    *("-g", _PATTERN, "-n", "200"),
)
_LINE = re.compile(r"^(\d+\.\d+) \S+ (?:kernel: )?(.*)$")
_NOT_SHOWN = ("not seeing messages", "insufficient permissions", "Permission denied")
_NO_JOURNAL = "No journal files were found"


@dataclass(frozen=True, slots=True)
class KernelLine:
    """One line of the kernel log."""

    time: float
    """Seconds since the epoch."""
    text: str


@dataclass(frozen=True, slots=True)
class KernelLog:
    """The last lines since boot that concern the NVIDIA driver, nouveau or refused modules."""

    lines: tuple[KernelLine, ...] = ()

    def first(self, *needles: str) -> KernelLine | None:
        """The first line that contains one of the needles."""
        return next(
            (line for line in self.lines if any(needle in line.text for needle in needles)), None
        )


def kernel_log(host: Host, need: GpuNeed) -> KernelLog:
    """Ask journalctl(1), where TabbyAPI needs a GPU at all.

    Raises Unknown where the kernel log may not be read.
    """
    result = host.run(COMMAND, timeout=8.0, limit=1 << 20)
    if result.missing:
        raise Unknown("the kernel log cannot be read: there is no journalctl")
    if result.timed_out:
        raise Unknown("journalctl did not answer in time")
    lines = tuple(
        KernelLine(float(found[1]), found[2])
        for line in result.stdout.splitlines()
        if (found := _LINE.match(line))
    )
    if not lines and _NO_JOURNAL in result.stderr:
        raise Unknown("the kernel log cannot be read: there is no journal")
    if not lines and any(words in result.stderr for words in _NOT_SHOWN):
        raise Unknown("the kernel log may not be read: run as root or as a member of its group")
    return KernelLog(lines)


GATHERERS = (kernel_log,)
