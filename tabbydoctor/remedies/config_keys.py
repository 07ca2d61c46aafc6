"""Remedies of names that TabbyAPI drops: moved or renamed with their value, or taken out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.invocation import invocation
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.restarting import refuse_container, restart_tabbyapi
from tabbydoctor.tabbyapi.config import EffectiveConfig, Ignored
from tabbydoctor.tabbyapi.dropped import about_auth, name_of
from tabbydoctor.tabbyapi.misnamed import Misnamed, MisnamedKeys, Move
from tabbydoctor.yaml.edit import CannotEdit, move_key, remove_key
from tabbydoctor.yaml.nodes import KeyPath

_FILES = ("working-directory", "config-file")


def rename_keys(draft: Draft, instance: Instance, misnamed: MisnamedKeys) -> None:
    """CFG003: each name that was meant for another gets that one; what does nothing goes.

    What cannot be told, or would do harm where it was meant, stays and is named. Raises CannotFix
    where nothing can be done, and rather than switch authentication off or expose a server
    without it.
    """
    if not misnamed.items:
        return
    refuse_container(instance, *(one.item.origin.path for one in misnamed.items))
    left, moved, removed = [], False, False
    for one in misnamed.items:
        try:
            done = _mend(draft, _file(instance, one.item), one)
        except _Left as reason:
            left.append(f"{one.item.origin.where}: {reason}")
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
    refuse_container(instance, *(item.origin.path for item in filter(about_auth, config.ignored)))
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


def _mend(draft: Draft, file: str, one: Misnamed) -> str:
    """Raises _Left, and CannotFix rather than open the server."""
    if one.opens:
        raise _opening(one)
    if one.way == "person":
        raise _Left(_why_left(one))
    if one.way == "remove":
        _edit(draft, file, one.item, _taken_out, "CFG003")
        why = f"as {'.'.join(one.target)} {one.obstacle}" if one.obstacle else "it has no effect"
        draft.notes.append(f"{one.name} is taken out: {why}")
        return "removed"
    _edit(draft, file, one.item, _mover(one.moves, one.target), "CFG003")
    draft.notes.append(f"{one.name} becomes {'.'.join(one.target)} and counts from now on")
    return "moved"


def _why_left(one: Misnamed) -> str:
    if one.obstacle:
        return f"{one.name}: as {'.'.join(one.target)} {one.obstacle}"
    return f"{one.name}: {one.meant.sentence}; take it out, or update TabbyAPI"


def _opening(one: Misnamed) -> CannotFix:
    place = next(each for each in one.moves if each.place[0] == "network")
    if place.name == "network.host":
        return CannotFix(
            f"to write network.host: {place.value} would open a TabbyAPI that asks for no key",
            invocation("fix --auth", root=True),
        )
    return CannotFix(
        f"to write {place.name} there would switch authentication off; that is asked for by its "
        "name",
        invocation("fix --auth --strategy disable-auth", root=True),
    )


def _mover(moves: Sequence[Move], target: tuple[str, ...]) -> Callable[[bytes, KeyPath], bytes]:
    """A section whose keys are right is renamed where it stands, if no other has its name."""
    whole = len(target) == 1 and all(one.place == (*target, one.source[-1]) for one in moves)

    def change(content: bytes, path: KeyPath) -> bytes:
        if whole:
            with contextlib.suppress(CannotEdit):
                return move_key(content, path, target)
        for one in moves:
            content = move_key(content, one.source, one.place, prune=True)
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
