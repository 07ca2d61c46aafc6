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

pytestmark = pytest.mark.root(reason="files of other accounts")
IVAN = Account("ivan", 61001, 61001, groups=(61001,))
TABBY = Account("tabby", 61002, 61002, groups=(61002,))


@pytest.fixture
def told() -> Iterator[Hands]:
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


AS_IVAN, AS_TABBY, AS_ROOT, NOBODY = "sudo -u ivan", "sudo -u tabby", "sudo", None
"""In place of `sudo` in what is printed; None where it is not printed."""


@pytest.mark.parametrize(
    ("command", "hands"),
    [
        ("sudo chmod 600 /etc/x.conf", AS_ROOT),
        (f"sudo chmod 600 {OWN}/config.yml", AS_IVAN),
        (f"sudo chmod 600 {OWN}/roots.yml", NOBODY),
        (f"sudo rm {OWN}/roots.yml", AS_IVAN),
        (f"sudo install -m 600 /dev/null {OWN}/new", AS_IVAN),
        ("sudo install -m 600 /dev/null /home/ivan/a/b/new", AS_IVAN),
        (f"sudo chmod 600 {OWN}/logs/a.log", AS_TABBY),
        ("sudo cat /home/ivan/passwd", AS_IVAN),
        (f"echo x | sudo tee {OWN}/config.yml", AS_IVAN),
        (f"sudo -H {OWN}/bin/python -m pip list", AS_IVAN),
        (f"sudo sed -n 1,3p '{OWN}/a b'", AS_IVAN),
        (f"sudo -u tabby cat {OWN}/config.yml", AS_ROOT),
        (f"ls -l {OWN}/config.yml", AS_ROOT),
        ("sudo setfacl -m u:tabby:x /home/ivan", AS_ROOT),
        (f"sudo tabbydoctor fix --config={OWN}/config.yml", AS_ROOT),
        ("sudo systemctl restart tabbyapi.service", AS_ROOT),
        (f"sudo mv {OWN}/config.yml {OWN}/logs/a.log", AS_IVAN),
        (f"sudo chown ivan {OWN}/roots.yml", NOBODY),
        ("sudo chown ivan /home/ivan/passwd", NOBODY),
        ("sudo rm /srv/open/x", NOBODY),
    ],
)
def test_a_command(hands: str | None, command: str, told: Hands) -> None:
    expected = command.replace("sudo", hands, 1) if hands else None
    assert told.command(command) == expected


def test_an_editor(told: Hands) -> None:
    assert told.command("sudoedit /etc/x.conf") == "sudoedit /etc/x.conf"
    assert told.command(f"sudoedit {OWN}/config.yml") == f"sudoedit -u ivan {OWN}/config.yml"


def test_a_remedy_that_lacks_a_step_is_for_a_person(told: Hands) -> None:
    remedy = Remedy("Give it to ivan", Safety.SAFE, (f"sudo chown ivan {OWN}/roots.yml", "true"))
    (one,) = told.finding(Finding("x", remedies=(remedy,))).remedies
    assert (one.safety, one.commands) == (Safety.MANUAL, ())
    assert one.title.startswith("Give it to ivan (by hand: others than root could exchange")


def test_what_needs_no_care_is_as_it_was(told: Hands) -> None:
    finding = Finding("x", remedies=(Remedy("y", commands=("sudo systemctl daemon-reload",)),))
    assert told.finding(finding) is finding


@pytest.mark.parametrize(
    ("command", "hands"),
    [
        ("sudo chown ivan /etc/x.conf", NOBODY),
        ("sudo chmod u+r /etc/x.conf", AS_IVAN),
        ("sudo setfacl -m u:ivan:x /etc", AS_IVAN),
        ("sudo rm /etc/x.conf/below", AS_IVAN),
        ("sudo mv -n /etc/x.conf /home/ivan/new", AS_IVAN),
        ("sudo mv -n /etc/x.conf /srv/open/new", NOBODY),
        ("sudo tee /etc/modprobe.d/y.conf", AS_ROOT),
        ("sudo chmod 600 /etc/x.conf.other", AS_ROOT),
    ],
)
def test_a_path_that_an_account_alone_named(hands: str | None, command: str, told: Hands) -> None:
    by_word = Hands(told.host, {"/etc/x.conf": IVAN})
    expected = command.replace("sudo", hands, 1) if hands else None
    assert by_word.command(command) == expected
