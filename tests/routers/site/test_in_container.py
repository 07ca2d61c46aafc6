"""A router in Python in a container: which file of this machine is its source, and which is not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.container import Container, Mount
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.people import People
from tabbydoctor.facts import Unknown
from tabbydoctor.host.data import Account, Process
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.router_restart import refuse_image
from tabbydoctor.routers.inputs import router_inputs
from tabbydoctor.routers.reach import may_read
from tabbydoctor.routers.site.in_container import in_container, speaks
from tests.scratch_host import ScratchHost

ROOT = "/proc/161/root"
SOURCE = 'import httpx\nhttpx.get("http://tabbyapi:5000/v1/models")\n'
BOX = Container(
    "docker", "ab" * 32, 161, "/app", name="llm-router",
    mounts=(Mount("/app", "/srv/router"), Mount("/keys", "/srv/tabby")),
)  # fmt: skip
RUNS = Process(161, ("python3", "router.py"), uid=0, cwd="/app")
BARE = RouterSite(None, "unknown", process=RUNS, user=Account("root", 0, 0))


def write(root: Path, path: str, text: str = SOURCE) -> Path:
    there = root / path.lstrip("/")
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_text(text)
    return there


def mounted(root: Path, inside: str = "/app/router.py", outside: str = "/srv/router/router.py"
            ) -> None:  # fmt: skip
    """A hard link stands for a bind mount."""
    there = write(root, outside)
    here = root / f"{ROOT}{inside}".lstrip("/")
    here.parent.mkdir(parents=True, exist_ok=True)
    os.link(there, here)


def found(root: Path, *argv: str, box: Container = BOX) -> RouterSite | None:
    process = replace(RUNS, argv=argv or RUNS.argv)
    return in_container(ScratchHost(root, uid=0), replace(BARE, process=process), process, box)


@pytest.mark.parametrize(
    "command", ["python3 router.py", "python3 /app/router.py", "python3 -m router",
                "uvicorn router:app", "uvicorn --app-dir=/app router:app"],
)  # fmt: skip
def test_its_source_is_named_as_on_this_machine(tmp_path: Path, command: str) -> None:
    mounted(tmp_path)
    write(tmp_path, "/app/router.py", "# another program's\n")
    site = found(tmp_path, *command.split())
    assert site is not None
    assert (site.path, site.in_image) == ("/srv/router/router.py", False)
    assert speaks(ScratchHost(tmp_path), site)


def test_what_is_in_its_image_is_read_and_not_changed(tmp_path: Path) -> None:
    write(tmp_path, f"{ROOT}/opt/gate.py")
    site = found(tmp_path, "python3", "/opt/gate.py")
    assert site is not None
    assert site.path == f"{ROOT}/opt/gate.py"
    with pytest.raises(CannotFix, match=r"/opt/gate\.py, is in the image of docker llm-router"):
        refuse_image(site)


@pytest.mark.parametrize("way", ["a link", "another file", "a directory that is a link"])
def test_a_name_that_leads_to_another_file_is_not_it(tmp_path: Path, way: str) -> None:
    """Root of the container puts what it likes into what is mounted, links of the host's too."""
    secret = write(tmp_path, "/etc/secret.py", "KEY = 1\n")
    outside, name = write(tmp_path, "/srv/router/router.py"), "router.py"
    write(tmp_path, f"{ROOT}/app/router.py")
    if way == "a link":
        outside.unlink()
        outside.symlink_to(secret)
    elif way == "a directory that is a link":
        name = "inner/secret.py"
        write(tmp_path, f"{ROOT}/app/{name}")
        (tmp_path / "srv/router/inner").symlink_to("/etc")
    site = found(tmp_path, "python3", name)
    assert site is not None
    assert site.in_image


def test_a_module_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    mounted(tmp_path)
    write(tmp_path, "/srv/router/router.py", f"import beside\n{SOURCE}")
    write(tmp_path, "/root/beside.py", "KEY = 'of-root'\n")
    (tmp_path / "srv/router/beside.py").symlink_to("/root/beside.py")
    site = found(tmp_path)
    assert site is not None
    with pytest.raises(Unknown, match=r"beside\.py is a link"):
        router_inputs(ScratchHost(tmp_path, uid=0), site, None, None)


@pytest.mark.parametrize(
    "command", ["sh -c", "node router.py.js", "python3 -c pass", "python3", "python3 gone/../../x"]
)
def test_what_is_no_source_of_its_own(tmp_path: Path, command: str) -> None:
    mounted(tmp_path)
    words = command.split()
    site = found(
        tmp_path, *words, *(["python3 /srv/router/router.py"] if "-c" in words[:2] else ())
    )
    assert site is None or site.in_image


@pytest.mark.parametrize(
    ("account", "mounts", "reads"),
    [
        (Account("root", 0, 0), BOX.mounts, True),
        (Account("#1001", 1001, 1001), BOX.mounts, False),
        (Account("root", 0, 0), (Mount("/app", "/srv/router"),), False),
        (Account("root", 0, 0), (Mount("/keys/t.yml", "/srv/tabby/t.yml", replaced=True),), False),
    ],
)
def test_the_tokens_are_read_where_they_are_mounted(
    tmp_path: Path, account: Account, mounts: tuple[Mount, ...], *, reads: bool
) -> None:
    """Whatever the directories above them let it do on this machine."""
    write(tmp_path, "/srv/tabby/t.yml", "api_key: x\n").chmod(0o600)
    way = ScratchHost(tmp_path, uid=0).way("/srv/tabby/t.yml")
    leaf = replace(way.leaf, path="/srv/tabby/t.yml", uid=0)
    site = replace(BARE, user=account, contained=replace(BOX, mounts=mounts))
    assert may_read(site, People((), ()), replace(way, chain=(*way.chain[:-1], leaf))) is reads


@pytest.mark.parametrize(
    ("path", "inside"),
    [("/srv/tabby/t.yml", "/keys/t.yml"), ("/srv/router", "/app"), ("/srv/tabbyx/t.yml", ""),
     ("/keys/t.yml", ""), ("/srv", "")],
)  # fmt: skip
def test_the_name_inside_of_a_file_of_this_machine(path: str, inside: str) -> None:
    assert BOX.within(path) == inside


def test_what_it_opens_is_looked_for_in_its_container() -> None:
    site = replace(BARE, contained=BOX)
    assert site.opened("/keys/t.yml") == f"{ROOT}/keys/t.yml"
    assert site.opened("/srv/router/.env") == f"{ROOT}/app/.env"
    assert BARE.opened("/keys/t.yml") == "/keys/t.yml"
