"""What an account says of itself, by its processes and its own systemd, is its word alone."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tabbydoctor.deployment.discovery import discovery
from tabbydoctor.deployment.machine import machine, process_table
from tabbydoctor.deployment.parts import Discovery, Instance, RouterSite, Units
from tabbydoctor.deployment.reader import reader, teller
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import units
from tabbydoctor.facts import Facts
from tabbydoctor.host import Account, Host, Process
from tabbydoctor.routers.site.finding import router_site
from tabbydoctor.targets import Targets
from tests.scratch_host import ScratchHost

from .test_discovery import shown, tabby_directory, unit_file

pytestmark = pytest.mark.root(reason="it is root who believes")

ROOT = Account("root", 0, 0, "/root", "/bin/bash", (0,))
MALLORY = Account("mallory", 61001, 61001, "/home/mallory", "/bin/bash", (61001,))
SECRET = "TABBY_API_KEY=0123456789abcdef0123456789abcdef\n"
SERVER = Process(
    42, ("python", "main.py"), 61001, "/home/mallory/T", unit="x.service", user_unit=True
)


@pytest.fixture
def root() -> Iterator[Path]:
    """A machine's files, in a directory that every account may pass."""
    with tempfile.TemporaryDirectory(prefix="word-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def told(root: Path, *own: str, system: Sequence[str] = (), processes: Sequence[Process]) -> Facts:
    """A machine whose system's manager says one thing, and Mallory's another."""
    host = ScratchHost(
        root,
        commands={
            "systemctl show --property=Version": "252 (252.38-1)\n",
            "systemctl show": "\n".join(system),
            "systemctl --user": "\n".join(own),
        },
        processes=processes,
        accounts=[ROOT, MALLORY],
        uid=0,
    )
    facts = Facts([Targets()], [machine, process_table, units, discovery])
    facts.provide(Host, host)
    return facts


def unit_of(root: Path, **properties: str) -> Unit:
    (root / "root").mkdir(mode=0o700)
    (root / "root/secret.env").write_text(SECRET)
    (root / "home/mallory/.config/systemd/user").mkdir(parents=True)
    unit = root / "home/mallory/.config/systemd/user/x.service"
    unit.write_text("[Service]\nExecStart=python main.py\n")
    facts = told(root, shown("x.service", **properties), processes=[SERVER])
    found = asyncio.run(facts.get(Units))
    return next(one for one in found.units if one.user_manager)


@pytest.mark.parametrize(
    "properties",
    [
        {"EnvironmentFiles": "/root/secret.env (ignore_errors=no)"},
        {"FragmentPath": "/root/secret.env"},
        {"FragmentPath": "/x", "DropInPaths": "/root/secret.env"},
    ],
)
def test_a_users_manager_names_no_file_for_roots_eyes(
    root: Path, properties: dict[str, str]
) -> None:
    unit = unit_of(root, **properties)
    texts = [file.text for file in unit.files] + [file.text for file in unit.environment_files]
    assert not any(texts)


def test_a_users_manager_gives_no_other_account_nor_group(root: Path) -> None:
    unit = unit_of(root, User="root", Group="shadow", SupplementaryGroups="disk docker")
    assert unit.user == "mallory"
    part = Instance("/root", unit=unit, user=MALLORY)
    found = reader(ScratchHost(root, accounts=[ROOT, MALLORY]), part)
    assert found == MALLORY


@pytest.mark.parametrize("name", ["../../../../etc/systemd/system/ssh.service", "-x.service", "a"])
def test_a_users_manager_names_no_path(root: Path, name: str) -> None:
    facts = told(root, shown(name), processes=[SERVER])
    assert asyncio.run(facts.get(Units)).units == ()


def test_roots_unit_comes_before_a_users_of_the_usual_name(root: Path) -> None:
    for path in ("/home/mallory/T", "/srv/tabby"):
        tabby_directory(root, path)
    unit_file(root, "our-tabby.service", "[Service]\nExecStart=python main.py\n")
    start = "{ path=/usr/bin/python ; argv[]=python main.py ; }"
    own = shown(
        "tabbyapi.service", MainPID="42", ExecStart=start, WorkingDirectory="/home/mallory/T"
    )
    of_root = shown("our-tabby.service", ExecStart=start, WorkingDirectory="/srv/tabby")
    facts = told(root, own, system=[of_root], processes=[SERVER])
    found = asyncio.run(facts.get(Discovery)).instance
    assert found is not None
    assert found.directory == "/srv/tabby"


def test_a_program_with_lent_rights_speaks_for_nobody(root: Path) -> None:
    """Whoever starts su chooses its arguments and its directory."""
    tabby_directory(root, "/home/mallory/T")
    process = Process(42, ("python", "main.py"), 0, "/home/mallory/T")
    facts = told(root, processes=[process])
    assert asyncio.run(facts.get(Discovery)).instance is not None
    executable = root / "proc/42/exe"
    executable.parent.mkdir(parents=True)
    executable.touch()
    executable.chmod(0o4755)
    facts = told(root, processes=[process])
    assert asyncio.run(facts.get(Discovery)).instance is None


def test_an_account_that_is_not_listed_is_one_all_the_same(root: Path) -> None:
    part = Instance("/x", process=Process(42, ("python",), 100_007, groups=(100_007,)))
    found = teller(ScratchHost(root, accounts=[ROOT], uid=0), part)
    assert found is not None
    assert (found.uid, found.groups) == (100_007, (100_007,))


def test_a_process_names_no_routers_source_for_roots_eyes(root: Path) -> None:
    (root / "root").mkdir(mode=0o700)
    (root / "root/router.py").write_text("import httpx\nhttpx.get('http://127.0.0.1:5000')\n")
    process = Process(43, ("python", "/root/router.py"), 61001, "/")
    facts = told(root, processes=[process])

    def found() -> RouterSite:
        host = facts.known(Host)  # type: ignore[type-abstract]
        table = process_table(host) if host else None
        return router_site(host, Targets(), None, table, None, None)  # type: ignore[arg-type]

    with pytest.raises(Exception, match="no router found"):
        found()
