"""Which of the keys that a router has of its own do not open TabbyAPI."""

from __future__ import annotations

from collections.abc import Collection, Container

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.records import dataclass
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.keys import ADDED, WORKED_OUT
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.reach import RouterReach
from tabbydoctor.routers.site.environment import unset_variables, variable_of
from tabbydoctor.routers.site.keys import LITERAL, RouterKeys
from tabbydoctor.routers.witness import RouterWitness
from tabbydoctor.tabbyapi.tokens import Tokens

_HELD = ("api_key of ", "admin_key of ", "credential ")
"""How a key is called that code of the router's own takes from a file."""


@dataclass(frozen=True, slots=True)
class FailingKeys:
    """By where the router has them from."""

    literal: bool = False
    """One that is written in its own text is refused."""
    variables: tuple[str, ...] = ()
    """Environment variables that nobody sets, or that hold a key which is refused."""
    files: tuple[str, ...] = ()
    """Tokens files that are not there, or are another server's."""
    credential: bool = False
    """One that systemd hands to its unit is refused."""
    beyond: bool = False
    """One cannot be opened by the router, or not be sent as it reads it."""

    def __bool__(self) -> bool:
        failing = self.literal or self.variables or self.files or self.credential
        return bool(failing or self.beyond)


def unknown_key(
    keys: RouterKeys, site: RouterSite, reading: RouterReading, witness: RouterWitness | None
) -> str:
    """The first call whose key could be compared with none of TabbyAPI's, in words: it may be
    another server's. Empty without one, and where TabbyAPI was seen to accept what it is sent.
    """
    if witness is not None and witness.verdict == "keyed":
        return ""
    compared = {key.source for key in keys.keys}
    unset = unset_variables(site, reading)
    for part in reading.modules:
        for call in part.calls:
            sent = call.sends_key and not call.wired and not is_open(call.path)
            if sent and not _is_compared(call, part, compared, unset):
                where = f"the call at {reading.place(call)} sends {call.key_from or 'a key'}"
                return f"{where}: whether TabbyAPI accepts that is not known"
    return ""


def _is_compared(
    call: Call, part: RouterReading, compared: Collection[str], unset: Container[str]
) -> bool:
    """Whether the key of a call is one of those that were looked at, or is known to lack."""
    if call.key_files or call.spare_keys or call.key_from in compared:
        return True
    variable = variable_of(call.key_from)
    if variable:
        return variable in unset or bool(part.literal_keys)
    if call.key_from.endswith((WORKED_OUT, ADDED)):
        return any(source.startswith(_HELD) for source in compared)
    return True


def failing_keys(
    keys: RouterKeys,
    tokens: Tokens,
    site: RouterSite,
    reading: RouterReading,
    reach: RouterReach | None = None,
) -> FailingKeys:
    """RTR005 and RTR009, by source. What the next start gets counts, not what runs now."""
    accepted = {*tokens.api_keys, tokens.admin_key}
    first = {key.source: key for key in reversed(keys.keys)}  # of the unit before the process
    refused = [key for key in first.values() if key.refused(accepted)]
    variables = {variable_of(key.source) for key in refused} - {""}
    sources = {key.source.partition(" ")[0] for key in refused}
    return FailingKeys(
        literal=any(key.source == LITERAL for key in refused),
        variables=tuple(sorted(variables.union(unset_variables(site, reading)))),
        files=(*keys.missing, *(k.where for k in refused if k.source.endswith(f" of {k.where}"))),
        credential="credential" in sources,
        beyond=bool(reach and (reach.denied or reach.unsendable)),
    )
