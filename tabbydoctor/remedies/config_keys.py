"""Remedies of names that TabbyAPI drops: moved or renamed with their value, or taken out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence

from tabbydoctor.deployment.nixos import generated_config
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.invocation import invocation
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.restarting import refuse_container, restart_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig, Ignored
from tabbydoctor.tabbyapi.dropped import about_auth, name_of, unknown_names
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.nearest_key import meant
from tabbydoctor.tabbyapi.opening import exposes_without_auth, switches_auth_off
from tabbydoctor.yaml.edit import CannotEdit, move_key, remove_key
from tabbydoctor.yaml.nodes import KeyPath

_FILES = ("working-directory", "config-file")
_CERTAIN = ("gone", "elsewhere", "misspelt")


def rename_keys(
    draft: Draft,
    instance: Instance,
    config: EffectiveConfig,
    installation: Installation,
) -> None:
    """CFG003: each name that was meant for another gets that one; what went for good goes.

    What cannot be told stays and is named. Raises CannotFix where nothing can be done, and
    rather than switch authentication off or expose a server without it.
    """
    items = list(unknown_names(config, nixos=generated_config(instance) is not None))
    if not items:
        return
    refuse_container(instance)
    left, moved, removed = [], False, False
    for item in items:
        try:
            done = _mend(draft, _file(instance, item), item, config, installation)
        except _Left as reason:
            left.append(f"{item.origin.where}: {reason}")
            continue
        moved, removed = moved or done == "moved", removed or done == "removed"
    if not (moved or removed):
        raise CannotFix("; ".join(left), "")
    draft.title = draft.title or "write configuration keys by the names TabbyAPI knows"
    draft.manual += left
    if moved:
        restart_tabbyapi(draft, instance, "CFG003")


def remove_auth_section(draft: Draft, instance: Instance, config: EffectiveConfig) -> None:
    """CFG004: what was meant to switch authentication, and never did, goes. Raises CannotFix."""
    if not any(about_auth(item) for item in config.ignored):
        return
    refuse_container(instance)
    removed, left = take_out_about_auth(draft, instance, config)
    if not removed:
        raise CannotFix("; ".join(left))
    state = "off" if config.auth_disabled else "on"
    draft.title = draft.title or "take out settings that never had an effect"
    draft.notes.append(f"authentication stays {state}: network.disable_auth alone decides")
    draft.manual += left


def take_out_about_auth(
    draft: Draft, instance: Instance, config: EffectiveConfig
) -> tuple[bool, list[str]]:
    """Whether anything was taken out, and what is left to a person's own hands."""
    left, removed = [], False
    for item in filter(about_auth, config.ignored):
        try:
            _edit(draft, _file(instance, item), item, _taken_out, "CFG004")
            removed = True
        except _Left as reason:
            left.append(f"{item.origin.where}: {reason}")
    return removed, left


class _Left(Exception):  # noqa: N818 - an answer for the operator
    """Why one name is left to a person's own hands."""


def _file(instance: Instance, item: Ignored) -> str:
    """The file that holds a name. Raises _Left where no edit of one would last."""
    file = item.origin.path
    if item.origin.layer not in _FILES or file is None:
        raise _Left(f"{item.origin.where.split(' ')[0]} sets nothing: change it where it is set")
    if not nixos.keeps_edits(file, instance):
        raise _Left(f"{file} is written anew at each start: change what it is made from")
    return file


def _mend(
    draft: Draft,
    file: str,
    item: Ignored,
    config: EffectiveConfig,
    installation: Installation,
) -> str:
    """Raises _Left, and CannotFix rather than open the server."""
    answer = meant(item.section, item.key, installation)
    if answer.kind not in _CERTAIN or not (installation.exact or answer.kind != "gone"):
        raise _Left(f"{name_of(item)}: {answer.sentence}; take it out, or update TabbyAPI")
    target = _path(answer.instead, installation)
    if target is None:
        _edit(draft, file, item, _taken_out, "CFG003")
        draft.notes.append(f"{name_of(item)} is gone from TabbyAPI, and is taken out")
        return "removed"
    moves = list(_moves(item, target, installation))
    for _, place, value in moves:
        _refuse_opening(place, value, config)
    mover = _mover([(source, place) for source, place, _ in moves], target)
    _edit(draft, file, item, mover, "CFG003")
    draft.notes.append(f"{name_of(item)} becomes {'.'.join(target)} and counts from now on")
    return "moved"


def _path(name: str, installation: Installation) -> tuple[str, ...] | None:
    """`section.key`, or a section, of the words that say what to write instead."""
    found = re.match(r"(?:the section )?(\w+)(?:\.(\w+))?", name)
    if not found:
        return None
    section, key = found[1], found[2]
    if key:
        return (section, key) if installation.knows(section, key) else None
    return (section,) if section in installation.sections else None


def _moves(
    item: Ignored, target: tuple[str, ...], installation: Installation
) -> Iterator[tuple[KeyPath, tuple[str, ...], object]]:
    """Where from, where to, and what; a section moves key by key, each to the name it meant."""
    source: KeyPath = (item.section, item.key) if item.key else (item.section,)
    if len(target) > 1 or not isinstance(item.value, dict):
        if len(target) == 1:
            raise _Left(f"{name_of(item)} holds no keys")
        yield source, target, item.value
        return
    for key, value in item.value.items():
        if not isinstance(key, str):
            raise _Left(f"{item.section}.{key} is no name")
        place = (target[0], key)
        if not installation.knows(*place):
            answer = meant(target[0], key, installation)
            better = _path(answer.instead, installation) if answer.kind in _CERTAIN else None
            if better is None or len(better) == 1:
                raise _Left(f"{item.section}.{key}: {answer.sentence}")
            place = (better[0], better[1])
        yield (item.section, key), place, value


def _refuse_opening(place: tuple[str, ...], value: object, config: EffectiveConfig) -> None:
    if switches_auth_off(place, value):
        raise CannotFix(
            f"to write {'.'.join(place)} there would switch authentication off; that is asked for "
            "by its name",
            invocation("fix --auth --strategy disable-auth", root=True),
        )
    if exposes_without_auth(place, value, config):
        raise CannotFix(
            f"to write network.host: {value} would open a TabbyAPI that asks for no key",
            invocation("fix --auth", root=True),
        )


def _mover(
    moves: Sequence[tuple[KeyPath, tuple[str, ...]]], target: tuple[str, ...]
) -> Callable[[bytes, KeyPath], bytes]:
    """A section whose keys are right is renamed where it stands, if no other has its name."""
    whole = len(target) == 1 and all(place == (*target, source[-1]) for source, place in moves)

    def change(content: bytes, path: KeyPath) -> bytes:
        if whole:
            with contextlib.suppress(CannotEdit):
                return move_key(content, path, target)
        for source, place in moves:
            content = move_key(content, source, place, prune=True)
        return content

    return change


def _taken_out(content: bytes, path: KeyPath) -> bytes:
    return remove_key(content, path, prune=True)


def _edit(
    draft: Draft, file: str, item: Ignored, change: Callable[[bytes, KeyPath], bytes], why: str
) -> None:
    """Edit the file of an item. Raises _Left where no edit can be proven right."""
    path: KeyPath = (item.section, item.key) if item.key else (item.section,)
    before = draft.read(file)
    try:
        draft.edit(file, lambda content: change(content, path), why)
    except CannotEdit as error:
        raise _Left(f"{error.message}; change {name_of(item)} by hand") from error
    if draft.read(file) == before:
        raise _Left(f"{name_of(item)} is not found as it is read; change it by hand")
