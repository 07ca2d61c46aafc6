"""`disable-auth`: set `network.disable_auth: true` in the place that wins, and nowhere else."""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.nixos.nix_text import comment
from tabbydoctor.remedies import credential, nixos, temporary
from tabbydoctor.remedies.auth_off_already import lasts, waits_for_restart
from tabbydoctor.remedies.config_keys import take_out_about_auth
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.remedies.restarting import by_hand
from tabbydoctor.remedies.winning_place import WinningPlace
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.urls import server
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.exposure import exposure
from tabbydoctor.tabbyapi.locality import is_loopback
from tabbydoctor.tabbyapi.probes import Endpoint

WHY = "CFG004"
TITLE = "switch TabbyAPI's authentication off"


def plan_disable_auth(
    draft: Draft,
    instance: Instance,
    config: EffectiveConfig,
    options: FixRequest,
    reading: RouterReading | None,
    machine: Machine,
    module: NixModule | None,
    endpoint: Endpoint | None,
    site: RouterSite | None = None,
) -> None:
    """Raises CannotFix where it would expose the server, or no place can be proven right."""
    waiting = waits_for_restart(config, endpoint)
    in_force = module if module and module.temporary and config.auth_disabled else None
    if not config.auth_disabled or waiting or in_force:
        _refuse_exposed(config, options, reading, machine, instance, module)
    draft.title = TITLE
    overwritten = waiting and not lasts(instance, config, module)
    if not config.auth_disabled or overwritten or options.bind_loopback:
        wanted = _wanted(options)
        if module is not None and options.temporary:
            temporary.run_on(draft, instance, module, config, wanted, WHY)
        else:
            nixos.refuse_network(machine, instance, module, config, wanted)
            WinningPlace(draft, instance, WHY, "disable-auth").set_all(config, wanted)
    elif in_force:
        temporary.in_force(draft, instance, in_force, config)
    _remove_what_has_no_effect(draft, instance, config)
    _let_go(draft, site, reading)
    if draft.plan().empty and not waiting:
        return
    if waiting:
        draft.notes.append("the configuration has it off already: TabbyAPI was started before")
    draft.notes.append(_who_is_admin("127.0.0.1" if options.bind_loopback else config.host))
    _restart(draft, instance, "API004" if waiting else WHY)


def _let_go(draft: Draft, site: RouterSite | None, reading: RouterReading | None) -> None:
    """What an earlier repair gave the router, which needs no key any more, is taken away."""
    if site is None:
        return
    modules = [part.path for part in reading.modules] if reading else []
    paths = dict.fromkeys((*([site.path] if site.path else []), *modules))
    back = [draft.put_back(path, WHY, lambda _: True) for path in paths]
    taken = credential.take_away(draft, site, WHY)
    if not (any(back) or taken):
        return
    draft.notes.append("what earlier repairs gave the router, to send a key, is taken away")
    if site.unit:
        draft.restart(site.unit, WHY)
    else:
        draft.manual.append("restart the router: it runs under no unit")


def _who_is_admin(host: str) -> str:
    if binds_loopback_only(host):
        return "auth off: every local user and every local web page is admin then"
    return f"auth off: TabbyAPI listens on {host}, and whoever reaches its port is admin then"


def _restart(draft: Draft, instance: Instance, why: str) -> None:
    if instance.unit:
        draft.restart(instance.unit, why)
        draft.notes.append(f"{instance.unit.name} is restarted: a loaded model is loaded anew")
    else:
        draft.manual.append(by_hand(instance))


def _refuse_exposed(
    config: EffectiveConfig,
    options: FixRequest,
    reading: RouterReading | None,
    machine: Machine,
    instance: Instance,
    module: NixModule | None,
) -> None:
    if options.allow_exposed:
        return
    exposed = exposure(config, instance)
    if exposed.addresses == () or (options.bind_loopback and not exposed.published):
        return
    local = clients_are_local(reading) and not exposed.published
    lines = [_loopback_lines(machine, instance, module, config)] if local else []
    if module is not None and module.temporary and config.auth_disabled:
        undo = invocation("undo", root=True)
        lines.insert(0, comment(f"{undo} ends the temporary repair that is in force"))
    where = exposed.words or f"listens on {config.host}"
    raise CannotFix(
        f"TabbyAPI {where}: without authentication everybody who reaches it is "
        "admin (--allow-exposed does it all the same)",
        "\n".join(lines),
        loopback_would_do=local,
    )


def _loopback_lines(
    machine: Machine, instance: Instance, module: NixModule | None, config: EffectiveConfig
) -> str:
    """What binds the loopback alone: on NixOS what it would say in place of an edit."""
    try:
        nixos.refuse_network(machine, instance, module, config, {"host": "127.0.0.1"})
    except CannotFix as of_nixos:
        return of_nixos.manual
    return "network:\n  host: 127.0.0.1"


def clients_are_local(reading: RouterReading | None) -> bool:
    """Whether every known client reaches TabbyAPI by the loopback."""
    if reading is None or not reading.addresses:
        return False
    return all(is_loopback((server(url) or ("", 0))[0]) for url in reading.addresses)


def _wanted(options: FixRequest) -> dict[str, str | bool]:
    host: dict[str, str | bool] = {"host": "127.0.0.1"} if options.bind_loopback else {}
    return {"disable_auth": True, **host}


def _remove_what_has_no_effect(draft: Draft, instance: Instance, config: EffectiveConfig) -> None:
    """The notes' `auth:` section and its like never did anything, and mislead who reads them."""
    removed, left = take_out_about_auth(draft, instance, config)
    if removed:
        draft.notes.append("what was meant to switch auth, and never had an effect, is removed")
    draft.manual += left
