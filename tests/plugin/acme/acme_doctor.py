"""A plug-in that brings one of everything: a fact, a check with its cure, a router kind, a format.

The firewall of a site opens the port that stands in `firewall.txt` beside TabbyAPI's config.yml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from tabbydoctor.api import CURE, Absent, Check, Cure, Evidence, Finding, Safety, check, hookimpl
from tabbydoctor.api.facts import (
    Call,
    Draft,
    EffectiveConfig,
    Host,
    Instance,
    Report,
    RouterReading,
)


@dataclass(frozen=True, slots=True)
class Firewall:
    """What the firewall opens."""

    path: str
    port: int


def firewall(host: Host, instance: Instance) -> Firewall:
    """Raises Absent where there is none."""
    path = f"{instance.directory}/firewall.txt"
    try:
        return Firewall(path, int(host.read(path).text()))
    except FileNotFoundError as error:
        raise Absent(f"there is no {path}") from error


def open_port(draft: Draft, opened: Firewall, config: EffectiveConfig) -> None:
    """Write the port that TabbyAPI listens on."""
    if opened.port != config.port:
        draft.title = "open TabbyAPI's port"
        draft.write(opened.path, f"{config.port}\n".encode(), "ACM001")


@check("ACM001", "acme-firewall", category="config", cure=Cure(open_port, Safety.SAFE))
def closed_port(opened: Firewall, config: EffectiveConfig) -> Iterator[Finding]:
    """The firewall opens another port than TabbyAPI's.

    ## What it checks
    The port in `firewall.txt`.

    ## Why it matters
    Nobody reaches TabbyAPI.

    ## How it is told
    By comparing the two.

    ## What to do
    `tabbydoctor fix ACM001`.
    """
    if opened.port != config.port:
        yield Finding(
            "The firewall opens another port",
            evidence=(Evidence(opened.path, str(config.port), str(opened.port)),),
            remedies=(CURE,),
        )


_LINE = re.compile(r"^(upstream|key) = (\S+)$", re.MULTILINE)


class Gateway:
    """A gateway of the site's: `upstream = URL`, and `key = $NAME` of its environment."""

    name = "acme-gateway"

    def recognises(self, path: str, text: str) -> bool:
        return path.endswith(".acme")

    def read(
        self,
        path: str,
        text: str,
        tabby_urls: tuple[str, ...],
        *,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        directory: str = "",
        roots: tuple[str, ...] = (),
        arguments: tuple[str, ...] = (),
    ) -> RouterReading:
        said = dict(_LINE.findall(text))
        if said.get("upstream") not in tabby_urls:
            return RouterReading(path, self.name)
        key = said.get("key", "")
        call = Call(
            line=1,
            purpose="forward",
            method="POST",
            path="/v1/chat/completions",
            sends_key=bool(key),
            key_from=f"environment {key.removeprefix('$')}" if key else "",
        )
        return RouterReading(path, self.name, calls=(call,), addresses=(said["upstream"],))

    def with_key(self, content: bytes, tabby_urls: tuple[str, ...]) -> bytes:
        return content if b"key = " in content else content + b"key = $TABBY_API_KEY\n"


class Ids:
    """The ids of what is wrong, a line each."""

    name = "ids"

    def write(self, report: Report, stream: TextIO, *, verbose: bool) -> None:
        for result in report.results:
            if result.findings:
                stream.write(f"{result.check.id}\n")


@hookimpl
def tabbydoctor_facts() -> list[object]:
    return [firewall]


@hookimpl
def tabbydoctor_checks() -> list[Check]:
    return [closed_port]


@hookimpl
def tabbydoctor_routers() -> list[Gateway]:
    return [Gateway()]


@hookimpl
def tabbydoctor_reporters() -> list[Ids]:
    return [Ids()]
