"""All that a check needs to import, on one screen.

    from tabbydoctor.api import Evidence, Finding, Remedy, Safety, Severity, check

Facts to judge are annotated from the rooms that gather them, for example
`tabbydoctor.tabbyapi.config.EffectiveConfig`.
"""

from tabbydoctor.diagnosis.check import AUTH, KEYLESS, ROUTER_KEY, Check, check
from tabbydoctor.diagnosis.cure import CURE, Cure
from tabbydoctor.diagnosis.finding import Evidence, Finding, Remedy, Safety, Severity
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.hookspecs import hookimpl

__all__ = [
    "AUTH",
    "CURE",
    "KEYLESS",
    "ROUTER_KEY",
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
