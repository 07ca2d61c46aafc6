"""The deployment as one document: what belongs together, and how each part was found."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import Discovery, Instance, RouterSite
from tabbydoctor.facts import Facts
from tabbydoctor.host import Host
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.probes import Address
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.targets import Targets

T = TypeVar("T")


async def deployment_document(facts: Facts, targets: Targets, until: float) -> dict[str, Any]:
    """The `deployment` of the machine output; a part that is not known by then (by the loop's
    clock) is null.
    """
    discovery, config, tokens, address, router, installed = await asyncio.gather(
        _fact(facts, Discovery, until),
        _fact(facts, EffectiveConfig, until),
        _fact(facts, Tokens, until),
        _fact(facts, Address, until),
        _fact(facts, RouterSite, until),
        _fact(facts, Installation, until),
    )
    one = discovery.instance if discovery else None
    unloadable = discovery.unloadable if discovery else None
    unit = one.unit.name if one and one.unit else targets.unit or targets.user_unit
    unit = unit or (unloadable.name if unloadable else None)
    found_by: dict[str, str] = dict(one.found_by) if one else {}
    if address:
        found_by["url"] = address.found_by
    if router:
        found_by["router"] = router.found_by
    return {
        "dir": _directory(one) if one else targets.dir,
        "config_files": _config_files(config),
        "tokens_file": tokens.path if tokens else targets.tokens,
        "unit": unit,
        "user_unit": bool(one and one.unit and one.unit.user_manager),
        "user": _user(one) or targets.user,
        "url": address.url if address else targets.url,
        "router": _router(router),
        "container": one.container if one else None,
        "found_by": found_by,
        "tabbyapi_version": (installed.version or None) if installed else None,
        "others": [other.name for other in discovery.others] if discovery else [],
    }


def machine_name(host: Host) -> str:
    """What the machine calls itself (hostname(7)); empty where it cannot be read."""
    try:
        return host.read("/proc/sys/kernel/hostname").text().strip()
    except OSError:
        return ""


def notes(facts: Facts) -> tuple[str, ...]:
    """What is worth telling of how the deployment was found."""
    discovery = facts.known(Discovery)
    if discovery is None or discovery.instance is None:
        return ()
    differ = _differences(discovery.instance.contained)
    if not discovery.others:
        return differ
    others = ", ".join(other.name for other in discovery.others)
    return (
        *differ,
        f"more than one TabbyAPI is on this machine: {discovery.instance.name} is examined, "
        f"not {others} (choose with --unit, --dir or --url)",
    )


def _differences(box: Container | None) -> tuple[str, ...]:
    """In what a container is not as its engine says."""
    if box is None or box.answer is None:
        return ()
    by = f"{box.answer.by} is otherwise: what is seen counts"
    return tuple(f"of {box.label} {one}; {by}" for one in box.answer.differences)


async def _fact(facts: Facts, kind: type[T], until: float) -> T | None:
    try:
        async with asyncio.timeout_at(until):
            return await facts.get(kind)
    except Exception:  # noqa: BLE001 - late or crashed: the checks say so
        return None


def _config_files(config: EffectiveConfig | None) -> list[str]:
    return [file.path for file in config.files if file.problem != "missing"] if config else []


def _directory(one: Instance) -> str:
    """Of a container that has ended there is none but inside."""
    box = one.contained
    return box.inside(one.directory) if box and box.ended else one.directory


def _user(one: Instance | None) -> str | None:
    return one.user.name if one and one.user else None


def _router(router: RouterSite | None) -> dict[str, Any] | None:
    if router is None:
        return None
    return {
        "path": router.path,
        "unit": router.unit.name if router.unit else None,
        "kind": router.kind,
    }
