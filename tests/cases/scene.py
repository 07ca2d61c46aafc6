"""A machine with one TabbyAPI under systemd, and what the whole doctor says of it.

Files are real ones below a scratch root, systemctl and journalctl answer as they are told, and
every check is run: a case is judged by its roots, their evidence and their remedies.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tabbydoctor import plugins
from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.diagnosis.causes import roots, with_causes
from tabbydoctor.diagnosis.finding import Finding
from tabbydoctor.diagnosis.report import CheckResult, Root
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.diagnosis.selection import select
from tabbydoctor.examination import facts_of
from tabbydoctor.host.data import (
    Account,
    CommandResult,
    HttpAnswer,
    Listener,
    NvmlState,
    Process,
)
from tabbydoctor.tabbyapi.log_reading import HEAD_LINES, TAIL_LINES
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.targets import Targets
from tests.model_files import safetensors
from tests.scratch_host import Answer, ScratchHost

HOME = "/home/ivan"
TABBY = f"{HOME}/TabbyAPI"
UNIT = "tabbyapi.service"
URL = "http://127.0.0.1:5000"
ROOT = Account("root", 0, 0, "/root", "/bin/bash", (0,))
IVAN = Account("ivan", 61004, 61004, HOME, "/bin/bash", (61004,))
CONFIG = "network:\n  host: 127.0.0.1\n  port: 5000\n"
MODEL = "model:\n  model_dir: models\n  model_name: tiny-exl3\n"
WHOLE: Mapping[str, str | bytes] = {
    "config.json": '{"architectures": ["LlamaForCausalLM"]}',
    "model.safetensors": safetensors({"model.layers.0.mlp.up_proj.trellis": 8}),
    "tokenizer.json": "{}",
}
"""The files of a model that loads."""
TOKENS = f"api_key: {'a1' * 16}\nadmin_key: {'b2' * 16}\n"
FRAGMENT = f"""\
[Unit]
Description=TabbyAPI
[Service]
User=ivan
WorkingDirectory={TABBY}
ExecStart={TABBY}/venv/bin/python main.py
[Install]
WantedBy=multi-user.target
"""
RUNNING = {
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "MainPID": "1234",
    "ExecMainPID": "1234",
    "ExecMainStartTimestampMonotonic": "1000000",
}
STOPPED = {
    "ActiveState": "inactive",
    "SubState": "dead",
    "Result": "success",
    "MainPID": "0",
    "ExecMainCode": "1",
    "ExecMainStatus": "0",
}
SERVER = Process(
    1234, ("python", "main.py"), uid=61004, cwd=TABBY, unit="tabbyapi.service",
    cgroup="/system.slice/tabbyapi.service",
)  # fmt: skip
SYSTEMD = Machine(systemd=True, systemd_version=252, root=True)
_INVOCATION = "5c1e" * 8
_HTTP = {"/.well-known/serviceinfo": b'{"software": {"name": "TabbyAPI"}}'}


def failed(status: int) -> dict[str, str]:
    """A unit whose main process has exited with that status."""
    return {
        "ActiveState": "failed",
        "SubState": "failed",
        "Result": "exit-code",
        "MainPID": "0",
        "ExecMainCode": "1",
        "ExecMainStatus": str(status),
    }


def serving() -> Endpoint:
    """A TabbyAPI that answers, healthy, with its model loaded."""
    answers = {
        ("/health", "none"): HttpAnswer(
            f"{URL}/health", status=200, body=b'{"status":"healthy","issues":[]}'
        ),
        ("/v1/model", "api_key"): HttpAnswer(
            f"{URL}/v1/model", status=200, body=b'{"id": "tiny-exl3"}'
        ),
        ("/v1/models", "none"): HttpAnswer(f"{URL}/v1/models", status=401),
    }
    info = HttpAnswer(URL, status=200, body=_HTTP["/.well-known/serviceinfo"])
    return Endpoint(_address(), True, "tabbyapi", info, answers, asked_at=NOW)  # type: ignore[arg-type]


NOW = 1_800_000_000.0
"""When everything is looked at."""


def refusing() -> Endpoint:
    """Nobody listens there."""
    info = HttpAnswer(URL, error="refused", detail="connection refused")
    return Endpoint(_address(), False, "unknown", info, {}, asked_at=NOW)


def _address() -> Address:
    return Address(URL, "127.0.0.1:5000", "the effective configuration")


class RefusingHost(ScratchHost):
    """A machine on which nobody accepts a connection."""

    async def get(self, url: str, *args: object, **named: object) -> HttpAnswer:
        return HttpAnswer(url, error="refused", detail="connection refused")


@dataclass
class Said:
    """What the doctor says."""

    results: tuple[CheckResult, ...]
    roots: tuple[Root, ...]

    @property
    def ids(self) -> list[str]:
        """The roots, gravest first."""
        return [root.id for root in self.roots]

    def findings(self, id: str) -> tuple[Finding, ...]:
        (found,) = [result for result in self.results if result.check.id == id]
        return found.findings

    def finding(self, id: str) -> Finding:
        """The one finding of a check."""
        (found,) = self.findings(id)
        return found

    def explains(self, id: str) -> tuple[str, ...]:
        (found,) = [root for root in self.roots if root.id == id]
        return found.explains


def told(finding: Finding) -> str:
    """All that is printed of a finding, in one text."""
    parts = [finding.title, finding.detail]
    parts += [f"{one.source} {one.expected} {one.actual}" for one in finding.evidence]
    for remedy in finding.remedies:
        parts += [remedy.title, *remedy.commands]
    return "\n".join(parts)


@dataclass
class Scene:
    """The machine. Everything healthy but what a case says."""

    root: Path
    unit: str = FRAGMENT
    state: Mapping[str, str] = field(default_factory=lambda: RUNNING)
    properties: dict[str, str] = field(default_factory=dict)
    log: Sequence[str] = ()
    minutes: Sequence[float] = ()
    """How long before NOW each line of the log was written; the last line of them now."""
    processes: tuple[Process, ...] = ()
    listeners: tuple[Listener, ...] = ()
    commands: dict[str, Answer] = field(default_factory=dict)
    endpoint: Endpoint | None = None
    """Asked for over HTTP where it is not given."""
    refuses: bool = False
    """Whoever is asked over HTTP refuses the connection."""
    targets: Targets = field(default_factory=Targets)
    skip: str = "gpu,groups"
    nvml: NvmlState | None = None
    machine: Machine = SYSTEMD

    def __post_init__(self) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root to give files to another account")
        self.root.chmod(0o755)  # pytest closes its directories to others
        standin.install(self.root / TABBY[1:])
        for path in (self.root / HOME[1:]).rglob("*"):
            os.chown(path, IVAN.uid, IVAN.gid)
        self.write(f"{TABBY}/venv/bin/python", "#!/bin/sh\n", mode=0o755)
        self.write(f"{TABBY}/config.yml", CONFIG)
        self.write(f"{TABBY}/api_tokens.yml", TOKENS, mode=0o600)

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        """A file of that machine."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        above = (file, *file.parents) if path.startswith(HOME) else ()
        for each in above[: path.count("/") - 1]:
            os.chown(each, IVAN.uid, IVAN.gid)

    def model(self, **files: str | bytes | None) -> None:
        """A model that loads, with further files; without those that are None."""
        for name, text in {**WHOLE, **files}.items():
            if text is not None:
                self.write(f"{TABBY}/models/tiny-exl3/{name}", text)

    @property
    def host(self) -> ScratchHost:
        self.write(f"/etc/systemd/system/{UNIT}", self.unit)
        answers: dict[str, Answer] = {
            "systemctl show --property=Version": "252",
            "systemctl show": self._show(),
            "journalctl": self._journal,
        }
        kind = RefusingHost if self.refuses else ScratchHost
        return kind(
            self.root,
            commands={**self.commands, **answers},
            processes=self.processes,
            listeners=self.listeners,
            accounts=(ROOT, IVAN),
            groups=(),
            environment={},
            uid=0,
            nvml=self.nvml,
        )

    def _show(self) -> str:
        settings = [line.partition("=") for line in self.unit.splitlines() if "=" in line]
        said = {name: value for name, _, value in settings if name not in ("ExecStart",)}
        shown = {
            "Id": UNIT,
            "LoadState": "loaded",
            "FragmentPath": f"/etc/systemd/system/{UNIT}",
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "NRestarts": "0",
            "WantedBy": "multi-user.target",
            "ControlGroup": f"/system.slice/{UNIT}",
            "InvocationID": _INVOCATION,
            **said,
            **self.state,
            **self.properties,
        }
        return "\n".join(f"{name}={value}" for name, value in shown.items()) + "\n"

    def _journal(self, argv: tuple[str, ...]) -> CommandResult:
        if "-k" in argv or "_TRANSPORT=kernel" in argv:
            return CommandResult(argv, 0, "")
        ago = [*self.minutes, *[0.0] * len(self.log)]
        entries = [
            {
                "__CURSOR": str(number),
                "__REALTIME_TIMESTAMP": str(int((NOW - 60 * minutes) * 1e6)),
                "_SYSTEMD_INVOCATION_ID": _INVOCATION,
                "MESSAGE": line,
            }
            for number, (line, minutes) in enumerate(zip(self.log, ago, strict=False))
        ]
        backwards = "--reverse" in argv
        order = entries[::-1][:TAIL_LINES] if backwards else entries[:HEAD_LINES]
        lines = "".join(f"{json.dumps(entry)}\n" for entry in order)
        return CommandResult(argv, 0, lines, truncated=len(order) < len(entries))

    def examine(self) -> Said:
        """What the whole doctor says."""

        async def run() -> tuple[CheckResult, ...]:
            facts = facts_of(self.host, self.targets)
            facts.provide(Machine, self.machine)
            if self.endpoint:
                facts.provide(Endpoint, self.endpoint)
            try:
                checks = select(plugins.checks(), None, self.skip or None)
                return await run_checks(checks, facts, 60)
            finally:
                await facts.close()

        results = with_causes(asyncio.run(run()))
        crashed = [result.check.id for result in results if result.status == "crashed"]
        assert not crashed, crashed
        return Said(results, roots(results))
