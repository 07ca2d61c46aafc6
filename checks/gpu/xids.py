"""What NVIDIA's errors (Xids) mean and ask for: data, from NVIDIA's catalogue of Xid errors.

Those that the application causes (13, 31, 32, 68, 69) or that need nothing (43, 45, 63) are none
of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tabbydoctor.records import dataclass

Action = Literal["reset", "reboot", "restart", "hardware", "driver", "line"]
"""What it asks for; `line`: the line itself says it."""

OF_MEMORY = (48, 64, 92, 94, 95, 140)
"""Those that ECC reports, which NVML's counters tell, too."""


@dataclass(frozen=True, slots=True)
class XidMeaning:
    """One number."""

    meaning: str
    action: Action
    advice: str = ""
    """What to look at, where it is not a matter of the action alone."""


_SUPPORT = "If it comes again, the card is to be replaced"
_FIRMWARE = "If it comes again, update the driver; it is the GPU's own firmware that stood still"

XIDS: Mapping[int, XidMeaning] = {
    46: XidMeaning("the GPU stopped processing", "reset"),
    48: XidMeaning("its memory has an error that ECC could not correct", "reset", _SUPPORT),
    54: XidMeaning("its extra power cable is missing", "hardware", "Connect its power cables"),
    61: XidMeaning("its micro-controller met a breakpoint or warned", "reset", _FIRMWARE),
    62: XidMeaning("its micro-controller halted", "reset", _FIRMWARE),
    64: XidMeaning("bad memory could not be taken out of use", "reset", _SUPPORT),
    74: XidMeaning("an NVLink failed", "hardware", "Check the NVLink bridge and its seating"),
    79: XidMeaning(
        "it has fallen off the bus", "reboot", "If it comes again: power, riser, slot, temperature"
    ),
    92: XidMeaning(
        "very many memory errors were corrected", "hardware", "Ask the card's support about it"
    ),
    94: XidMeaning("a memory error ended the program that met it", "restart", _SUPPORT),
    95: XidMeaning("a memory error reached further than one program", "reset", _SUPPORT),
    109: XidMeaning("it did not switch from one program to another in time", "reset"),
    110: XidMeaning("a security fault of the GPU", "reset", _SUPPORT),
    119: XidMeaning("its system processor (GSP) does not answer", "reset", _FIRMWARE),
    120: XidMeaning("its system processor (GSP) failed", "reset", _FIRMWARE),
    136: XidMeaning("its links could not be set up", "reset", _SUPPORT),
    140: XidMeaning("its memory has an error that ECC could not correct", "reset", _SUPPORT),
    143: XidMeaning("it could not be set up", "reset", _SUPPORT),
    154: XidMeaning("the driver says what it needs", "line"),
}
