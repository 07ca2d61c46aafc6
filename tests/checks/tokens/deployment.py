"""A TabbyAPI in a scratch directory, and its facts by the real gatherers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.people import People, people
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.finding import Finding
from tabbydoctor.gpu.service_groups import ServiceGroups, service_groups
from tabbydoctor.host import Account, Group
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.token_paths import TokenPaths, token_paths
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.tabbyapi.tokens_reading import tokens
from tabbydoctor.targets import Targets
from tests.scratch_host import ScratchHost

KEYS = "api_key: 0123456789abcdef0123456789abcdef\nadmin_key: fedcba9876543210fedcba9876543210\n"

ROOT = Account("root", 0, 0, "/root", "/bin/bash", (0,))
SERVICE = Account("tabby", 61001, 61001, "/srv/tabby", "/usr/sbin/nologin", (61001,))
ROUTER = Account("router", 61002, 61002, "/srv/router", "/usr/sbin/nologin", (61002,))
ALICE = Account("alice", 61003, 61003, "/home/alice", "/bin/bash", (61003,))
DAEMON = Account("daemon", 61004, 61004, "/", "/usr/sbin/nologin", (61004,))
EVERYONE = (ROOT, SERVICE, ROUTER, ALICE, DAEMON)


@dataclass
class Scene:
    """One deployment below `root`, which holds `/srv/tabby`."""

    root: Path
    accounts: tuple[Account, ...] = EVERYONE
    groups: tuple[Group, ...] = ()
    properties: dict[str, str] | None = None

    @property
    def directory(self) -> Path:
        return self.root / "srv/tabby"

    @property
    def file(self) -> Path:
        return self.directory / "api_tokens.yml"

    def write(self, text: str | bytes = KEYS, mode: int = 0o600, uid: int = SERVICE.uid) -> Scene:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.file.chmod(mode)
        os.chown(self.file, uid, uid)
        return self

    @property
    def host(self) -> ScratchHost:
        return ScratchHost(self.root, accounts=self.accounts, groups=self.groups)

    @property
    def instance(self) -> Instance:
        unit = None
        if self.properties is not None:
            unit = Unit("tabbyapi.service", {"LoadState": "loaded", **self.properties})
        return Instance("/srv/tabby", unit=unit, user=SERVICE)

    @property
    def tokens(self) -> Tokens:
        return tokens(self.host, self.instance, Targets(), None)

    @property
    def people(self) -> People:
        router = RouterSite("/srv/router/router.py", "python", user=ROUTER)
        return people(self.host, self.instance, router)

    @property
    def paths(self) -> TokenPaths:
        return token_paths(self.host, self.instance, self.tokens, None)

    @property
    def account(self) -> ServiceGroups:
        return service_groups(self.host, self.instance)


def config(disable_auth: bool = False, **model: Any) -> EffectiveConfig:
    """An effective configuration of few values."""
    origin = Origin("working-directory", "/srv/tabby/config.yml:3", "/srv/tabby/config.yml", 3)
    settings = {
        ("network", "disable_auth"): Setting("network", "disable_auth", disable_auth, origin)
    }
    for key, value in model.items():
        settings[("model", key)] = Setting("model", key, value, origin)
    return EffectiveConfig("/srv/tabby", settings)


def log(*lines: str, present: bool = True, source: str = "journalctl -u tabbyapi") -> RunLog:
    """A log of unwrapped lines."""
    return RunLog(source, tuple(LogLine(line) for line in lines), present=present)


def judge(check: Check, *facts: object) -> list[Finding]:
    """The findings, each of them without a secret."""
    findings: Iterable[Finding] = check.judge(*facts)
    found = list(findings)
    for finding in found:
        assert "0123456789abcdef" not in repr(finding)
        assert len(finding.title) < 120
        assert not finding.title.endswith(".")
    return found
