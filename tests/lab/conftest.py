"""The lab's fixtures; every test below this directory has the marker `lab`, and those that take a
machine and are not of the core (core.py) are `heavy`.

It is skipped, with the reason, where it cannot run; TABBYDOCTOR_REQUIRE_LAB=1 makes that a failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.lab.core import is_core
from tests.lab.deployment import Deploy, Deployment, RealServer
from tests.lab.installed import CACHE, Installed
from tests.lab.installed import installed as install
from tests.lab.machine import LabUnavailableError, Machine

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real",
        action="store_true",
        help="lab: the TabbyAPI of TABBYAPI_DIR and TABBYAPI_PYTHON in place of the stand-in",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("lab")
            takes_a_machine = "machine" in getattr(item, "fixturenames", ())
            if takes_a_machine and not is_core(item.path.name, item.name):
                item.add_marker("heavy")


def unavailable(reason: str) -> NoReturn:
    """End the test: skipped, or failed where the lab is required."""
    if os.environ.get("TABBYDOCTOR_REQUIRE_LAB") == "1":
        pytest.fail(f"the lab is required: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def real_server(request: pytest.FixtureRequest) -> RealServer | None:
    """The real TabbyAPI that `--real` asks for, None for the stand-in."""
    if not request.config.getoption("--real", default=False):
        return None
    real = RealServer.from_environment()
    if real is None:
        raise pytest.UsageError("--real needs TABBYAPI_DIR and TABBYAPI_PYTHON")
    return real


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The session's machine, booted once; what a test leaves on it the next one finds."""
    if os.geteuid() != 0:
        unavailable("the lab needs root")
    CACHE.mkdir(exist_ok=True)
    try:
        booted = Machine.boot(tmp_path_factory.mktemp("machine"), shown=[CACHE])
    except LabUnavailableError as reason:
        unavailable(str(reason))
    with booted:
        yield booted


@pytest.fixture
def fresh_machine(machine: Machine) -> Machine:
    """The session's machine as new."""
    machine.reset()
    return machine


@pytest.fixture(scope="session")
def installed(machine: Machine) -> Iterator[Installed]:
    """The project's wheel, installed for the session (once it is sure that there is a lab)."""
    with install() as place:
        yield place


@pytest.fixture
def deploy(fresh_machine: Machine, installed: Installed, real_server: RealServer | None) -> Deploy:
    """Lays out a deployment (variations: `Deployment.deploy`) on a fresh machine; not started."""

    def lay_out(**variations: Any) -> Deployment:
        return Deployment.deploy(fresh_machine, installed, real=real_server, **variations)

    return lay_out


@pytest.fixture
def deployment(deploy: Deploy) -> Deployment:
    """The healthy deployment, running."""
    healthy = deploy()
    healthy.start()
    healthy.wait_ready()
    return healthy
