"""Which of the keys that a router has of its own do not open TabbyAPI."""

from __future__ import annotations

from dataclasses import dataclass

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.reach import RouterReach
from tabbydoctor.routers.site_environment import unset_variables, variable_of
from tabbydoctor.routers.site_keys import LITERAL, RouterKeys
from tabbydoctor.tabbyapi.tokens import Tokens


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
