"""The router's own file: made to send the key, by what its kind takes it from."""

from __future__ import annotations

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.remedies import gateways, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.options import Strategy
from tabbydoctor.repair.yaml_edit import CannotEdit
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.inputs import KINDS, RouterInputs
from tabbydoctor.routers.reach import RouterReach
from tabbydoctor.routers.site_environment import variable_of
from tabbydoctor.routers.wiring import CannotWire, Wired, wire
from tabbydoctor.tabbyapi.tokens import Tokens

WHY = "RTR001"


def wire_source(
    draft: Draft,
    site: RouterSite,
    inputs: RouterInputs,
    tokens: Tokens,
    strategy: Strategy,
    *,
    replaced: bool,
    wrong_files: tuple[str, ...],
    reach: RouterReach | None = None,
) -> Wired:
    path = path_of(site)
    by_hand = nixos.source_by_hand(path, tokens.path, inputs.reading)
    nixos.refuse_store(path, "\n".join(by_hand))
    content = draft.read(path)
    if content is None:
        raise CannotFix(f"{path} is not there")
    try:
        wired = _wired(
            path, content, inputs, tokens, strategy,
            replaced=replaced, wrong_files=wrong_files, reach=reach,
        )  # fmt: skip
    except CannotWire as error:
        where = f"{path}:{error.line}: " if error.line else ""
        message = error.message.removeprefix(f"{path}: ")
        raise CannotFix(f"{where or path + ': '}{message}", error.snippet) from error
    draft.edit(path, lambda _: wired.source, WHY)
    draft.notes += wired.changes
    draft.manual += wired.leftovers
    return wired


def wire_gateway(draft: Draft, site: RouterSite, inputs: RouterInputs) -> tuple[str, ...]:
    """The variables that it takes the key from."""
    path = path_of(site)
    try:
        draft.edit(path, lambda content: gateways.wired(site.kind, content, inputs.urls), WHY)
    except CannotEdit as error:
        raise CannotFix(f"{path}:{error.line or 1}: {error.message}") from error
    text = (draft.read(path) or b"").decode("utf-8", "replace")
    reading: RouterReading = KINDS[site.kind].read(path, text, inputs.urls)
    return tuple(sorted({variable_of(call.key_from) for call in reading.calls} - {""}))


def stays(draft: Draft, site: RouterSite, inputs: RouterInputs, tokens: Tokens) -> bool:
    """Whether its file is to stay as it is, once its unit brings the right key."""
    path = path_of(site)
    content = draft.read(path) or b""
    try:
        if site.kind == "python":
            return _wired(path, content, inputs, tokens, "router-env").source == content
        return gateways.wired(site.kind, content, inputs.urls) == content
    except (CannotWire, CannotEdit, CannotFix):
        return False


def _wired(
    path: str, content: bytes, inputs: RouterInputs, tokens: Tokens, strategy: Strategy, *,
    replaced: bool = False, wrong_files: tuple[str, ...] = (), reach: RouterReach | None = None,
) -> Wired:  # fmt: skip
    return wire(
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
        denied=tuple(reach.denied) if reach else (),
        trim=bool(reach and reach.unsendable),
        list_key=tokens.is_list,
    )


def path_of(site: RouterSite) -> str:
    if site.path is None:
        raise CannotFix("the router's file is not known: name it with --router")
    return site.path
