"""A check: a few lines of data and one function that yields findings."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tabbydoctor.diagnosis.finding import Finding, Severity

Judgement = Callable[..., Iterable[Finding]]

CATEGORIES = ("gpu", "groups", "config", "tokens", "service", "endpoint", "router", "nixos")


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the catalogue.

    `judge` is pure: its parameters name, by annotation, the facts it judges (see
    `tabbydoctor.facts`), and it yields findings. `caused_by` lists the ids whose presence
    explains this one. `page` is what `tabbydoctor explain` shows: the docstring of the
    module in which the check stands.
    """

    id: str
    name: str
    category: str
    severity: Severity
    judge: Judgement
    page: str
    caused_by: tuple[str, ...] = ()


def check(
    id: str,
    name: str,
    *,
    category: str,
    severity: Severity = Severity.ERROR,
    caused_by: Iterable[str] = (),
) -> Callable[[Judgement], Check]:
    """Turn a judgement into a Check. The page is the module's docstring, or the function's."""

    def wrap(judge: Judgement) -> Check:
        page = judge.__doc__ or sys.modules[judge.__module__].__doc__ or ""
        return Check(id, name, category, severity, judge, inspect.cleandoc(page), tuple(caused_by))

    return wrap
