"""Reads the file that was given: by its name and its content, one of three kinds."""

from __future__ import annotations

import posixpath
import re

from tabbydoctor.deployment.units import environment_file
from tabbydoctor.described.compose import compose
from tabbydoctor.described.dockerfile import dockerfile
from tabbydoctor.described.parts import Description
from tabbydoctor.described.project import project
from tabbydoctor.described.quadlet import quadlet
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Host
from tabbydoctor.targets import Targets
from tabbydoctor.yaml import yaml12

_FROM = re.compile(r"(?im)^\s*FROM\s+\S+")
_CONTAINER = re.compile(r"(?m)^\s*\[Container\]\s*$")


def description(host: Host, targets: Targets) -> Description:
    """The file of `--deployment`. Raises Absent without one, Unknown where it cannot be read."""
    path = targets.deployment
    if path is None:
        raise Absent("no compose.yaml, Dockerfile or quadlet was given (--deployment)")
    try:
        content = host.read(path, yaml12.MAX_BYTES)
    except FileNotFoundError as error:
        raise Unknown(f"there is no {path}") from error
    except OSError as error:
        raise Unknown(f"{path} cannot be read: {error.strerror}") from error
    if content.truncated:
        raise Unknown(f"{path} is larger than {yaml12.MAX_BYTES >> 10} KiB")
    text = content.text()
    if _CONTAINER.search(text):
        return quadlet(path, text)
    name = posixpath.basename(path).lower()
    if not name.endswith((".yml", ".yaml")) and _FROM.search(text):
        return dockerfile(path, text)
    document = yaml12.document(content.data)
    if document.problem:
        where = f"{path}:{document.line}" if document.line else path
        raise Unknown(f"{where}: {document.detail}")
    if not isinstance(document.data, dict) or not isinstance(document.data.get("services"), dict):
        raise Unknown(f"{path} is no compose file, Dockerfile or quadlet (.container)")
    known = variables(host, path)
    return compose(path, document, known, project(host, path, text, document.data, known))


def variables(host: Host, path: str) -> dict[str, str]:
    """`.env` beside the file; the environment of whoever runs compose is not known."""
    beside = posixpath.join(posixpath.dirname(path), ".env")
    try:
        return environment_file(host.read(beside, 64 << 10).text())
    except OSError:
        return {}


GATHERERS = (description,)
