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
from tabbydoctor.routers.own_keys import FailingKeys, failing_keys
from tabbydoctor.routers.site_environment import (
    is_set,
    router_environment,
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
    # A variable that other backends are sent as well is not to hold TabbyAPI's key.
    given = failing.variables if strategy == "router-env" and not inputs.reading.leaks else ()
    if not options.temporary:
        _refuse_nixos(machine, site, strategy, tokens.path, given)
    draft.title = f"wire TabbyAPI's key into the router ({strategy})"
    if site.kind == "python":
        wired = _wire_source(
            draft, site, inputs, tokens.path, strategy,
            replaced=_replaced(failing, strategy, given) or bool(failing.files and not reads),
            wrong_files=failing.files if reads else (),
        )  # fmt: skip
        variables, credential_read = wired.variables, wired.reads_credential
    else:
        variables, credential_read = _wire_gateway(draft, site, inputs), False
    if strategy == "router-env":
        accepted = {*tokens.api_keys, tokens.admin_key}
        lacking = [name for name in variables if _lacks(site, inputs.reading, accepted, name)]
        _bring(draft, machine, site, tokens, lacking, credential_read)
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


def _replaced(failing: FailingKeys, strategy: Strategy, given: tuple[str, ...]) -> bool:
    """Whether a key of the router's own gives way to TabbyAPI's in the source."""
    variables = bool(failing.variables and not given)
    return failing.literal or variables or (failing.credential and strategy == "router-tokens")


def _lacks(
    site: RouterSite, reading: RouterReading, accepted: Container[str | None], variable: str
) -> bool:
    """Whether a variable is to be brought: not set, refused, or shown to every local user."""
    running = (site.process.environment if site.process else None) or {}
    value = router_environment(site).get(variable) or running.get(variable)
    if value:
        shown = site.unit is not None and variable in site.unit.environment
        return shown or value not in accepted
    return not is_set(site, reading, variable)


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
    tokens_path: str,
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
            tokens_path=tokens_path,
            path=path,
            files=inputs.files,
            environment=inputs.environment,
            directory=inputs.directory,
            replace_own_key=replaced,
            wrong_files=wrong_files,
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
