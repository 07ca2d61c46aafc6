"""`router-tokens` and `router-env`: the router sends TabbyAPI's key, to TabbyAPI only."""

from __future__ import annotations

from tabbydoctor.deployment.access import PathStatus
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.remedies import credential, gateways, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.options import FixOptions, Strategy
from tabbydoctor.repair.yaml_edit import CannotEdit
from tabbydoctor.routers.marked_block import CREDENTIALS
from tabbydoctor.routers.site import RouterInputs
from tabbydoctor.routers.site_keys import RouterKeys
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
    keys: RouterKeys | None,
) -> None:
    """Raises CannotFix where no place can be proven right; then it says what to paste."""
    strategy = _strategy(options, site, people, paths.file)
    if tokens.api_key is None:
        raise CannotFix(f"{tokens.path} holds no API key that could be sent")
    if not options.temporary:
        nixos.refuse_router(machine, site, strategy, tokens.path, credential.key_path(site))
    draft.title = f"wire TabbyAPI's key into the router ({strategy})"
    if site.kind == "python":
        own = keys if strategy == "router-tokens" else None
        replaced = own is not None and own_key_fails(own, tokens, site, inputs)
        _wire_source(draft, site, inputs, tokens.path, strategy, replaced)
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


def own_key_fails(keys: RouterKeys, tokens: Tokens, site: RouterSite, inputs: RouterInputs) -> bool:
    """Whether the key that the router has of its own is refused (RTR005) or not set (RTR009)."""
    first: dict[str, str] = {}  # of the unit before the process: what the next start gets
    for key in keys.keys:
        first.setdefault(key.source, key.value)
    accepted = {*tokens.api_keys, tokens.admin_key}
    if keys.missing or not accepted.issuperset(first.values()):
        return True
    wanted = {call.key_from for call in inputs.reading.calls if call.sends_key}
    unset = [one for one in wanted if one.startswith("environment ") and one not in first]
    if site.unit is None or CREDENTIALS in inputs.reading.reads_environment:
        return False
    passed = site.unit.get("PassEnvironment").split()
    return any(one.split()[1] not in passed for one in unset)


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
    replaced: bool,
) -> None:
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
