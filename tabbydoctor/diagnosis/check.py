"""A check: a few lines of data and one function that yields findings."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator

from tabbydoctor.diagnosis.cure import Cure, offered
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.facts import loaded
from tabbydoctor.records import dataclass

Judgement = Callable[..., Iterable[Finding]]

CATEGORIES = (
    *("gpu", "groups", "config", "tokens", "service", "endpoint", "router", "nixos"),
    "container",
)

AUTH = "auth"
"""Tag of the checks of one fault: the 401 between router and TabbyAPI (`fix --auth`)."""
KEYLESS = "keyless"
"""Tag of those of them that are gone where no key is asked for any more."""
DOWN = "down"
"""Tag of those that say that TabbyAPI is down: a warning stops nothing, and explains none of them,
unless the log says that it did."""
CUTS_OFF = "cuts-off"
"""Tag of those whose warnings, too, say why a TabbyAPI that runs is not reached."""
PASSING = "passing"
"""Tag of those whose faults may end by themselves while something comes up: what `--wait` waits
for."""
ROUTER_KEY = "router-key"
"""Tag of those that tell whether a router's requests carry TabbyAPI's key: what is seen of the
running router outweighs what they read."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the catalogue.

    `judge` is pure: its parameters name, by annotation, the facts it judges (see
    `tabbydoctor.facts`), and it yields findings. `summary` is the first sentence of its page.
    `caused_by` lists the ids whose presence explains this one. `cure` is the one place that says
    what repairs it, and `tags` name what it is a part of, across categories.
    """

    id: str
    name: str
    category: str
    severity: Severity
    judge: Judgement
    summary: str
    caused_by: tuple[str, ...] = ()
    cure: Cure | None = None
    tags: frozenset[str] = frozenset()

    @property
    def page(self) -> str:
        """What `tabbydoctor explain` shows: the docstring of its module, or of the function."""
        return _page(loaded(self.judge))


def check(
    id: str,
    name: str,
    *,
    category: str,
    severity: Severity = Severity.ERROR,
    caused_by: Iterable[str] = (),
    cure: Cure | None = None,
    tags: Iterable[str] = (),
) -> Callable[[Judgement], Check]:
    """Turn a judgement into a Check. The page is the module's docstring, or the function's."""

    def wrap(judge: Judgement) -> Check:
        summary = first_sentence(_page(judge))
        offering = _offering(judge, id, cure)
        causes, about = tuple(caused_by), frozenset(tags)
        return Check(id, name, category, severity, offering, summary, causes, cure, about)

    return wrap


def first_sentence(page: str) -> str:
    """The first sentence of a check's page, on one line."""
    paragraph = " ".join(page.strip().split("\n\n", 1)[0].split())
    sentence = re.match(r"(.+?[.!?])(?:\s|$)", paragraph)
    return sentence[1] if sentence else paragraph


def _page(judge: Judgement) -> str:
    return inspect.cleandoc(judge.__doc__ or sys.modules[judge.__module__].__doc__ or "")


def _offering(judge: Judgement, id: str, cure: Cure | None) -> Judgement:
    """The judgement, with its cure among the remedies of its findings where it says CURE."""

    @functools.wraps(judge)
    def judged(*facts: object, **named: object) -> Iterator[Finding]:
        return (offered(finding, id, cure) for finding in judge(*facts, **named))

    return judged
