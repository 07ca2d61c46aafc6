"""Settings that keep every client from a TabbyAPI that runs, and variables that never reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.api import Severity

from .scene import FRAGMENT, Scene, refusing, serving, told

SERVES = ("INFO:     Uvicorn running on http://127.0.0.1:5000",)
DROP_IN = "/etc/systemd/system/tabbyapi.service.d/zz-tabbydoctor-sandbox.conf"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.log = SERVES
    return scene


@pytest.mark.parametrize(
    ("setting", "lifted"),
    [
        ("PrivateNetwork=yes", "PrivateNetwork=no"),
        ("RestrictAddressFamilies=AF_UNIX AF_NETLINK", "RestrictAddressFamilies="),
        ("RestrictAddressFamilies=~AF_INET AF_INET6", "RestrictAddressFamilies="),
        ("IPAddressDeny=0.0.0.0/0 ::/0", "IPAddressDeny="),
    ],
)
def test_what_cuts_it_off_is_the_root(scene: Scene, setting: str, lifted: str) -> None:
    scene.unit = FRAGMENT.replace("[Install]", f"{setting}\n[Install]")
    scene.endpoint = refusing()
    said = scene.examine()
    assert said.ids == ["SVC012"]
    assert said.explains("SVC012") == ("API001",)
    finding = said.finding("SVC012")
    assert finding.severity is Severity.ERROR
    assert "cuts TabbyAPI off" in finding.title
    (line,) = [one for one in finding.remedies[0].commands if "tee" in one]
    assert lifted in line.split("'%s\\n' ")[1].replace("'", "").split(" | ")[0]


@pytest.mark.parametrize(
    "setting",
    [
        "PrivateNetwork=no",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "RestrictAddressFamilies=~AF_PACKET",
        "IPAddressDeny=0.0.0.0/0 ::/0\nIPAddressAllow=127.0.0.0/8",
    ],
)
def test_what_leaves_it_its_clients_is_none(scene: Scene, setting: str) -> None:
    scene.unit = FRAGMENT.replace("[Install]", f"{setting}\n[Install]")
    scene.endpoint = serving()
    assert scene.examine().ids == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("export TABBY_NETWORK_PORT=5001\n", "TABBY_NETWORK_PORT"),
        ("# a comment\n  export  HF_TOKEN='se-cr-et-of-the-file'\nA=1\n", "HF_TOKEN"),
        ("export A=1\nB=2\ndeclare -x C=3\n", "A, C"),
    ],
)
def test_a_file_written_for_a_shell(scene: Scene, text: str, names: str) -> None:
    scene.write("/etc/tabbyapi.env", text)
    scene.properties = {"EnvironmentFiles": "/etc/tabbyapi.env (ignore_errors=yes)"}
    scene.endpoint = serving()
    said = scene.examine()
    assert said.ids == ["SVC009"]
    finding = said.finding("SVC009")
    assert finding.severity is Severity.WARNING
    assert f"does not get {names}:" in finding.title
    assert "se-cr-et" not in told(finding)
    number = text.splitlines().index(next(each for each in text.splitlines() if " " in each[:9]
                                          and not each.startswith("#"))) + 1  # fmt: skip
    assert finding.evidence[0].source == f"/etc/tabbyapi.env:{number}"
    edit, *_, restart = finding.remedies[0].commands
    assert edit.startswith("sudo sed -i -E ")
    assert edit.endswith(" /etc/tabbyapi.env")
    assert restart == "sudo systemctl restart tabbyapi.service"


def test_a_name_that_begins_so_is_no_export(scene: Scene) -> None:
    scene.write("/etc/tabbyapi.env", "exported=1\nEXPORT_A=2\n#export B=3\n")
    scene.properties = {"EnvironmentFiles": "/etc/tabbyapi.env (ignore_errors=no)"}
    scene.endpoint = serving()
    assert scene.examine().ids == []
