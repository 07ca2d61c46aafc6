"""What `fix` would do, what was seen of it, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tabbydoctor.invocation import typed
from tabbydoctor.records import dataclass, field
from tabbydoctor.repair.changes import Enable, Plan, Reload, Restart
from tabbydoctor.repair.outcome import Change

Who = Literal["TabbyAPI", "the router itself", "nobody"]
AUTH_ERRORS = (
    "Please provide an API key",
    "Invalid API key",
    "Please provide an admin key",
    "Invalid admin key",
)
"""How TabbyAPI refuses a key (common/auth.py); a router may have keys of its own, and refuse
those: that proves nothing."""


@dataclass(frozen=True, slots=True)
class SeenAnswer:
    """One answer."""

    status: int | None
    """None: there was none."""
    by: Who = "nobody"
    said: str = ""
    """What else tells, in a few words."""
    error: str = ""
    """What the router wrote into its log meanwhile: the error that ended the request."""
    keyed: bool = True
    """Whether TabbyAPI looks at the key before it answers so."""

    @property
    def auth_error(self) -> bool:
        """Whether TabbyAPI refused the key that came with the request, or that none did."""
        return self.by == "TabbyAPI" and any(word in self.said for word in (*AUTH_ERRORS, "401"))

    @property
    def accepted(self) -> bool:
        """Whether TabbyAPI took the key that came with the request."""
        return self.by == "TabbyAPI" and not self.auth_error and self.keyed

    def __str__(self) -> str:
        if self.status is None:
            return f"no answer ({self.said})" if self.said else "no answer"
        said = f" ({self.said})" if self.said else ""
        return f"{self.status} from {self.by}{said}"


@dataclass(frozen=True, slots=True)
class Witness:
    """Both, at one time; None where it was not asked."""

    probe: SeenAnswer | None = None
    request: SeenAnswer | None = None


UNSEEN = Witness()


@dataclass(frozen=True, slots=True)
class RefusedRemedy:
    """A remedy that does not apply here, and what to do by hand."""

    id: str
    message: str
    manual: str = ""
    loopback_would_do: bool = False
    """It would apply with TabbyAPI bound to the loopback (`FixRequest.bind_loopback`)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What would be done, before anything is."""

    plan: Plan
    notes: tuple[str, ...] = ()
    """What the plan does and means, a line each."""
    manual: tuple[str, ...] = ()
    """What is left to a person's own hands."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Path or unit -> the id of the finding it answers."""
    present: tuple[str, ...] = ()
    """The asked-for findings that are there."""
    refusals: tuple[RefusedRemedy, ...] = ()
    not_here: tuple[str, ...] = ()
    """Of the ids that were named, those without a fault, each with why."""
    answered: bool = False
    """Whether TabbyAPI answered before anything was done."""
    restart: bool = True
    """Whether units are restarted, or that is left to the operator."""
    asks_router: bool = False
    """Whether a router is there whose requests are to work."""
    unproven: str = ""
    """What is needed to know that there is nothing to do; empty where that is known."""

    @property
    def restarts_left(self) -> tuple[str, ...]:
        """The commands that restart what the plan would, where that is left to the operator."""
        units = [one for one in self.plan.actions if isinstance(one, Restart | Reload | Enable)]
        return () if self.restart else tuple(typed(one.command) for one in units)

    @property
    def nothing_to_do(self) -> bool:
        """No asked-for fault is there, and nothing is left to a person."""
        return self.plan.empty and not self.refusals and not self.manual


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether the repair was seen to work."""

    verified: bool | None
    """None: it could not be seen live."""
    remaining: tuple[str, ...] = ()
    """Asked-for findings that are still there."""
    seen: tuple[str, ...] = ()
    """What was seen, a line each."""
    unproven: tuple[str, ...] = ()
    """What could not be proven, and why, a line each."""
    before: Witness = UNSEEN
    after: Witness = UNSEEN
    """What the router answered before anything was done, and after."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Before and after, beside each other."""
        pairs = {
            "the router's health": (self.before.probe, self.after.probe),
            "a request through it": (self.before.request, self.after.request),
        }
        return tuple(
            f"{what}: {before or 'not asked'} -> {after or 'not asked'}"
            for what, (before, after) in pairs.items()
            if before or after
        )


@dataclass(frozen=True, slots=True)
class FixResult:
    """What came of it."""

    prepared: Prepared
    exit_code: int
    change: Change | None = None
    proof: Proof | None = None
    declined: bool = False

    @property
    def applied(self) -> bool:
        """Whether anything was changed and stayed so."""
        return self.change is not None and not self.change.rolled_back

    @property
    def rolled_back(self) -> bool:
        """Whether it failed and was taken back."""
        return self.change is not None and self.change.rolled_back

    @property
    def verified(self) -> bool | None:
        """Whether it was seen to work."""
        if self.change is None:
            return self.proof.verified if self.proof else None
        return False if self.change.rolled_back else self.proof.verified if self.proof else None

    @property
    def remaining(self) -> tuple[str, ...]:
        """The asked-for findings that are there when all is done."""
        if self.proof is not None and self.applied:
            return self.proof.remaining
        return self.prepared.present
