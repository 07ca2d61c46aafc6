"""What is asked of `fix`, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tabbydoctor.fixing.witness import UNSEEN, Witness
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.remedies.options import FixOptions
from tabbydoctor.repair.changes import Plan, Restart
from tabbydoctor.repair.engine import Change

# The findings of the auth notes' fault: the 401 between router and TabbyAPI.
AUTH_IDS = (
    "CFG004",
    "RTR001",
    "RTR002",
    "RTR003",
    "RTR004",
    "RTR005",
    "RTR007",
    "RTR008",
    "RTR009",
    "RTR011",
    "RTR015",
    "RTR017",
)
# Those of them that are gone when no key is asked for any more.
KEYLESS_IDS = ("CFG004", "RTR001", "RTR002")
ROUTER_IDS = tuple(id for id in AUTH_IDS if id.startswith("RTR"))
SEEN_LIVE = ("RTR001", "RTR002", "RTR005")
"""Those that are gone where a request through the router is accepted, whatever the reading says
of them; RTR001 where the router's own health check is, too."""


@dataclass(frozen=True, slots=True)
class FixRequest:
    """What the operator asks for."""

    auth: bool = False
    ids: tuple[str, ...] = ()
    all_safe: bool = False
    options: FixOptions = field(default_factory=FixOptions)
    restart: bool = True
    ready_timeout: float = 600.0
    """Seconds that TabbyAPI may take to load its model after a restart."""
    time_limit: float = 10.0
    """Seconds for each check."""
    planning_limit: float = 60.0
    """Seconds that planning one repair may take."""


@dataclass(frozen=True, slots=True)
class RefusedRemedy:
    """A remedy that does not apply here, and what to do by hand."""

    id: str
    message: str
    manual: str = ""
    loopback_would_do: bool = False
    """It would apply with TabbyAPI bound to the loopback (`FixOptions.bind_loopback`)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What would be done, before anything is."""

    draft: Draft
    plan: Plan
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
        units = [one for one in self.plan.actions if isinstance(one, Restart)]
        return () if self.restart else tuple(one.command for one in units)

    @property
    def nothing_to_do(self) -> bool:
        """No asked-for fault is there, and nothing is left to a person."""
        return self.plan.empty and not self.refusals and not self.draft.manual


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
