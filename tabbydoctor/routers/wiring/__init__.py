"""Wiring TabbyAPI's key into a router written in Python: source in, source out.

Nothing is read, run or written here. The result sends the key to TabbyAPI's host and port
alone, and applying it again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Literal

import libcst as cst

from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.routers import RouterReading, python, urls
from tabbydoctor.routers.marked_block import legible, marked_block
from tabbydoctor.routers.site.environment import variable_of
from tabbydoctor.routers.wiring import block
from tabbydoctor.routers.wiring.clients import (
    needs_key,
    wire_call,
    wire_every,
    wire_litellm,
    wire_made,
)
from tabbydoctor.routers.wiring.configuration import wire_configuration
from tabbydoctor.routers.wiring.keys import manages, wire_keys
from tabbydoctor.routers.wiring.leaks import wire_leaks
from tabbydoctor.routers.wiring.paths import wire_denied, wire_paths, wire_untrimmed
from tabbydoctor.routers.wiring.plan import WiringPlan
from tabbydoctor.routers.wiring.probes import wire_probes
from tabbydoctor.routers.wiring.source import Encoded, Tree, edited
from tabbydoctor.routers.wiring.verdicts import leave_verdicts, wire_verdicts

WiringStrategy = Literal["router-tokens", "router-env"]
_REQUIRED = re.compile(r"""environ\[\s*['"](\w+)['"]\s*\]""")


@dataclass(frozen=True, slots=True)
class Wired:
    """The source as it should be."""

    source: bytes
    changes: tuple[str, ...]
    """What was changed, in words; empty where nothing had to."""
    leftovers: tuple[str, ...]
    """What a person has to do, in words."""
    requires: tuple[str, ...] = ()
    """Environment variables without which its own lines fail: `os.environ["NAME"]`."""
    wrong_files: Mapping[str, str] = field(default_factory=dict)
    """Those of the wrong files that its own lines still open -> `path:line`."""


class CannotWire(Exception):  # noqa: N818
    """No place can be proven right. `snippet` is what to paste by hand."""

    def __init__(self, message: str, line: int | None, snippet: str) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.snippet = snippet


def wire(
    source: bytes,
    *,
    tabby_urls: tuple[str, ...],
    strategy: WiringStrategy,
    tokens_path: str,
    path: str = "router.py",
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
    replace_own_key: bool = False,
    wrong_files: tuple[str, ...] = (),
    denied: tuple[str, ...] = (),
    trim: bool = False,
    list_key: bool = True,
    read: Callable[[str], RouterReading] | None = None,
    elsewhere: bool = False,
    throughout: bool = False,
) -> Wired:
    """Wire the key into a router's source.

    `read` tells what a version of the source does where it is one module of a program; `elsewhere`:
    the calls to TabbyAPI are known, and may stand in another one. Without `read` it is read alone.
    `throughout`: which clients call TabbyAPI is not known for certain, so that each is given the
    hook, which looks where a request goes.
    `files`, `environment` and `directory` are those `routers.python.read` takes. A key that the
    router sends by itself is kept, unless `replace_own_key` (TabbyAPI refuses it, or it is not
    set). In the place of `wrong_files`, which it reads a key from, it is led to `tokens_path`;
    where that cannot be, its own key is replaced. `denied` are files that it reads a key from and
    may not open; `trim`: one that it may open ends in a newline, which it would send. `list_key`:
    whether TabbyAPI's `api_key` is a list; a router that reads it is made to take one in any case.
    Raises CannotWire where the source does not parse or no place can be proven right.
    """
    whole = _Wiring(
        tabby_urls, strategy, tokens_path, replace_own_key, elsewhere, throughout=throughout
    )
    program = (*(files or {}).values(), *(environment or {}).values()) if read else ()
    try:
        encoded = Encoded.read(source)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise whole.refusal(f"{path} is not valid Python: {error}") from error

    read = read or partial(
        python.read,
        path,
        tabby_urls=tabby_urls,
        files=files,
        environment=environment,
        directory=directory,
    )
    reading = read(encoded.text)
    if reading.problem:
        raise whole.refusal(f"{path}: {reading.problem}", reading.line)
    try:
        tree = Tree(encoded.text)
    except cst.ParserSyntaxError as error:
        raise whole.refusal(f"{path}: {error.message}", error.raw_line) from error
    plan = WiringPlan(tree, reading, read)
    left = wire_paths(plan, wrong_files, tokens_path)
    bare = reading if marked_block(encoded.text) is None else read(legible(encoded.text))
    whole = replace(whole, override=replace_own_key or bool(left), manages=manages(bare))
    strings = reading.assumes_key_string if list_key or strategy == "router-tokens" else ()
    wire_keys(plan, whole.blocked, strings, list_key)
    wire_denied(plan, denied)
    if trim:
        wire_untrimmed(plan)
    whole.wire_calls(plan, program)
    # What was not read to its end is not read once more for each trial.
    trials = () if reading.cuts else (wire_verdicts,)
    for step in (wire_leaks, *trials, wire_probes, wire_configuration):
        step(plan)
    try:
        text = whole.blocked(edited(encoded.text, plan.edits))
        compile(text, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise whole.refusal(f"{path} could not be edited", error.lineno) from error
    if not reading.cuts:
        leave_verdicts(plan, text)
    if text != encoded.text and not plan.changes:
        plan.changes.append("the helper is brought up to date")
    again = reading.cuts or text == encoded.text
    own = reading if again or not wrong_files else read(legible(text))
    return Wired(
        encoded.write(text),
        tuple(plan.changes),
        tuple(plan.leftovers),
        requires=tuple(sorted(set(_REQUIRED.findall(legible(text))))),
        wrong_files={
            name: f"{path}:{line}" for name, line in own.reads_files.items() if name in wrong_files
        },
    )


def own_variables(reading: RouterReading) -> tuple[str, ...]:
    """The environment variables that a source sends as the key by its own lines."""
    own = [call for call in reading.calls if call.sends_key and not call.wired]
    names = {variable_of(call.key_from) for call in own}
    return tuple(sorted(names - {""}))


@dataclass(frozen=True, slots=True)
class _Wiring:
    """What is the same for the whole source."""

    tabby_urls: tuple[str, ...]
    strategy: WiringStrategy
    tokens_path: str
    override: bool
    """Whether a key that the router sends by itself gives way, too."""
    elsewhere: bool = False
    """Whether a source without a call has none to give the key to."""
    manages: bool = False
    throughout: bool = False
    """Whether every client is given the key, whatever it is known to call."""

    def helper(self, parts: set[str]) -> str:
        """The block with some parts."""
        key: block.KeyFrom = "tokens" if self.strategy == "router-tokens" else "environment"
        return block.rendered(parts, key, self.tabby_urls, self.tokens_path, manages=self.manages)

    def blocked(self, text: str) -> str:
        """The text with the block that its lines call."""
        parts = block.called(text)
        return block.placed(text, self.helper(parts) if parts else "")

    def refusal(self, message: str, line: int | None = None) -> CannotWire:
        """Why it cannot be done, with what to paste."""
        usage = "# then, wherever the client that calls TabbyAPI is made:\n"
        lines = (
            "#   httpx.AsyncClient(..., auth=_tabby_auth)\n"
            "#   requests.get(..., auth=_tabby_auth)\n"
            "#   aiohttp.ClientSession(..., trace_configs=[_tabby_trace()])\n"
        )
        return CannotWire(message, line, self.helper({"auth", "trace"}) + usage + lines)

    def _wire_made(self, plan: WiringPlan) -> bool:
        """Give the key to the clients that are made here for calls of another source."""
        wanting = [each for each in plan.reading.makes if self.override or not each.sends_key]
        done = [wire_made(plan, each.line, each.column) for each in wanting]
        return any(done)

    def _mentioned(self, texts: Iterable[str]) -> bool:
        """Whether one of the program's texts names a port of TabbyAPI's."""
        ports = {server[1] for url in self.tabby_urls if (server := urls.server(url))}
        return any(re.search(rf"\b{port}\b", text) for text in texts for port in ports)

    def wire_calls(self, plan: WiringPlan, program: tuple[str, ...] = ()) -> None:
        """Give every call that lacks it the key. Raises CannotWire where none can be."""
        calls, made = plan.reading.calls, self._wire_made(plan)
        every = (self.throughout or bool(plan.reading.cuts)) and wire_every(plan)
        if not calls and (self.elsewhere or made or every):
            return
        if not calls:
            if not (self._mentioned((plan.tree.text, *program)) and wire_every(plan)):
                raise self.refusal("no call to TabbyAPI was found")
            return
        mended = bool(
            plan.reading.uses_admin_key or any("_tabby_key(" in edit.text for edit in plan.edits)
        )
        wanting = [call for call in calls if needs_key(call, self.override or mended)]
        missed = [call for call in wanting if not wire_call(plan, call)]
        if wanting and len(missed) == len(wanting) and not every:
            raise self.refusal("no client of the calls to TabbyAPI was found", missed[0].line)
        if wanting:
            wire_litellm(plan)
        for call in missed:
            plan.leave(f"line {call.line}: this call is not given the key")
