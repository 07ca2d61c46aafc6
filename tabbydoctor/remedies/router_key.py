"""`router-tokens` and `router-env`: the router sends TabbyAPI's key, to TabbyAPI only."""

from __future__ import annotations

import os
from collections.abc import Container
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.nixos.nix_text import comment
from tabbydoctor.remedies import credential, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.earlier_strategy import take_away, turn_auth_on
from tabbydoctor.remedies.gateway_key import plan_gateway_key
from tabbydoctor.remedies.request import FixRequest, Strategy
from tabbydoctor.remedies.router_restart import given_by_container, refuse_image, restart_router
from tabbydoctor.remedies.router_source import WHY, WIRING, stays, wire_gateway, wire_source
from tabbydoctor.remedies.router_variables import left_alone, unfit
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.keys import CLIENT_OWN
from tabbydoctor.routers.kind import PlacedKind
from tabbydoctor.routers.kinds import BUILT_IN, RouterKinds
from tabbydoctor.routers.marked_block import MarkedBlock, marked_block
from tabbydoctor.routers.own_keys import FailingKeys, failing_keys, unknown_key
from tabbydoctor.routers.reach import RouterReach, may_read
from tabbydoctor.routers.site.environment import (
    is_set,
    replaced_by_itself,
    router_environment,
    set_by_itself,
    variable_of,
)
from tabbydoctor.routers.site.keys import RouterKeys, stale_copies
from tabbydoctor.routers.witness import RouterWitness
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import Tokens

# What reads no file itself: the key has to come by the environment.


def plan_router_key(
    draft: Draft,
    machine: Machine,
    instance: Instance | None,
    tokens: Tokens,
    paths: TokenPaths,
    people: People,
    site: RouterSite,
    inputs: RouterInputs,
    options: FixRequest,
    keys: RouterKeys | None,
    address: Address | None,
    endpoint: Endpoint | None,
    reach: RouterReach | None,
    kinds: RouterKinds = BUILT_IN,
    witness: RouterWitness | None = None,
) -> None:
    """Raises CannotFix where no place can be proven right; then it says what to paste.

    A router that sends a variable which nobody sets is given that variable by `router-env`, its
    source left as it is; `router-tokens` puts the file's key in the place of the variable's.
    Where all that is wrong is an old key in a file of its unit's, that file alone is changed.
    """
    refuse_image(site)
    reads = may_read(site, people, paths.on_machine, tokens.path)
    _refuse_own_unit(site, reads)
    strategy = _strategy(options, site, reads, _block(inputs))
    key = _key_to_send(tokens)
    refuse_stranger(address, endpoint)
    failing = failing_keys(keys or RouterKeys(), tokens, site, inputs.reading, reach)
    reading = inputs.reading
    seen_refused = witness is not None and witness.proves_fault
    _said_of_leaks(draft, site, reading)
    by_tokens = options.strategy == "router-tokens"
    # A process without a unit names files of its account's choosing: the key is put into none.
    kind = kinds.named(site.kind)
    if isinstance(kind, PlacedKind):
        if options.strategy is not None:
            turn_auth_on(draft, instance)
        plan_gateway_key(
            draft, machine, site, inputs, kind, tokens, key, failing, seen_refused=seen_refused
        )
        return
    root_says = site.unit is not None or reads or os.geteuid() != 0
    renews = keys is not None and not by_tokens and root_says
    if (
        keys
        and renews
        and not options.throughout
        and _renewed(draft, site, inputs, kinds, tokens, key, keys, failing)
    ):
        return
    # A variable that other backends are sent as well is not to hold TabbyAPI's key.
    by_unit = strategy == "router-env" and not reading.leaks
    given = tuple(name for name in failing.variables if by_unit and not unfit(reading, name))
    if not options.temporary:
        _refuse_nixos(machine, site, strategy, tokens.path, given, reading)
    draft.title = f"{WIRING} ({strategy})"
    if site.kind == "python":
        there = site.contained.within(tokens.path) if site.contained else ""
        wired = wire_source(
            draft, site, inputs, replace(tokens, path=there or tokens.path), strategy,
            replaced=(
                _replaced(failing, strategy, by_unit)
                or bool(failing.files and not reads)
                or bool(seen_refused and unknown_key(keys or RouterKeys(), site, reading, witness))
            ),
            throughout=options.throughout,
            wrong_files=failing.files if reads else (),
            reach=reach,
        )  # fmt: skip
        variables, credential_read = wired.variables, wired.reads_credential
        _said_of_callers(draft, inputs.reading)
        draft.manual += [
            f"{where}: let it open {tokens.path}: {name}, which it opens, is not there"
            for name, where in wired.wrong_files.items()
            if keys and name in keys.missing
        ]
    else:
        of_probe = options.ids == ("RTR007",)
        variables = wire_gateway(draft, site, inputs, kinds, asked=not of_probe)
        credential_read = False
    if strategy == "router-env":
        accepted = {*tokens.api_keys, tokens.admin_key}
        lacking = [name for name in variables if _lacks(site, reading, accepted, name)]
        refused = {
            name: why
            for name in lacking
            if (why := unfit(reading, name)) and router_environment(site).get(name) not in accepted
        }
        draft.manual += [left_alone(reading, name, why) for name, why in refused.items()]
        fit = [name for name in lacking if name not in refused]
        _bring(draft, machine, site, tokens, key, fit, credential_read)
    elif site.kind == "python":
        take_away(draft, machine, site, reading, tokens, key, wired)
    if options.strategy is not None:
        turn_auth_on(draft, instance)
    if draft.changes_files:
        restart_router(draft, site)


def _said_of_leaks(draft: Draft, site: RouterSite, reading: RouterReading) -> None:
    """What a person does where other backends are sent the key: they have seen it."""
    if not reading.leaks:
        return
    if site.kind != "python":
        lines = ", ".join(map(str, reading.leaks))
        draft.manual.append(
            f"{reading.path}: line {lines}: other backends are sent TabbyAPI's key: take it away "
            "there"
        )
    draft.manual.append(
        "then replace api_key in api_tokens.yml, which other backends have seen, by a new value "
        "(`openssl rand -hex 16`), and restart TabbyAPI"
    )


def _said_of_callers(draft: Draft, reading: RouterReading) -> None:
    """What becomes of requests that came with a key of their own."""
    if draft.changes_files and any(call.key_from == CLIENT_OWN for call in reading.calls):
        draft.notes.append(
            "what a caller sends as a key gives way to TabbyAPI's, in the place of it: calls that "
            "need the admin key go to TabbyAPI itself from now on"
        )


def _block(inputs: RouterInputs) -> MarkedBlock | None:
    """What an earlier repair put into the router's source, an outdated block first."""
    blocks = [block for text in inputs.sources.values() if (block := marked_block(text))]
    return min(blocks, key=lambda block: not block.outdated, default=None)


def _key_to_send(tokens: Tokens) -> str:
    """The API key. Raises CannotFix without one."""
    if tokens.api_key is not None:
        return tokens.api_key
    if tokens.problem == "unreadable":
        raise CannotFix(f"{tokens.path} cannot be read: {tokens.detail or 'use sudo'}")
    if tokens.problem == "missing":
        raise CannotFix(f"{tokens.path} is not there: no API key could be sent")
    raise CannotFix(f"{tokens.path} holds no API key that could be sent")


def _refuse_own_unit(site: RouterSite, reads: bool) -> None:
    """Raises CannotFix where root would give the key to an account that says it has a router.

    Anybody may have a unit in a manager of his own.
    """
    unit = site.unit
    if reads or unit is None or not unit.user_manager or os.geteuid() != 0:
        return
    raise CannotFix(
        f"{unit.name} is a unit of {unit.owner}'s own, who may not read the tokens file: the key "
        "is not handed to an account by its own word; let it read the file, or run the router "
        "under a unit of the system's"
    )


def refuse_stranger(address: Address | None, endpoint: Endpoint | None) -> None:
    """Raises CannotFix where the key would be sent to another program than TabbyAPI."""
    if address is None or address.moved or not address.holder or address.process_listens:
        return
    if address.process_listens is None or (endpoint and endpoint.identity == "tabbyapi"):
        return
    port = urlsplit(address.url).port
    raise CannotFix(
        f"{address.holder}, no process of TabbyAPI's, holds {address.url} and would be sent the "
        f"key: first free port {port} or give TabbyAPI another network.port, and start TabbyAPI; "
        "or say with --url where it is"
    )


def _renewed(
    draft: Draft, site: RouterSite, inputs: RouterInputs,
    kinds: RouterKinds, tokens: Tokens, key: str,
    keys: RouterKeys, failing: FailingKeys,
) -> bool:  # fmt: skip
    """Plan the present key in the place of the old one, where nothing else is to be changed."""
    stale = stale_copies(keys, {*tokens.api_keys, tokens.admin_key})
    if stale is None:
        return False
    copies = [(copy.file, variable_of(copy.source)) for copy in stale]
    lasting = not any(
        path.startswith("/run/") or nixos.leads_into_store(path) for path, _ in copies
    )
    fit = not any(name and unfit(inputs.reading, name) for _, name in copies)
    covered = set(failing.variables) <= {name for _, name in copies}
    if not (lasting and fit and covered and stays(draft, site, inputs, kinds, tokens)):
        return False
    for path, name in copies:
        draft.edit(path, partial(_with_key, name, key), WHY)
    draft.title = "give the router TabbyAPI's present key (router-env)"
    draft.notes.append("after a rotation of the key run this again: RTR005 will say so")
    restart_router(draft, site)
    return True


def _with_key(variable: str, key: str, content: bytes) -> bytes:
    """A credential's file, or for a variable an environment file, with the key."""
    if variable:
        return credential.with_variable(content, variable, key)
    return key.encode() + content[len(content.rstrip()) :]


def _refuse_nixos(
    machine: Machine,
    site: RouterSite,
    strategy: Strategy,
    tokens: str,
    given: tuple[str, ...],
    reading: RouterReading,
) -> None:
    """Raises CannotFix, with the lines: for variables that the router reads, or for any router."""
    if given and site.unit:
        path = credential.environment_path(site)
        holds = ", ".join(f"{name}=<the api_key of {tokens}>" for name in given)
        try:
            nixos.refuse_unit(machine, site.unit, [("EnvironmentFile", path)])
        except CannotFix as error:
            what = comment(f"{path}, root:root and mode 0600, holds {holds}")
            raise CannotFix(error.message, f"{what}\n{error.manual}") from error
    nixos.refuse_router(machine, site, strategy, tokens, credential.key_path(site), reading)


def _replaced(failing: FailingKeys, strategy: Strategy, by_unit: bool) -> bool:
    """Whether a key of the router's own gives way to TabbyAPI's in the source."""
    variables = bool(failing.variables and not by_unit)
    credential = failing.credential and strategy == "router-tokens"
    return failing.literal or variables or failing.beyond or credential


def _lacks(
    site: RouterSite, reading: RouterReading, accepted: Container[str | None], variable: str
) -> bool:
    """Whether a variable is to be brought: not set, refused, or shown to every local user."""
    running = (site.process.environment if site.process else None) or {}
    value = router_environment(site).get(variable) or running.get(variable)
    if value and not replaced_by_itself(reading, variable):
        shown = site.unit is not None and variable in site.unit.environment
        return shown or value not in accepted
    return not (is_set(site, reading, variable) or set_by_itself(site, reading, variable))


def _bring(
    draft: Draft,
    machine: Machine,
    site: RouterSite,
    tokens: Tokens,
    key: str,
    variables: list[str],
    credential_read: bool,
) -> None:
    """The key by the unit: as the variables that the router reads, and as what the helper reads."""
    if site.contained:
        draft.manual += given_by_container(site, tokens, variables, credential_read)
        return
    if site.unit is None:
        draft.manual += [
            f"set {name} to the api_key of {tokens.path} in the environment of {site.path}, and "
            "start it again: it runs under no unit (--strategy router-tokens needs no variable)"
            for name in variables
        ]
    elif variables:
        credential.bring_key(
            draft, machine, site, key, WHY, environment_only=True, variables=variables
        )
    if credential_read:
        credential.bring_key(draft, machine, site, key, WHY, environment_only=False)
    if draft.changes_files:
        draft.notes.append("after a rotation of the key run this again: RTR005 will say so")


def _strategy(
    options: FixRequest, site: RouterSite, reads: bool, block: MarkedBlock | None
) -> Strategy:
    """The one asked for; else the tokens where they can be read, but a block of before that is
    brought up to date keeps its way.
    """
    if site.kind != "python":
        if options.strategy == "router-tokens":
            raise CannotFix(
                f"{site.kind} cannot read api_tokens.yml: it takes the key from its environment "
                "(--strategy router-env)"
            )
        return "router-env"
    if options.strategy == "router-tokens" and not reads:
        name = site.user.name if site.user else "the router's account"
        raise CannotFix(f"{name} may not read the tokens file (--strategy router-env needs not)")
    if options.strategy in ("router-tokens", "router-env"):
        return options.strategy
    by_unit = block is not None and block.outdated and not block.tokens_path
    return "router-tokens" if reads and not by_unit else "router-env"
