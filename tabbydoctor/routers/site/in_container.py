"""A router in Python that runs in a container: its source, by the name that it has on this machine.

What its command line names is looked for below the container's own root.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace

from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.routers.modules import Modules
from tabbydoctor.routers.site.command import router_command
from tabbydoctor.routers.site.content import source_text

_PROGRAM = re.compile(
    r"(python|pypy)[\d.]*|uvicorn|gunicorn|hypercorn|daphne|granian|fastapi|.*\.py"
)
_BY_ITS_ENVIRONMENT = re.compile(r"\bopen_webui\b")
"""A program that is judged by what it is given, and whose source is nobody's to wire."""
_ABSOLUTE = re.compile(r"(?<![^=:])/")
"""Where an absolute path begins in a word: at its front, behind `=`, in a list."""

SENDS = re.compile(r"\b(httpx|requests|aiohttp|openai|urllib|http\.client|litellm|urllib3)\b")
MODULES = 100
"""How many modules of a program are looked at to tell whether it concerns TabbyAPI."""


def speaks(host: Host, site: RouterSite) -> bool:
    """Whether a program in Python names TabbyAPI and sends requests, and is not TabbyAPI."""
    try:
        texts = [source_text(host, site.path or "")]
    except Unknown:
        return False
    texts += Modules.of(host, site.path or "", texts[0], site.roots, MODULES).files.values()
    named = any("tabby" in text.lower() for text in texts)
    sends = any(SENDS.search(text) for text in texts)
    return named and sends and not any("TabbyConfigModel" in text for text in texts)


def may_be_source(process: Process) -> bool:
    """Whether a process runs Python: of thousands in containers few are looked at."""
    words = process.argv[:6]
    if any(_BY_ITS_ENVIRONMENT.search(word) for word in words):
        return False
    return any(_PROGRAM.fullmatch(posixpath.basename(word)) for word in words)


def in_container(
    host: Host, site: RouterSite, process: Process, box: Container
) -> RouterSite | None:
    """The router that a process in a container is; None where it runs no source of its own."""
    if not may_be_source(process):
        return None
    words = [_below(box.root, word) for word in process.argv]
    given = {name: _below(box.root, text) for name, text in (process.environment or {}).items()}
    command = router_command(words, f"{box.root}{box.directory}".rstrip("/"), host, given)
    if command is None or command.kind or not (command.path or "").startswith(f"{box.root}/"):
        return None
    path = named(host, box, command.path or "")
    roots = command.roots
    if not path.startswith(f"{box.root}/"):
        roots = tuple(box.outside(one) or one for one in roots)
    # Docker's containers are in scopes, which cannot be restarted; a quadlet's unit can.
    quadlet = site.unit and box.engine == "podman" and site.unit.name.endswith(".service")
    return replace(
        site, path=path, kind="python", roots=roots, contained=box,
        unit=site.unit if quadlet else None,
        user=site.user or _account(process), environment=process.environment,
    )  # fmt: skip


def named(host: Host, box: Container, path: str) -> str:
    """The name on this machine of a file below a container's root, where that leads to the very
    file; else the path as it is."""
    outside = box.outside(path)
    try:
        inner = host.way(path).leaf
        same = inner.is_file and inner.identity == host.status(outside, follow=False).identity
    except (OSError, ValueError):
        return path
    return outside if outside and same else path


def _below(root: str, word: str) -> str:
    return _ABSOLUTE.sub(f"{root}/", word) if "://" not in word else word


def _account(process: Process) -> Account | None:
    if process.uid is None:
        return None
    groups = process.groups or (process.uid,)
    return Account(f"#{process.uid}", process.uid, groups[0], groups=groups)
