"""What Docker and Podman wrote down of containers that do not run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tabbydoctor.deployment.container import Ending
from tabbydoctor.deployment.ended_containers import ended_containers
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import teller
from tabbydoctor.host import Account
from tests.scratch_host import ScratchHost

ID = "ab" * 32
DOCKER = f"var/lib/docker/containers/{ID}/config.v2.json"
STORE = "var/lib/containers/storage/overlay-containers"


def write(root: Path, path: str, content: object) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def docker(name: str = "/tabbyapi", image: str = "x/tabbyapi:latest", **state: object) -> str:
    return json.dumps({"Name": name, "Config": {"Image": image}, "State": state})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (docker(Running=False, ExitCode=1), ("docker tabbyapi", 1)),
        (docker("/llm", Running=False, ExitCode=0), ("docker llm", 0)),
        (docker("/tabby-api", "local", ExitCode=137), ("docker tabby-api", 137)),
        (docker(Running=True, Restarting=True, ExitCode=3), ("docker tabbyapi", 3)),
        (docker(Running=False, ExitCode=True), ("docker tabbyapi", True)),
        (docker(Running=True, ExitCode=0), None),
        (docker("/web", "nginx", Running=False), None),
        ("{", None),
        ("[]", None),
        ('{"Name": 5, "Config": 7, "State": []}', None),
        ('{"Name": "/tabbyapi", "Config": {"Env": 5}, "MountPoints": {"/x": 7}, "State": {"a": 1}}',
         ("docker tabbyapi", None)),
    ],
)  # fmt: skip
def test_one_of_docker(tmp_path: Path, text: str, said: tuple[str, int | None] | None) -> None:
    write(tmp_path, DOCKER, text)
    found = ended_containers(ScratchHost(tmp_path))
    assert [(one.label, one.ended and one.ended.code) for one in found] == ([said] if said else [])


@pytest.mark.parametrize(
    "more",
    [
        {"Config": {"Image": "llm", "Env": ["TABBY_NETWORK_PORT=1", "PATH=/bin"]}},
        {"Config": {"Image": "llm"}, "MountPoints": {"/app/api_tokens.yml": {"Source": "/s/t"}}},
        {"Config": {"Image": "llm", "Labels": {"com.docker.compose.service": "tabbyapi"}}},
    ],
)
def test_it_is_known_by_more_than_its_name(tmp_path: Path, more: dict[str, object]) -> None:
    write(tmp_path, DOCKER, {"Name": "/llm", "State": {"ExitCode": 1}, **more})
    (one,) = ended_containers(ScratchHost(tmp_path))
    assert one.ended
    assert set(one.ended.environment) <= {"TABBY_NETWORK_PORT"}


def test_another_program_of_a_like_name(tmp_path: Path) -> None:
    config = {"Image": "tabbyml/tabby", "Env": ["TABBY_ROOT=/data"]}
    write(tmp_path, DOCKER, {"Name": "/tabby", "Config": config, "State": {"ExitCode": 1}})
    assert ended_containers(ScratchHost(tmp_path)) == ()


def podman(root: Path, *, running: bool = False, store: str = STORE) -> None:
    spec = {
        "process": {"args": ["python3", "main.py", "--port", "1"], "cwd": "/srv",
                    "env": ["TABBY_NETWORK_HOST=::", "HF_TOKEN=x"]},
        "mounts": [{"type": "bind", "source": "/srv/t.yml", "destination": "/srv/config.yml"},
                   {"type": "proc", "source": "proc", "destination": "/proc"}],
    }  # fmt: skip
    write(root, f"{store}/{ID}/userdata/config.json", spec)
    write(root, f"{store}/containers.json", [{"id": ID, "names": ["llm"]}, 5])
    if running:
        (root / f"run/crun/{ID}").mkdir(parents=True)


def test_one_of_podman(tmp_path: Path) -> None:
    podman(tmp_path)
    (one,) = ended_containers(ScratchHost(tmp_path))
    assert (one.label, one.path("config.yml")) == ("podman llm", "/srv/t.yml")
    assert isinstance(one.ended, Ending)
    assert (one.ended.code, dict(one.ended.environment)) == (None, {"TABBY_NETWORK_HOST": "::"})
    assert one.restart == ("sudo podman start llm",)


def test_one_of_podman_that_runs(tmp_path: Path) -> None:
    podman(tmp_path, running=True)
    assert ended_containers(ScratchHost(tmp_path)) == ()


@pytest.mark.parametrize("text", ["{", "7", '[{"id": 5, "names": 5}]'])
def test_a_list_that_is_none(tmp_path: Path, text: str) -> None:
    podman(tmp_path)
    write(tmp_path, f"{STORE}/containers.json", text)
    assert [one.name for one in ended_containers(ScratchHost(tmp_path))] == [""]


def test_none_without_an_engine(tmp_path: Path) -> None:
    assert ended_containers(ScratchHost(tmp_path)) == ()


IVAN = Account("ivan", 61234, 61234, "/home/ivan")
ROOTLESS = "home/ivan/.local/share/containers/storage/overlay-containers"
ROOT_ALONE = pytest.mark.root(reason="files are given to other accounts")


def of_ivan(root: Path, *, mounted: int = IVAN.uid, **more: bool) -> ScratchHost:
    """A container of an account's own engine, whose config.yml is a file of some account's."""
    root.chmod(0o755)  # pytest closes its directories to others
    podman(root, store=ROOTLESS, **more)
    for path in (root / "home/ivan", *(root / "home/ivan").rglob("*")):
        os.chown(path, IVAN.uid, IVAN.gid)
    write(root, "srv/t.yml", "network: {}\n")
    os.chown(root / "srv/t.yml", mounted, mounted)
    return ScratchHost(root, accounts=(Account("root", 0, 0, "/root"), IVAN), uid=0)


@ROOT_ALONE
def test_one_of_an_account(tmp_path: Path) -> None:
    host = of_ivan(tmp_path)
    (one,) = ended_containers(host)
    assert (one.label, one.owner, one.path("config.yml")) == ("podman llm", IVAN, "/srv/t.yml")
    assert one.restart == ("sudo -u ivan XDG_RUNTIME_DIR=/run/user/61234 podman start llm",)
    assert one.log.startswith(f"/{ROOTLESS}/")
    instance = Instance("/srv", container=one.label, contained=one)
    assert teller(host, instance) == IVAN


@ROOT_ALONE
def test_one_of_an_account_that_runs(tmp_path: Path) -> None:
    host = of_ivan(tmp_path)
    (tmp_path / f"run/user/{IVAN.uid}/crun/{ID}").mkdir(parents=True)
    assert ended_containers(host) == ()


@ROOT_ALONE
def test_its_mounts_lead_to_nobody_elses_file(tmp_path: Path) -> None:
    (one,) = ended_containers(of_ivan(tmp_path, mounted=0))
    assert [mount.outside for mount in one.mounts or ()] == [""]
    assert not one.sees("config.yml")


@ROOT_ALONE
def test_its_records_are_read_as_the_account(tmp_path: Path) -> None:
    """A link to what root alone may read: its contents are not the account's to have judged."""
    host = of_ivan(tmp_path)
    record = tmp_path / ROOTLESS / ID / "userdata/config.json"
    secret = tmp_path / "root/config.json"
    secret.parent.mkdir(mode=0o700)
    record.rename(secret)
    os.chown(secret, 0, 0)
    secret.chmod(0o600)
    record.symlink_to("/root/config.json")
    assert ended_containers(host) == ()


@ROOT_ALONE
def test_the_systems_own_comes_first(tmp_path: Path) -> None:
    podman(tmp_path)
    os.utime(tmp_path / STORE / ID / "userdata/config.json", (1, 1))
    assert [one.owner for one in ended_containers(of_ivan(tmp_path))] == [None, IVAN]


@ROOT_ALONE
def test_another_account_looks_for_its_own_alone(tmp_path: Path) -> None:
    of_ivan(tmp_path)
    accounts = (IVAN, Account("olga", 61235, 61235, "/home/olga"))
    assert ended_containers(ScratchHost(tmp_path, accounts=accounts, uid=61235)) == ()
    assert len(ended_containers(ScratchHost(tmp_path, accounts=accounts, uid=61234))) == 1
