"""Remedies that change a file's mode, owner or name."""

from __future__ import annotations

import posixpath
import shlex

from tabbydoctor.deployment.parts import Discovery, Instance, RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.deployment.sandbox import forbids_writing, hides
from tabbydoctor.gpu.service_groups import ServiceGroups
from tabbydoctor.host.access import PathStatus
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.restarting import refuse_container, restart_tabbyapi
from tabbydoctor.routers.tokens_permissions import OWN, Permissions, by_list, closed, given
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.token_paths import TokenPaths
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.tabbyapi.tokens_document import parse

_ROTATE = (
    "rotate the keys if whoever could read them is not to be trusted: remove the file and restart "
    "TabbyAPI, which makes new ones"
)


def _refuse_bent(file: PathStatus, *, also_renamed: bool) -> None:
    """Raise CannotFix for a file that an account may have put there to be given or shown it.

    Behind a link of its own nothing is touched; `also_renamed`: nor is what it could have moved.
    """
    link, leaf = file.foreign_link, file.leaf.path
    if link or (also_renamed and file.shaper):
        why = f"others than root may write the directory of {leaf}: they could have put it there"
        if link:
            why = f"{link} is a link that others than root may have made"
        raise CannotFix(
            f"{why}; neither the mode nor the owner of what it leads to is changed",
            f"ls -l {shlex.quote(link or leaf)}",
        )


def close_tokens(
    draft: Draft, paths: TokenPaths, people: People, instance: Instance, router: RouterSite | None
) -> None:
    """TOK004: the service reads the tokens, and the router where it may now; nobody else does.

    Raises CannotFix where only an access control list could say that.
    """
    file = paths.on_machine
    if file is None or not file.leaf.is_file or not people.readers(file):
        return
    _refuse(instance, file.leaf.path)
    _refuse_bent(file, also_renamed=False)
    leaf, narrowed = file.leaf, closed(file, people, router)
    if narrowed is None:
        raise CannotFix(
            f"no mode and owner of {leaf.path} leave it to the service and the router alone",
            "\n".join(by_list(leaf.path, people)),
        )
    draft.title = draft.title or "close the tokens file to others"
    _permit(draft, leaf.path, narrowed, "TOK004", bool(leaf.acl))
    draft.notes.append(_ROTATE)
    if router and router.user is None:
        draft.notes.append("the router's account is not known: it may not read it then")


def own_tokens(
    draft: Draft,
    tokens: Tokens,
    paths: TokenPaths,
    config: EffectiveConfig,
    people: People,
    instance: Instance,
    account: ServiceGroups,
    router: RouterSite | None,
) -> None:
    """TOK007: the tokens belong to the account TabbyAPI runs as.

    Raises CannotFix where something other than the file is in the way.
    """
    if config.auth_disabled:
        return
    file, user = paths.file, instance.user
    if file is None:
        _refuse_uncreatable(tokens, paths, account, instance)
        return
    if hides(instance.unit, tokens.path):
        raise CannotFix(f"the sandbox of {instance.name} hides {tokens.path} (SVC012)")
    barrier = file.denied_at(account.uid, account.configured, "r")
    if barrier is None:
        return
    _refuse(instance, tokens.path)
    _refuse_bent(file, also_renamed=True)
    if barrier is not file.leaf:
        command = f"sudo setfacl -m u:{account.user}:x {shlex.quote(barrier.path)}"
        raise CannotFix(f"{account.user} may not pass the directory {barrier.path}", command)
    if user is None:
        raise CannotFix("the account that is to own the tokens is not known: name it with --user")
    one = given(file, people, router, user)
    if one is None:
        raise CannotFix(
            f"no mode and owner of {tokens.path} let both {user.name} and the router in alone",
            "\n".join(by_list(tokens.path, people)),
        )
    draft.title = draft.title or f"give the tokens file to {user.name}"
    _permit(draft, tokens.path, one, "TOK007", bool(file.leaf.acl))
    if instance.unit and not instance.unit.active:
        # It exits without its tokens: there is nothing that a start could interrupt.
        restart_tabbyapi(draft, instance, "TOK007")


def place_tokens(
    draft: Draft, tokens: Tokens, paths: TokenPaths, instance: Instance, discovery: Discovery
) -> None:
    """TOK005: the tokens file goes where TabbyAPI looks; never over one that is there.

    Raises CannotFix where it cannot be told which of several counts, or another TabbyAPI's.
    """
    if not paths.strays:
        return
    if tokens.problem != "missing" or len(paths.strays) > 1:
        there = [*paths.strays, *([] if tokens.problem == "missing" else [tokens.path])]
        raise CannotFix(
            f"which of them counts is not for a program to say: {', '.join(there)}",
            "\n".join(f"sudo rm {shlex.quote(path)}" for path in paths.strays),
        )
    (stray,) = paths.strays
    for path in (stray, tokens.path):
        _refuse(instance, path)
    directory = posixpath.dirname(stray)
    owner = next((one for one in discovery.others if one.directory == directory), None)
    if owner:
        raise CannotFix(f"{stray} is the tokens file of another TabbyAPI: {owner.name}")
    if stray in paths.closed_strays:
        raise CannotFix(f"{stray} may not be read by TabbyAPI's account, which is not given it")
    document = parse(draft.read(stray) or b"")
    if document.problem:
        raise CannotFix(f"{stray} is no tokens file that TabbyAPI takes: {document.detail}")
    if paths.directory is None or instance.user is None:
        raise CannotFix("TabbyAPI's directory, or its account, is not known (--dir, --user)")
    draft.title = draft.title or "put the tokens file where TabbyAPI looks"
    draft.move(stray, tokens.path, "TOK005")
    user = instance.user
    draft.permit(tokens.path, "TOK005", mode=OWN, uid=user.uid, gid=user.gid)
    draft.notes.append("TabbyAPI reads it at its next start: its keys are those of that file then")


def _refuse(instance: Instance, path: str) -> None:
    refuse_container(instance, path)
    nixos.refuse_store(path)


def _refuse_uncreatable(
    tokens: Tokens, paths: TokenPaths, account: ServiceGroups, instance: Instance
) -> None:
    directory = paths.directory
    if directory is None:
        return
    rule = forbids_writing(instance.unit, tokens.path)
    if rule:
        raise CannotFix(f"{rule.setting} of {instance.name} forbids to make {tokens.path} (SVC012)")
    barrier = directory.denied_at(account.uid, account.configured, "w") or directory.denied_at(
        account.uid, account.configured, "x"
    )
    if barrier is not None:
        _refuse_bent(directory, also_renamed=False)
        rights = "rwx" if barrier is directory.leaf else "x"
        raise CannotFix(
            f"{account.user} may not make a file in {directory.leaf.path}",
            f"sudo setfacl -m u:{account.user}:{rights} {shlex.quote(barrier.path)}",
        )


def _permit(draft: Draft, path: str, one: Permissions, why: str, has_acl: bool) -> None:
    content = draft.read(path)
    if has_acl and content is not None:
        # Written anew: an access control list goes with the old file.
        draft.remove(path, why)
        draft.write(path, content, why, mode=one.mode, uid=one.uid, gid=one.gid)
    draft.permit(path, why, mode=one.mode, uid=one.uid, gid=one.gid)
