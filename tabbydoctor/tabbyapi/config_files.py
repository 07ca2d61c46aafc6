"""Reads one configuration file as TabbyAPI would find it, with what is wrong with it."""

from __future__ import annotations

import errno
import stat
from typing import Literal, get_args

from tabbydoctor.deployment.nix_pre_start import stored_config
from tabbydoctor.deployment.nixos import generated_config
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Account, FileContent, Host
from tabbydoctor.host.access import PathStatus
from tabbydoctor.records import replace
from tabbydoctor.tabbyapi.config import ConfigFile, Problem
from tabbydoctor.tabbyapi.migration import migrate
from tabbydoctor.yaml import yaml12
from tabbydoctor.yaml.problems import YamlProblem

Role = Literal["working-directory", "config-file"]
_OVERWRITTEN = (None, "not-mapping", *get_args(YamlProblem))
"""What is wrong with a file's content, if anything: it does not outlast another content."""
_MINUTES_BYTES = 8 << 20
"""From this size on ruamel.yaml (some 100 KB/s) keeps TabbyAPI's start waiting for minutes."""


def read_config(host: Host, path: str, role: Role, user: Account | None) -> ConfigFile:
    """The file, never raising for its content.

    Raises Unknown where the doctor may not read it and cannot tell whether TabbyAPI may.
    """
    try:
        content = host.read(path, yaml12.MAX_BYTES, user)
    except FileNotFoundError:
        return ConfigFile(path, role, "missing", "there is no such file")
    except OSError as error:
        return _unread(host, path, role, user, error)
    way, denied = _denied(host, path, user)
    if denied and user and user.uid != host.effective_uid():
        detail = f"user {user.name} may not open {denied}"
        return ConfigFile(path, role, "unreadable", detail, denied_at=denied, way=way)
    if content.truncated or content.status.size > yaml12.MAX_BYTES:
        return _too_large(path, role, content)
    return _judged(path, role, content)


def at_next_start(host: Host, instance: Instance, file: ConfigFile) -> ConfigFile:
    """The file as the next start reads it: on NixOS the module's script copies one over it first.

    Only where the two say different things; a file that is not there is told as it is.
    """
    stored = None
    if file.problem in _OVERWRITTEN and file.path == generated_config(instance):
        stored = stored_config(host, instance)
    if stored is None:
        return file
    new = read_config(host, stored, file.role, None)
    if new.problem or new.data == file.data:
        return file
    return replace(new, path=file.path, copied_from=stored)


def _judged(path: str, role: Role, content: FileContent) -> ConfigFile:
    document = yaml12.document(content.data)
    text = content.text()
    if document.problem:
        hangs = document.problem == "alias-bomb"
        return ConfigFile(
            path, role, document.problem, document.detail, document.line, text, hangs=hangs
        )
    if not isinstance(document.data, dict):
        kind = "a list" if isinstance(document.data, list) else "a single value"
        detail = f"it holds {kind}, not sections"
        return ConfigFile(path, role, "not-mapping", detail, 1, text)
    migration = migrate(document.data)
    legacy = tuple((".".join(old), document.lines.get(old)) for old in migration.moved.values())
    return ConfigFile(
        path,
        role,
        text=text,
        data=document.data,
        lines=document.lines,
        legacy=legacy,
        applies_partly=migration.stopped,
    )


def _too_large(path: str, role: Role, content: FileContent) -> ConfigFile:
    size = content.status.size
    detail = f"it has {size >> 10} KiB; tabbydoctor reads {yaml12.MAX_BYTES >> 10}"
    return ConfigFile(path, role, "too-large", detail, hangs=size >= _MINUTES_BYTES)


def _unread(host: Host, path: str, role: Role, user: Account | None, error: OSError) -> ConfigFile:
    if isinstance(error, PermissionError):
        if host.effective_uid() not in (0, user.uid if user else 0):
            raise Unknown(f"cannot read {path}: run as root or as TabbyAPI's user") from error
        way, denied = _denied(host, path, user)
        return ConfigFile(path, role, "unreadable", "permission denied", denied_at=denied, way=way)
    kind = _kind(host, path)
    if kind:
        problem: Problem = "not-a-file"
        return ConfigFile(path, role, problem, f"it is {kind[0]}", hangs=kind[1])
    reason = "too many symbolic links" if error.errno == errno.ELOOP else error.strerror
    return ConfigFile(path, role, "unreadable", reason or "it cannot be read")


def _kind(host: Host, path: str) -> tuple[str, bool] | None:
    """What stands at a path that is no regular file, and whether reading it never ends."""
    try:
        status = host.status(path)
    except OSError:
        return None
    if status.is_file:
        return None
    return status.kind, stat.S_ISFIFO(status.mode)


def _denied(host: Host, path: str, user: Account | None) -> tuple[PathStatus | None, str]:
    """The way to a file, and what TabbyAPI's user may not open on it: empty if nothing, or unknown.

    The way is None where it cannot be looked at.
    """
    try:
        way = host.way(path)
    except OSError:
        return None, ""
    if user is None or user.uid == 0:
        return way, ""
    denied = way.denied_at(user.uid, {user.gid, *user.groups}, "r")
    return way, denied.path if denied else ""
