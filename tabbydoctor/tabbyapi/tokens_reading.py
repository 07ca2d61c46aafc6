"""Reading api_tokens.yml as TabbyAPI does (`common/auth.py`): ruamel.yaml, then pydantic.

Every key that is read is given to the redactor; no detail here ever holds one.
"""

from __future__ import annotations

import errno

from tabbydoctor import redaction
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.paths import find_path
from tabbydoctor.deployment.reader import eyes, reader
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Account, FileContent, FileStatus, Host
from tabbydoctor.records import replace
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.tokens import TOKENS_FILE, Tokens
from tabbydoctor.tabbyapi.tokens_document import parse
from tabbydoctor.targets import Targets

LIMIT = 2 << 20
"""Bytes. Ten thousand keys are a third of it."""


def tokens(
    host: Host, instance: Instance, targets: Targets, installation: Installation | None
) -> Tokens:
    """The tokens file of an instance.

    Raises Unknown for a container whose file cannot be seen from outside.
    """
    own, box = instance.path(TOKENS_FILE), instance.contained
    if box and box.ended and not box.sees(TOKENS_FILE) and targets.tokens is None:
        raise Unknown(f"{box.label} does not run, and its {TOKENS_FILE} is not mounted")
    path = targets.tokens or own
    key_lists = installation.key_lists if installation else None
    seen = host if targets.tokens else eyes(host, instance)
    found = read_tokens(seen, path, key_lists is not False, reader(host, instance))
    hidden = instance.container and host.effective_uid() != 0
    if hidden and found.problem in ("missing", "unreadable") and not targets.tokens:
        raise Unknown(
            f"TabbyAPI runs in a container ({instance.container}): its {TOKENS_FILE} is seen by "
            "root alone (use sudo); or name it with --tokens"
        )
    # Of a container's files the user names what is mounted: another path for the same file.
    if targets.tokens is None:
        return replace(found, path=instance.outside(own))
    elsewhere = not instance.container and host.real_path(path) != host.real_path(own)
    return replace(found, read_instead=own if elsewhere else "")


def read_tokens(
    host: Host, path: str, key_lists: bool = True, user: Account | None = None
) -> Tokens:
    """Read one tokens file, for TabbyAPI's `user`. Never raises.

    `key_lists`: whether `api_key` may be a list.
    """
    way = find_path(host, path)
    base = Tokens(path, _status(host, path), above=way.chain[:-1] if way else ())
    try:
        content = host.read(path, LIMIT, user)
    except PermissionError:
        return replace(base, problem="unreadable", detail=_withheld(host, user))
    except OSError as error:
        return _unread(base, error)
    return replace(_judged(base, content, key_lists), status=content.status)


def _judged(base: Tokens, content: FileContent, key_lists: bool) -> Tokens:
    if content.truncated:
        size = f"it has {content.status.size} bytes, and the doctor reads {LIMIT}"
        return replace(base, problem="unreadable", detail=size)
    read = parse(content.data, key_lists)
    for secret in read.secrets:
        redaction.remember(secret)
    return replace(
        base,
        problem=read.problem,
        detail=read.detail,
        line=read.line,
        api_keys=read.api_keys,
        admin_key=read.admin_key,
        is_list=read.is_list,
        empty_api_key=read.empty_api_key,
    )


def _unread(base: Tokens, error: OSError) -> Tokens:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return replace(base, problem="missing", detail="there is no such file")
    if base.status is not None and not base.status.is_file:
        kind = base.status.kind
        hang = "" if base.status.is_directory else ", on which TabbyAPI's start would hang"
        return replace(base, problem="invalid", detail=f"it is {kind}{hang}")
    return replace(base, problem="unreadable", detail=f"{error.strerror or error}")


def _withheld(host: Host, user: Account | None) -> str:
    """Why it was not read: root reads for nobody what he could only have put there."""
    if host.effective_uid() != 0:
        return "reading it needs root (use sudo)"
    who = user.name if user else "TabbyAPI"
    return f"{who} may not read it, and could have put it there, or alone says that it is there"


def _status(host: Host, path: str) -> FileStatus | None:
    try:
        return host.status(path)
    except OSError:
        return None


GATHERERS = (tokens,)
