"""What a description says of each container. Plain data, every part with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from tabbydoctor.records import dataclass, field

Kind = Literal["compose", "Dockerfile", "quadlet"]
WILDCARD = "0.0.0.0"
_BEFORE = re.compile(r"(\s*(cd|source|\.|export|set)\s[^;&|>\n]*(&&|;|\n))*\s*")
"""What a shell may do first that makes no file."""
_MORE = re.compile(r"[;>|\n]|&&")


def starts_own(entry: bool, words: Sequence[str]) -> bool:
    """Whether a container starts something of its own: another program in the place of TabbyAPI's
    (`entry`: its entrypoint is given), or a shell that does more than to start it."""
    mains = [word for word in words if "main.py" in word]
    scripts = [_BEFORE.sub("", word, count=1).strip() for word in mains if " " in word]
    return any(_MORE.search(each) for each in scripts) or (entry and not mains)


@dataclass(frozen=True, slots=True)
class Stated:
    """A value, and the line that says it."""

    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Port:
    """A published port."""

    text: str
    """As it is written."""
    line: int
    address: str = WILDCARD
    """Of the machine; a wildcard where none is named."""
    outer: int | None = None
    """None where only the run tells."""
    inner: int | None = None


@dataclass(frozen=True, slots=True)
class Bind:
    """Something that is mounted."""

    source: str
    """A path as it is written, or the name of a volume."""
    target: str
    line: int

    @property
    def is_path(self) -> bool:
        """It is a path of the machine, not a volume's name."""
        return self.source.startswith(("/", "./", "../", "~", ".", "%h"))


@dataclass(frozen=True, slots=True)
class DescribedService:
    """One container."""

    name: str
    line: int
    image: str = ""
    environment: Mapping[str, Stated] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    """What is run, as far as the description says it: entrypoint and command."""
    command_line: int = 0
    own_entrypoint: bool = False
    """It starts something of its own in place of what the image does."""
    ports: tuple[Port, ...] = ()
    binds: tuple[Bind, ...] = ()
    gpu: bool | None = None
    """A GPU is asked for; None where that cannot be told."""
    gpu_unread: str = ""
    """Why not, in words."""
    health: tuple[str, ...] = ()
    """The words of its health check; none without one."""
    health_line: int = 0
    host_network: bool = False
    working_directory: str = ""
    knows_host: bool = False
    """`host.docker.internal` is among its extra hosts."""
    incomplete: str = ""
    """What else says something of it and was not read; empty where nothing does."""

    @property
    def directory(self) -> str:
        """The working directory inside: the images of TabbyAPI have /app."""
        return self.working_directory or "/app"


@dataclass(frozen=True, slots=True)
class Description:
    """A whole file."""

    path: str
    kind: Kind
    services: tuple[DescribedService, ...] = ()
    podman: bool = False

    def where(self, line: int) -> str:
        """`path:line`."""
        return f"{self.path}:{line}" if line else self.path
