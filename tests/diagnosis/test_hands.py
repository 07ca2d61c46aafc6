"""A printed command runs as whoever could bend the paths it names, never as root there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor.diagnosis.finding import Finding, Remedy, Safety
from tabbydoctor.diagnosis.hands import Hands
from tabbydoctor.host import Account, Group
from tests.scratch_host import ScratchHost

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of other accounts")
IVAN = Account("ivan", 61001, 61001, groups=(61001,))
TABBY = Account("tabby", 61002, 61002, groups=(61002,))


@pytest.fixture
def hands() -> Iterator[Hands]:
    """`/home/ivan` is Ivan's, `/home/ivan/TabbyAPI/logs` Tabby's, `/etc` and `/srv` are root's."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        for path, owner in (
            ("home/ivan/TabbyAPI/logs", TABBY.uid),
            ("home/ivan/TabbyAPI", IVAN.uid),
            ("home/ivan", IVAN.uid),
            ("etc", 0),
            ("srv/open", 0),
        ):
            (root / path).mkdir(parents=True, exist_ok=True)
            os.chown(root / path, owner, owner)
        (root / "srv/open").chmod(0o777)
        for path, owner in (
            ("home/ivan/TabbyAPI/config.yml", IVAN.uid),
            ("home/ivan/TabbyAPI/roots.yml", 0),
            ("home/ivan/TabbyAPI/logs/a.log", TABBY.uid),
            ("etc/x.conf", 0),
        ):
            (root / path).touch()
            os.chown(root / path, owner, owner)
        (root / "home/ivan/passwd").symlink_to("/etc/x.conf")
        os.lchown(root / "home/ivan/passwd", IVAN.uid, IVAN.gid)
        yield Hands(ScratchHost(root, accounts=(IVAN, TABBY), groups=(Group("ivan", 61001),)))


OWN = "/home/ivan/TabbyAPI"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sudo chmod 600 /etc/x.conf", "sudo chmod 600 /etc/x.conf"),
        ("sudoedit /etc/x.conf", "sudoedit /etc/x.conf"),
        (f"sudoedit {OWN}/config.yml", f"sudoedit -u ivan {OWN}/config.yml"),
        (f"sudo chmod 600 {OWN}/config.yml", f"sudo -u ivan chmod 600 {OWN}/config.yml"),
        (f"sudo chmod 600 {OWN}/roots.yml", f"sudo -u ivan chmod 600 {OWN}/roots.yml"),
        (f"sudo rm {OWN}/roots.yml", f"sudo -u ivan rm {OWN}/roots.yml"),
        (f"sudo install -m 600 /dev/null {OWN}/new", f"sudo -u ivan install -m 600 /dev/null {OWN}/new"),
        ("sudo install -m 600 /dev/null /home/ivan/a/b/new", "sudo -u ivan install -m 600 /dev/null /home/ivan/a/b/new"),
        (f"sudo chmod 600 {OWN}/logs/a.log", f"sudo -u tabby chmod 600 {OWN}/logs/a.log"),
        ("sudo cat /home/ivan/passwd", "sudo -u ivan cat /home/ivan/passwd"),
        (f"echo x | sudo tee {OWN}/config.yml", f"echo x | sudo -u ivan tee {OWN}/config.yml"),
        (f"sudo -H {OWN}/bin/python -m pip list", f"sudo -u ivan -H {OWN}/bin/python -m pip list"),
        (f"sudo sed -n 1,3p '{OWN}/a b'", f"sudo -u ivan sed -n 1,3p '{OWN}/a b'"),
        (f"sudo -u tabby cat {OWN}/config.yml", f"sudo -u tabby cat {OWN}/config.yml"),
        (f"ls -l {OWN}/config.yml", f"ls -l {OWN}/config.yml"),
        ("sudo setfacl -m u:tabby:x /home/ivan", "sudo setfacl -m u:tabby:x /home/ivan"),
        (f"sudo tabbydoctor fix --config={OWN}/config.yml", f"sudo tabbydoctor fix --config={OWN}/config.yml"),
        ("sudo systemctl restart tabbyapi.service", "sudo systemctl restart tabbyapi.service"),
        (f"sudo chown ivan {OWN}/roots.yml", None),
        ("sudo chown ivan /home/ivan/passwd", None),
        (f"sudo mv {OWN}/config.yml {OWN}/logs/a.log", f"sudo -u ivan mv {OWN}/config.yml {OWN}/logs/a.log"),
        ("sudo rm /srv/open/x", None),
    ],
)  # fmt: skip
def test_a_command(hands: Hands, command: str, expected: str | None) -> None:
    assert hands.command(command) == expected


def test_a_remedy_that_lacks_a_step_is_for_a_person(hands: Hands) -> None:
    remedy = Remedy("Give it to ivan", Safety.SAFE, (f"sudo chown ivan {OWN}/roots.yml", "true"))
    (told,) = hands.finding(Finding("x", remedies=(remedy,))).remedies
    assert (told.safety, told.commands) == (Safety.MANUAL, ())
    assert told.title.startswith("Give it to ivan (by hand: others than root could exchange")


def test_what_needs_no_care_is_as_it_was(hands: Hands) -> None:
    finding = Finding("x", remedies=(Remedy("y", commands=("sudo systemctl daemon-reload",)),))
    assert hands.finding(finding) is finding
