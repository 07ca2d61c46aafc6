"""All that a check and a plug-in need to import, on one screen.

    from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check

The facts to judge, and what else a plug-in names in its annotations, are in
`tabbydoctor.api.facts`.
"""

from tabbydoctor.diagnosis.check import (
    AUTH,
    CUTS_OFF,
    DOWN,
    KEYLESS,
    PASSING,
    ROUTER_KEY,
    Check,
    check,
)
from tabbydoctor.diagnosis.cure import CURE, Cure
from tabbydoctor.diagnosis.finding import Evidence, Finding, Remedy, Safety, Severity
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.hookspecs import hookimpl

VERSION = 1
"""Of what is named here and in `tabbydoctor.api.facts`: a name that goes, or means something else,
makes it another."""

__all__ = [
    "AUTH",
    "CURE",
    "CUTS_OFF",
    "DOWN",
    "KEYLESS",
    "PASSING",
    "ROUTER_KEY",
    "VERSION",
    "Absent",
    "Check",
    "Cure",
    "Evidence",
    "Finding",
    "Remedy",
    "Safety",
    "Severity",
    "Unknown",
    "check",
    "hookimpl",
]
