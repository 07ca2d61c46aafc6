"""Machines as the hosts of a fleet: a real sshd in each, and a real ssh that reaches them by name.

There is no network between them: ssh's ProxyCommand enters the machine, and sshd answers on its
standard input, as inetd has it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.machine import Machine

SSHD_CONFIG = """\
HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile /etc/ssh/lab_authorized_keys
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
HOST = """\
Host {name}
    User root
    ProxyCommand {enter} {sshd} -i -f /etc/ssh/lab_sshd_config
    IdentityFile {key}
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""


@dataclass(frozen=True)
class Fleet:
    """Hosts by their names, and a directory to work in."""

    directory: Path
    environment: Mapping[str, str]

    @classmethod
    def of(cls, hosts: Mapping[str, Machine], directory: Path, sshd: str) -> Fleet:
        """Let the machines be reached by `ssh NAME`, and by Ansible under the same names."""
        key = directory / "key"
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
        for machine in hosts.values():
            _accept(machine, key)
        config = directory / "ssh_config"
        config.write_text("".join(
            HOST.format(name=name, enter=" ".join(machine.enter), sshd=sshd, key=key)
            for name, machine in hosts.items()
        ))  # fmt: skip
        programs = directory / "bin"
        programs.mkdir()
        for name, line in {
            "ssh": f'exec /usr/bin/ssh -F {config} "$@"',
            "tabbydoctor": f'exec {sys.executable} -P -m tabbydoctor "$@"',
        }.items():
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o755)
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        ansible = {
            "ANSIBLE_HOME": str(directory / "ansible-home"),
            "ANSIBLE_SSH_ARGS": f"-F {config} -o ControlMaster=no",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "LC_ALL": "C.UTF-8",
        }
        return cls(directory, {**os.environ, **ansible, "PATH": path})

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """A shell's lines on the machine outside, in the directory; any exit code is fine."""
        return subprocess.run(
            ["sh", "-c", script],
            cwd=self.directory, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip


def _accept(machine: Machine, key: Path) -> None:
    machine.write("/etc/ssh/lab_sshd_config", SSHD_CONFIG)
    machine.write("/etc/ssh/lab_authorized_keys", key.with_suffix(".pub").read_text())
    machine.write("/etc/ssh/lab_host_key", key.read_text(), mode=0o600)
    machine.mkdir("/run/sshd")
    if machine.run(["getent", "passwd", "sshd"], check=False).returncode != 0:
        machine.run(["useradd", "--system", "--shell=/usr/sbin/nologin", "sshd"])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
