"""`router-tokens` and `router-env`: the router sends TabbyAPI's key, to TabbyAPI only."""

from __future__ import annotations

from tabbydoctor.deployment.access import PathStatus
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.remedies import credential, gateways
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.options import FixOptions, Strategy
from tabbydoctor.repair.yaml_edit import CannotEdit
from tabbydoctor.routers.site import RouterInputs
from tabbydoctor.routers.wiring import CannotWire, wire
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
) -> None:
    """Raises CannotFix where no place can be proven right; then it says what to paste."""
    strategy = _strategy(options, site, people, paths.file)
    if tokens.api_key is None:
        raise CannotFix(f"{tokens.path} holds no API key that could be sent")
    draft.title = f"wire TabbyAPI's key into the router ({strategy})"
    if site.kind == "python":
        _wire_source(draft, site, inputs, tokens.path, strategy)
    else:
        _wire_gateway(draft, site, inputs)
    if strategy == "router-env":
        credential.bring_key(
            draft, machine, site, tokens.api_key, WHY,
            environment_only=site.kind in _ENVIRONMENT_ONLY,
        )  # fmt: skip
        if draft.changes_files:
            draft.notes.append("after a rotation of the key run this again: RTR005 will say so")
    if draft.changes_files:
        _restart(draft, site)


def _strategy(
    options: FixOptions, site: RouterSite, people: People, tokens: PathStatus | None
) -> Strategy:
    reads = may_read(site, people, tokens)
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
    draft: Draft, site: RouterSite, inputs: RouterInputs, tokens_path: str, strategy: Strategy
) -> None:
    path = _path(site)
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
        )
    except CannotWire as error:
        where = f"{path}:{error.line}: " if error.line else ""
        message = error.message.removeprefix(f"{path}: ")
        raise CannotFix(f"{where or path + ': '}{message}", error.snippet) from error
    draft.edit(path, lambda _: wired.source, WHY)
    draft.notes += wired.changes
    draft.manual += wired.leftovers


def _wire_gateway(draft: Draft, site: RouterSite, inputs: RouterInputs) -> None:
    path = _path(site)
    try:
        draft.edit(path, lambda content: gateways.wired(site.kind, content, inputs.urls), WHY)
    except CannotEdit as error:
        raise CannotFix(f"{path}:{error.line or 1}: {error.message}") from error


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
