"""Which TabbyAPI is installed: it has no releases, so the commit of its checkout tells it best."""

from __future__ import annotations

import re

from tabbydoctor.documents import Unreadable, toml_of
from tabbydoctor.host import Host

_COMMIT = re.compile(r"[0-9a-f]{40}\b")
_DIGITS = 7
_LARGEST = 1 << 20


def installed_version(host: Host, root: str) -> str:
    """The commit, in seven digits, else the version of pyproject.toml; empty without either."""
    return _commit(host, root)[:_DIGITS] or _declared(host, root)


def _commit(host: Host, root: str) -> str:
    """What HEAD names (gitrepository-layout(5)); empty where it is no checkout of its own."""
    git = f"{root}/.git"
    head = _text(host, f"{git}/HEAD").strip()
    if not head.startswith("ref: "):
        return head if _COMMIT.fullmatch(head) else ""
    ref = head.removeprefix("ref: ")
    loose = _text(host, f"{git}/{ref}").strip() if ".." not in ref else ""
    if _COMMIT.fullmatch(loose):
        return loose
    packed = (line.partition(" ") for line in _text(host, f"{git}/packed-refs").splitlines())
    return next((commit for commit, _, name in packed if name == ref and _COMMIT.match(commit)), "")


def _declared(host: Host, root: str) -> str:
    try:
        project = toml_of(_text(host, f"{root}/pyproject.toml")).get("project")
    except Unreadable:
        return ""
    version = project.get("version") if isinstance(project, dict) else None
    return version if isinstance(version, str) else ""


def _text(host: Host, path: str) -> str:
    try:
        return host.read(path, limit=_LARGEST).text()
    except (OSError, ValueError):
        return ""
