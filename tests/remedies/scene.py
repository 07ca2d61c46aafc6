"""A deployment of real files, its facts by the real gatherers, and what a remedy makes of it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tabbydoctor import plugins
from tabbydoctor.api import Cure, Finding, Safety
from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Discovery, Instance, Machine, RouterSite
from tabbydoctor.deployment.sandbox import emptied_with
from tabbydoctor.deployment.unit import EnvironmentFile, Unit, UnitFile
from tabbydoctor.examination import facts_of
from tabbydoctor.facts import Facts, NoFact
from tabbydoctor.host import Account, Group
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.repair.engine import State
from tabbydoctor.targets import Targets
from tests.repair.trees import Recorder, Snapshot, snapshot
from tests.scratch_host import ScratchHost

KEY = "0123456789abcdef0123456789abcdef"
KEYS = f"api_key: {KEY}\nadmin_key: fedcba9876543210fedcba9876543210\n"
ROOT = Account("root", 0, 0, "/root", "/bin/bash", (0,))
SERVICE = Account("tabby", 61001, 61001, "/srv/tabby", "/usr/sbin/nologin", (61001,))
ROUTER = Account("router", 61002, 61002, "/srv/router", "/usr/sbin/nologin", (61002,))
ALICE = Account("alice", 61003, 61003, "/home/alice", "/bin/bash", (61003,))
RELOAD = "systemctl --no-ask-password daemon-reload"
RESTART = "systemctl --no-ask-password restart -- tabbyapi.service"


def cure_of(id: str) -> Cure:
    """What the check declares."""
    (cure,) = [check.cure for check in plugins.checks() if check.id == id]
    assert cure is not None
    return cure


def said(files: Snapshot, id: str) -> dict[str, object]:
    """What files say and how they are: what a drop-in comes to, whoever made its directory.

    In the account's own directory a hand gives nothing away: a file that moves keeps its owner.
    """
    told: dict[str, object] = {}
    for path, (content, *rest) in files.items():  # type: ignore[misc]
        if path.endswith(".conf"):
            told[path] = in_force(content.decode())  # type: ignore[has-type]
        elif not path.endswith(".d"):
            told[path] = content if id == "TOK005" else (content, *rest)  # type: ignore[has-type]
    return told


def in_force(text: str) -> dict[str, list[str]]:
    """The lines of a drop-in that count: an empty one starts its list anew (systemd.exec(5))."""
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals or name.startswith("#"):
            continue
        for each in emptied_with(name) if not value else (name,):
            settings.setdefault(each, [])
            settings[each] = [*dict.fromkeys([*settings[each], value])] if value else []
    return settings


@dataclass
class Scene:
    """One deployment below `root`: TabbyAPI in `tabby/`, systemd's units in `units/`."""

    root: Path
    accounts: tuple[Account, ...] = (ROOT, SERVICE, ROUTER, ALICE)
    groups: tuple[Group, ...] = ()
    machine: Machine = field(
        default_factory=lambda: Machine(systemd=True, systemd_version=252, root=True)
    )
    properties: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    router: RouterSite | None = None
    others: tuple[Instance, ...] = ()
    given: dict[type, object] = field(default_factory=dict)
    """Facts in place of those gathered."""
    instance_changes: dict[str, object] = field(default_factory=dict)
    runner: Recorder = field(default_factory=Recorder)

    @property
    def directory(self) -> Path:
        return self.root / "tabby"

    @property
    def tokens(self) -> Path:
        return self.directory / "api_tokens.yml"

    @property
    def unit(self) -> Unit:
        return self.unit_named("tabbyapi.service", **self.properties)

    def unit_named(self, name: str, **properties: str) -> Unit:
        """A unit with the files that are there now, as systemd would read them."""
        fragment = self.root / "units" / name
        paths = [fragment, *sorted((self.root / "units" / f"{name}.d").glob("*.conf"))]
        files = tuple(UnitFile(str(path), path.read_text()) for path in paths if path.exists())
        named = [
            line.partition("=")[2]
            for file in files
            for line in file.text.splitlines()
            if line.startswith("EnvironmentFile=")
        ]
        environment = tuple(EnvironmentFile(path, False, Path(path).read_text()) for path in named)
        shown = {"Id": name, "LoadState": "loaded", "ActiveState": "active", "User": "tabby"}
        return Unit(name, {**shown, **properties}, files, environment)

    @property
    def instance(self) -> Instance:
        one = Instance(str(self.directory), self.arguments, unit=self.unit, user=SERVICE)
        return replace(one, **self.instance_changes)  # type: ignore[arg-type]

    def write(
        self, path: Path, text: str, mode: int = 0o644, owner: int = SERVICE.uid,
        group: int | None = None,
    ) -> Path:  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, owner, owner if group is None else group)
        return path

    def facts(self) -> Facts:
        host = ScratchHost(accounts=self.accounts, groups=self.groups, environment={})
        facts = facts_of(host, Targets())
        facts.provide(Machine, self.machine)
        facts.provide(Instance, self.instance)
        facts.provide(Discovery, Discovery(self.instance, self.others))
        if self.router:
            facts.provide(RouterSite, self.router)
        for kind, fact in self.given.items():
            facts.provide(kind, fact)
        return facts

    def findings(self, id: str) -> list[Finding]:
        """What the check says now; nothing where it does not apply."""

        async def judged() -> list[Finding]:
            facts = self.facts()
            check = next(check for check in plugins.checks() if check.id == id)
            try:
                arguments = await facts.arguments(check.judge)
                return list(check.judge(**arguments))
            except NoFact:
                return []
            finally:
                await facts.close()

        return asyncio.run(judged())

    def draft(self, id: str) -> Draft:
        """What the remedy of a finding plans. Raises CannotFix."""

        async def planned() -> Draft:
            facts = self.facts()
            accounts = (SERVICE, *([self.router.user] if self.router and self.router.user else []))
            draft = Draft(readers=accounts)
            facts.provide(Draft, draft)
            try:
                await facts.call(cure_of(id).planner)
            finally:
                await facts.close()
            return draft

        return asyncio.run(planned())

    def snapshot(self) -> Snapshot:
        """All files but the record of changes."""
        seen = snapshot(self.root)
        return {path: one for path, one in seen.items() if not path.startswith(("state", "."))}

    @property
    def state(self) -> State:
        return State(self.root / "state", self.runner)

    def mend(self, id: str) -> Draft:
        """Plan and apply what the finding, which is there, offers."""
        found = self.findings(id)
        assert found, f"{id} is not there"
        assert any(self._offers(finding, id) for finding in found)
        draft = self.draft(id)
        assert draft.title
        assert KEY not in draft.plan().diff()
        pasted = self._pasted(found)
        assert self.state.apply(draft.plan(), lambda: True).verified
        if pasted is not None:
            assert said(self.snapshot(), id) == said(pasted, id)
        return draft

    def _pasted(self, found: list[Finding]) -> Snapshot | None:
        """What pasting the first way of each finding by hand makes of the files, which are then as
        before; None where that is a way of its own, for a person.
        """
        ways = [finding.remedies[0] for finding in found]
        unit = self.instance.unit
        if any(one.safety is Safety.MANUAL or not one.commands for one in ways) or (
            unit and unit.user_manager  # in a home of its own
        ):
            return None
        if any(" fix " in command for one in ways for command in one.commands):
            return None
        with tempfile.TemporaryDirectory() as kept:
            subprocess.run(["cp", "-a", f"{self.root}/.", kept], check=True)
            for command in [command for way in ways for command in way.commands]:
                subprocess.run(["bash", "-c", self._typed(command)], check=True)
            pasted = self.snapshot()
            subprocess.run(["find", self.root, "-mindepth", "1", "-delete"], check=True)
            subprocess.run(["cp", "-a", f"{kept}/.", self.root], check=True)
        return pasted

    def _typed(self, command: str) -> str:
        """As root types it here, where the accounts are made up and nothing runs under systemd."""
        if "systemctl" in command:
            return "true"
        names = {one.name: one.uid for one in self.accounts if one.uid}
        for name, uid in names.items():
            command = re.sub(rf"(chown|chown [^ ]*:|u:){name}\b", rf"\g<1>{uid}", command)
            command = re.sub(rf"chown {name}:? ", f"chown {uid} ", command)
            command = re.sub(rf"chown {name}:(\w)", rf"chown {uid}:\1", command)
        return command.replace("sudo ", "")

    def gone(self, ids: Iterable[str]) -> None:
        """The findings are gone, and the remedies have nothing more to do."""
        for id in ids:
            assert self.findings(id) == []
            assert self.draft(id).plan().empty

    def _offers(self, finding: Finding, id: str) -> bool:
        safety = cure_of(id).safety
        return any(
            remedy.commands == (f"sudo tabbydoctor fix {id}",) and remedy.safety is safety
            for remedy in finding.remedies
        )


def make(root: Path) -> Scene:
    """A healthy one, with the names of the configuration keys of the stand-in."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give files to others")
    scene = Scene(root)
    standin.install(scene.directory)
    os.chown(scene.directory, SERVICE.uid, SERVICE.uid)
    scene.write(scene.tokens, KEYS, 0o600)
    scene.write(scene.directory / "config.yml", "network:\n  port: 5000\n")
    scene.write(scene.root / "units/tabbyapi.service", "[Service]\nUser=tabby\n", owner=0)
    return scene
