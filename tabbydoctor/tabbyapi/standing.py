"""What the far end of a connection is to TabbyAPI, by the processes that hold it.

A server's word about itself proves nothing where its process can be seen: anybody can copy it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.data import Peer, Process
from tabbydoctor.records import dataclass

Standing = Literal["own", "forwarder", "other", "hidden", "unseen", "foreign"]
"""`own`: TabbyAPI's own process holds it, and nobody else. `forwarder`: a program that hands on
what it gets. `other`: somebody else. `hidden`: root sees nobody (it is being handed from process
to process, say), or no TabbyAPI is known that it could be. `unseen`: an account looks that sees
little. `foreign`: it is on another machine, which the user named."""

_FORWARDERS = frozenset(
    {
        *("docker-proxy", "rootlessport", "slirp4netns", "pasta", "pasta.avx2", "gvproxy"),
        *("systemd-socket-proxyd", "nginx", "haproxy", "caddy", "traefik", "envoy"),
        *("apache2", "httpd", "lighttpd", "socat", "ssh", "sshd"),
    }
)
"""Programs by the name of their file. It earns them no key: only what they hand on is believed."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows TabbyAPI's processes."""

    instance: Instance | None
    root: bool
    """The doctor sees every process."""
    named: bool = False
    """The user named another machine: it is his to trust."""

    @property
    def namespace(self) -> int | None:
        """A process in whose network namespace TabbyAPI's sockets are."""
        process = self.instance.process if self.instance else None
        return process.pid if process else None

    def standing(self, peer: Peer) -> Standing:
        """What the far end of a connection is."""
        if not peer.holders and self.named and not peer.local:
            return "foreign"
        if not peer.holders:
            return "hidden" if self.root else "unseen"
        if self.instance is None:
            return "hidden"
        if all(is_own(line, self.instance) for line in peer.holders):
            return "own"
        runs = self.instance.process is not None
        hand_on = all(_program(line[0]) in _FORWARDERS for line in peer.holders)
        return "forwarder" if runs and hand_on else "other"

    def stranger(self, peer: Peer) -> str:
        """The process that holds it and is not TabbyAPI's, in words; empty without one."""
        others = [line for line in peer.holders if not is_own(line, self.instance)]
        return named(others[0][0]) if others else ""


def is_own(line: Sequence[Process], instance: Instance | None) -> bool:
    """Whether a process (followed by its parents) is TabbyAPI's: of its unit's control group, the
    server that was found, or started by it.

    A control group counts by its whole path: anybody may name one like the unit in his own.
    """
    if instance is None:
        return False
    group = (instance.unit.get("ControlGroup") if instance.unit else "").rstrip("/")
    if group and f"{line[0].cgroup}/".startswith(f"{group}/"):
        return True
    server = instance.process
    return server is not None and any(_same(server, process) for process in line)


def named(process: Process) -> str:
    """Program (with its script), pid and unit; never its arguments, which may hold a key."""
    program, *rest = process.argv or ("a program",)
    scripts = [word for word in rest[:2] if word.endswith((".py", ".js"))]
    words = [word.rsplit("/", 1)[-1] for word in (program, *scripts)]
    unit = f", {process.unit}" if process.unit else ""
    return f"{' '.join(words)} (pid {process.pid}{unit})"


def _same(one: Process, other: Process) -> bool:
    """The number of a process that has ended is given to another."""
    return one.pid == other.pid and one.started == other.started


def _program(process: Process) -> str:
    return (process.executable or "").rsplit("/", 1)[-1]
