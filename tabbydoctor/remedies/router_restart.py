"""The router started anew, or what a person does where it runs in a container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.router_source import WHY
from tabbydoctor.routers.marked_block import VARIABLE
from tabbydoctor.routers.site.environment import router_environment
from tabbydoctor.routers.staleness import RouterStaleness
from tabbydoctor.tabbyapi.tokens import Tokens


def restart_stale(draft: Draft, site: RouterSite, staleness: RouterStaleness) -> None:
    """RTR015: the router is started anew, so that what its files say is what runs."""
    if not staleness.newer:
        return
    if site.unit is None:
        # Left to a person: until then requests go as they went before.
        said = "the router runs as it was before its files were changed: restart it"
        draft.manual.append(": ".join((said, *_restarts(site))))
        return
    draft.title = draft.title or "restart the router: its files were changed since it was started"
    restart_router(draft, site, "RTR015")


def restart_router(draft: Draft, site: RouterSite, why: str = WHY) -> None:
    """Plan it; without a unit it is left to the operator."""
    if site.unit is None:
        said = "restart the router: it runs under no unit"
        said = ": ".join(("restart the router", *_restarts(site))) if site.contained else said
        draft.manual += [said] if said not in draft.manual else []
        return
    draft.restart(site.unit, why)
    other = any("a loaded model is loaded anew" in note for note in draft.notes)
    note = f"{site.unit.name} is restarted" + ("" if other else "; TabbyAPI is not")
    draft.notes += [note] if note not in draft.notes else []


def refuse_image(site: RouterSite) -> None:
    """Raises CannotFix for a source that is a container's alone: it goes with its image."""
    if site.in_image and site.contained:
        path = site.contained.inside(site.path or "")
        raise CannotFix(
            f"the router's source, {path}, is in the image of {site.contained.label}: change it "
            "where the image is made from, or mount it from this machine"
        )


def given_by_container(
    site: RouterSite, tokens: Tokens, variables: Iterable[str], credential_read: bool
) -> Iterator[str]:
    """How a person has a container give the key; `credential_read`: to what the helper reads."""
    label = site.contained.label if site.contained else "its container"
    for name in dict.fromkeys((*variables, *([VARIABLE] if credential_read else ()))):
        if not router_environment(site).get(name):
            yield (
                f"set {name} to the api_key of {tokens.path} in the environment of {label} "
                "(env_file: in its description, a file of mode 0600), and make it anew; or mount "
                "the tokens file into it, and run this again"
            )


def _restarts(site: RouterSite) -> tuple[str, ...]:
    """How its container is started anew."""
    return site.contained.restart if site.contained else ()
