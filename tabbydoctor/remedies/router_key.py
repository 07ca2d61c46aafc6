"""`router-tokens` and `router-env`: the router sends TabbyAPI's key, to TabbyAPI only."""

from __future__ import annotations

from collections.abc import Container

from tabbydoctor.deployment.access import PathStatus
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.nixos.nix_text import comment
from tabbydoctor.remedies import credential, gateways, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.options import FixOptions, Strategy
from tabbydoctor.repair.yaml_edit import CannotEdit
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.inputs import KINDS, RouterInputs
from tabbydoctor.routers.keys import is_secret
from tabbydoctor.routers.own_keys import FailingKeys, failing_keys
from tabbydoctor.routers.site_environment import (
    is_set,
    replaced_by_itself,
    router_environment,
    set_by_itself,
    variable_of,
)
from tabbydoctor.routers.site_keys import RouterKeys
from tabbydoctor.routers.wiring import CannotWire, Wired, wire
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import Tokens

WHY = "RTR001"
# What reads no file itself: the key has to come by the environment.
_ENVIRONMENT_ONLY = ("litellm", "llama-swap")


def plan_router_key(
    draft: Draft,
    machine: Machine,
    tokens: Tokens,
    paths: TokenPaths,
    people: People,
    site: RouterSite,
    inputs: RouterInputs,
    options: FixOptions,
    keys: RouterKeys | None,
) -> None:
    """Raises CannotFix where no place can be proven right; then it says what to paste.

    A router that sends a variable which nobody sets is given that variable by `router-env`, its
    source left as it is; `router-tokens` puts the file's key in the place of the variable's.
    """
    reads = may_read(site, people, paths.file)
    strategy = _strategy(options, site, reads)
    if tokens.api_key is None:
        raise CannotFix(f"{tokens.path} holds no API key that could be sent")
    failing = failing_keys(keys or RouterKeys(), tokens, site, inputs.reading)
    reading = inputs.reading
    # A variable that other backends are sent as well is not to hold TabbyAPI's key.
    by_unit = strategy == "router-env" and not reading.leaks
    given = tuple(name for name in failing.variables if by_unit and not unfit(reading, name))
    if not options.temporary:
        _refuse_nixos(machine, site, strategy, tokens.path, given)
    draft.title = f"wire TabbyAPI's key into the router ({strategy})"
    if site.kind == "python":
        wired = _wire_source(
            draft, site, inputs, tokens, strategy,
            replaced=_replaced(failing, strategy, by_unit) or bool(failing.files and not reads),
            wrong_files=failing.files if reads else (),
        )  # fmt: skip
        variables, credential_read = wired.variables, wired.reads_credential
        draft.manual += [
            f"{site.path}:{line}: let it open {tokens.path}: {name}, which it opens, is not there"
            for name, line in wired.wrong_files.items()
            if keys and name in keys.missing
        ]
    else:
        variables, credential_read = _wire_gateway(draft, site, inputs), False
    if strategy == "router-env":
        accepted = {*tokens.api_keys, tokens.admin_key}
        lacking = [name for name in variables if _lacks(site, reading, accepted, name)]
        for name in lacking:
            if why := unfit(reading, name):
                draft.manual.append(
                    f"{site.path} takes TabbyAPI's key from the variable {name!r}, which is left "
                    f"as it is ({why}): let it take it from {credential.VARIABLE}, "
                    "and run this again"
                )
        fit = [name for name in lacking if not unfit(reading, name)]
        _bring(draft, machine, site, tokens, fit, credential_read)
    if draft.changes_files:
        _restart(draft, site)


def _refuse_nixos(
    machine: Machine, site: RouterSite, strategy: Strategy, tokens: str, given: tuple[str, ...]
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
    nixos.refuse_router(machine, site, strategy, tokens, credential.key_path(site))


def _replaced(failing: FailingKeys, strategy: Strategy, by_unit: bool) -> bool:
    """Whether a key of the router's own gives way to TabbyAPI's in the source."""
    variables = bool(failing.variables and not by_unit)
    return failing.literal or variables or (failing.credential and strategy == "router-tokens")


def unfit(reading: RouterReading, variable: str) -> str:
    """Why a variable is not to hold TabbyAPI's key; empty where it may."""
    if not credential.valid_name(variable):
        return "no environment file can set one of that name"
    if not is_secret(variable):
        return "its name is not that of a key"
    elsewhere = reading.leaks or (reading.sent_elsewhere and "tabby" not in variable.lower())
    return "it may be sent to other servers, too" if elsewhere else ""


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
    variables: list[str],
    credential_read: bool,
) -> None:
    """The key by the unit: as the variables that the router reads, and as what the helper reads."""
    key = tokens.api_key or ""
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


def _strategy(options: FixOptions, site: RouterSite, reads: bool) -> Strategy:
    if site.kind in _ENVIRONMENT_ONLY:
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
    return "router-tokens" if reads else "router-env"


def may_read(site: RouterSite, people: People, tokens: PathStatus | None) -> bool:
    """Whether the router's account, with its unit's groups, may read the tokens file."""
    user = site.user
    if user is None or tokens is None:
        return False
    names = site.unit.get("SupplementaryGroups").split() if site.unit else []
    if site.unit and site.unit.get("Group"):
        names.append(site.unit.get("Group"))
    extra = {group.gid for group in people.groups if group.name in names}
    return tokens.denied_at(user.uid, {*user.groups, *extra}, "r") is None


def _wire_source(
    draft: Draft,
    site: RouterSite,
    inputs: RouterInputs,
    tokens: Tokens,
    strategy: Strategy,
    *,
    replaced: bool,
    wrong_files: tuple[str, ...],
) -> Wired:
    path = _path(site)
    nixos.refuse_store(path)
    content = draft.read(path)
    if content is None:
        raise CannotFix(f"{path} is not there")
    try:
        wired = wire(
            content,
            tabby_urls=inputs.urls,
            strategy="router-env" if strategy == "router-env" else "router-tokens",
            tokens_path=tokens.path,
            path=path,
            files=inputs.files,
            environment=inputs.environment,
            directory=inputs.directory,
            replace_own_key=replaced,
            wrong_files=wrong_files,
            list_key=tokens.is_list,
        )
    except CannotWire as error:
        where = f"{path}:{error.line}: " if error.line else ""
        message = error.message.removeprefix(f"{path}: ")
        raise CannotFix(f"{where or path + ': '}{message}", error.snippet) from error
    draft.edit(path, lambda _: wired.source, WHY)
    draft.notes += wired.changes
    draft.manual += wired.leftovers
    return wired


def _wire_gateway(draft: Draft, site: RouterSite, inputs: RouterInputs) -> tuple[str, ...]:
    """The variables that it takes the key from."""
    path = _path(site)
    try:
        draft.edit(path, lambda content: gateways.wired(site.kind, content, inputs.urls), WHY)
    except CannotEdit as error:
        raise CannotFix(f"{path}:{error.line or 1}: {error.message}") from error
    text = (draft.read(path) or b"").decode("utf-8", "replace")
    reading: RouterReading = KINDS[site.kind].read(path, text, inputs.urls)
    return tuple(sorted({variable_of(call.key_from) for call in reading.calls} - {""}))


def _path(site: RouterSite) -> str:
    if site.path is None:
        raise CannotFix("the router's file is not known: name it with --router")
    return site.path


def _restart(draft: Draft, site: RouterSite) -> None:
    if site.unit:
        draft.restart(site.unit, WHY)
        draft.notes.append(f"{site.unit.name} is restarted; TabbyAPI is not")
    else:
        draft.manual.append("restart the router: it runs under no unit")
