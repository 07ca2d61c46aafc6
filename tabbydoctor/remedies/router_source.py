"""The router's own file: made to send the key, by what its kind takes it from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Mapping
from functools import partial

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.nixos.by_rebuild import to_paste
from tabbydoctor.records import dataclass
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.gateway_values import set_values
from tabbydoctor.remedies.request import Strategy
from tabbydoctor.routers import RouterReading
from tabbydoctor.routers.gateways.remedies import by_hand
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.kind import CannotGiveKey, KeyedKind
from tabbydoctor.routers.kinds import RouterKinds
from tabbydoctor.routers.marked_block import CREDENTIALS, marked_block
from tabbydoctor.routers.reach import RouterReach
from tabbydoctor.routers.site.environment import variable_of
from tabbydoctor.routers.wiring import CannotWire, Wired, own_variables, wire
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.yaml.edit import CannotEdit

WHY = "RTR001"
WIRING = "wire TabbyAPI's key into the router"
"""How the title of a change begins that does."""
_LIBRARY = re.compile(
    r"^[ \t]*(?:from|import)\b[^\n]*\b(?:aiohttp|http|httpx|litellm|openai|requests|urllib)\b", re.M
)
"""An import of a library whose clients can be given the key."""


@dataclass(frozen=True, slots=True)
class WiredSources:
    """What all modules of a router are like, once they are wired."""

    requires: tuple[str, ...]
    """Environment variables without which their own lines fail."""
    wrong_files: Mapping[str, str]
    """Those of the wrong files that their own lines still open -> `path:line`."""
    variables: tuple[str, ...]
    """Environment variables from which their own lines take the key that they send."""
    reads_credential: bool
    """Whether they read the credential of their unit, as the helper does."""


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
    throughout: bool = False,
) -> WiredSources:
    """Wire every module that needs it, as one change; what all of them together are like then.

    `throughout`: every client of every module, in the place of whatever key it sends.

    Raises CannotFix where no module can be wired; one of several that cannot is left to a person.
    """
    by_hand = nixos.source_by_hand(path_of(site), tokens.path, inputs.reading)
    before, certain = inputs, inputs.reading.certain and not throughout
    wired: list[Wired] = []
    refused: list[CannotFix] = []
    opened = (*wrong_files, *(reach.denied if reach else ()))
    for path in modules_to_wire(inputs, opened) if certain else _with_clients(inputs):
        nixos.refuse_store(path, "\n".join(by_hand))
        content = draft.read(path)
        if content is None:
            raise CannotFix(f"{path} is not there")
        try:
            one = _wired(
                path, content, inputs, tokens, strategy,
                replaced=replaced or throughout, wrong_files=wrong_files, reach=reach,
                throughout=not certain,
            )  # fmt: skip
        except CannotWire as error:
            where = f"{path}:{error.line}: " if error.line else ""
            message = error.message.removeprefix(f"{path}: ")
            refused.append(CannotFix(f"{where or path + ': '}{message}", error.snippet))
            continue
        wired.append(one)
        _plan(draft, path, one, named=len(inputs.sources) > 1, certain=certain)
        inputs = inputs.with_text(path, one.source.decode("utf-8", "replace"))
    if refused and not any(one.changes for one in wired):
        raise refused[0]
    if certain:  # else they hold no client
        draft.manual += [each.message for each in refused]
    return WiredSources(
        tuple(sorted({name for one in wired for name in one.requires})),
        {name: where for one in wired for name, where in one.wrong_files.items()},
        *_told(before, inputs, certain=certain),
    )


def _with_clients(inputs: RouterInputs) -> tuple[str, ...]:
    """The modules that name a library whose clients can be given the key; all where none does."""
    named = (
        path for path, text in inputs.sources.items() if _LIBRARY.search(text) or marked_block(text)
    )
    return tuple(named) or tuple(inputs.sources)


def _told(
    before: RouterInputs, after: RouterInputs, *, certain: bool
) -> tuple[tuple[str, ...], bool]:
    """The variables that the wired sources send by their own lines (none where every client is
    given the key in the place of its own), and whether one reads the credential of its unit.
    """
    reading = before.reading
    if after.sources != before.sources and certain:
        reading = after.read_anew()
    blocks = [block for text in after.sources.values() if (block := marked_block(text))]
    read = {*reading.reads_environment, *(n for one in blocks for n in one.reads_environment)}
    return own_variables(reading) if certain else (), CREDENTIALS in read


def _plan(draft: Draft, path: str, wired: Wired, *, named: bool, certain: bool) -> None:
    """`named`: what is said of it tells which of several modules it is. Where it is not `certain`
    which clients call TabbyAPI, what is left of one is no more than a remark: a request shows
    whether it matters.
    """
    draft.edit(path, lambda _: wired.source, WHY)
    of = f"{posixpath.basename(path)}: " if named else ""
    draft.notes += [f"{of}{said}" for said in wired.changes]
    left = [f"{path}: {said}" if named else said for said in wired.leftovers]
    if certain:
        draft.manual += left
    else:
        draft.notes += left


def modules_to_wire(inputs: RouterInputs, files: Container[str] = ()) -> tuple[str, ...]:
    """The modules in which something is to be done, or was: those that call TabbyAPI, judge its
    answers, handle its key, read it from some files, or write its configuration; every one where
    no call is known for certain.
    """
    reading, sources = inputs.reading, inputs.sources
    if not reading.parts:
        return (reading.path,) if reading.calls else tuple(sources)
    if not reading.certain:
        return tuple(sources)
    concerned = {
        part.path
        for part in reading.parts
        if part.calls or part.makes or part.leaks or part.accepts_401 or part.uses_admin_key
        or part.assumes_key_string or part.untrimmed
        or any(name.endswith((".yml", ".yaml")) for name in part.writes_files)
        or any(name in files for name in part.reads_files)
    }  # fmt: skip
    return tuple(path for path in sources if path in concerned or marked_block(sources[path]))


def wire_gateway(
    draft: Draft, site: RouterSite, inputs: RouterInputs, kinds: RouterKinds, *, asked: bool = True
) -> tuple[str, ...]:
    """The variables that it takes the key from; a check that could send none is mended, too.

    `asked`: the key itself is asked for, not that check alone. Raises CannotFix.
    """
    path, kind = path_of(site), _keyed(site, kinds, inputs.reading)
    probes = inputs.reading.mends("probe")
    set_values(draft, path, probes, "RTR007")
    try:
        draft.edit(path, lambda content: kind.with_key(content, inputs.urls), WHY)
    except CannotEdit as error:
        raise CannotFix(f"{path}:{error.line or 1}: {error.message}") from error
    except CannotGiveKey as error:
        if not probes:
            raise CannotFix(error.message, error.manual) from error
        draft.manual += [error.message] if asked else []
    text = (draft.read(path) or b"").decode("utf-8", "replace")
    reading = kind.read(path, text, inputs.urls)
    return tuple(sorted({variable_of(call.key_from) for call in reading.calls} - {""}))


def _keyed(site: RouterSite, kinds: RouterKinds, reading: RouterReading | None = None) -> KeyedKind:
    """The kind that gives its file the key. Raises CannotFix for one that only reads."""
    kind = kinds.named(site.kind)
    if not isinstance(kind, KeyedKind):
        raise CannotFix(
            f"a router of the kind {site.kind} cannot be given the key by tabbydoctor",
            "\n".join(to_paste(by_hand(reading, "key", site))) if reading else "",
        )
    return kind


def stays(
    draft: Draft, site: RouterSite, inputs: RouterInputs, kinds: RouterKinds, tokens: Tokens
) -> bool:
    """Whether its file is to stay as it is, once its unit brings the right key."""
    path = path_of(site)
    paths = modules_to_wire(inputs) if site.kind == "python" else (path,)
    texts = {each: draft.read(each) or b"" for each in paths}
    try:
        if site.kind == "python":
            return all(
                _wired(each, text, inputs, tokens, "router-env").source == text
                for each, text in texts.items()
            )
        return _keyed(site, kinds).with_key(texts[path], inputs.urls) == texts[path]
    except (CannotWire, CannotEdit, CannotFix, CannotGiveKey):
        return False


def _wired(
    path: str, content: bytes, inputs: RouterInputs, tokens: Tokens, strategy: Strategy, *,
    replaced: bool = False, wrong_files: tuple[str, ...] = (), reach: RouterReach | None = None,
    throughout: bool = False,
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
        read=partial(inputs.with_module, path),
        elsewhere=bool(inputs.reading.parts and inputs.reading.calls),
        throughout=throughout,
    )


def path_of(site: RouterSite) -> str:
    if site.path is None:
        raise CannotFix("the router's file is not known: name it with --router")
    return site.path
