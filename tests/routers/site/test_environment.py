"""What runs a router may set variables for it, as long as it cannot be seen what it does."""

from __future__ import annotations

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.host.data import Process
from tabbydoctor.routers.site.environment import perhaps_unset, unset_variables
from tests.checks.router.scene import read, site
from tests.remedies.router_scene import ENVIRONMENT

NAME = "TABBY_API_KEY"
READING = read(ENVIRONMENT, environment={})
PLAIN = (
    "/usr/bin/python3 router.py",
    "/srv/venv/bin/python3.12 -m router",
    "/usr/bin/env python3 router.py",
    "/opt/router/router.py",
    "/srv/venv/bin/uvicorn router:app",
    "gunicorn -k uvicorn.workers.UvicornWorker router:app",
    "hypercorn router:app",
    "fastapi run router.py",
    "/usr/bin/uv run router.py",
    "poetry run python router.py",
)
WRAPPED = (
    f"/usr/bin/env {NAME}=x /usr/bin/python3 router.py",
    "/usr/bin/env -S TABBY=x python3 router.py",
    f"gunicorn -e {NAME}=x router:app",
    "/usr/local/bin/dotenv -f /etc/router.env run -- python3 router.py",
    '/bin/sh -c ". /etc/router.env; exec python3 router.py"',
    "/opt/router/start.sh",
    "op run -- python3 router.py",
    "uv run --env-file .env router.py",
)


def of(command: str) -> RouterSite:
    return site(ExecStart=command)


@pytest.mark.parametrize("command", PLAIN)
def test_python_and_its_servers_set_nothing(command: str) -> None:
    assert unset_variables(of(command), READING) == (NAME,)
    assert perhaps_unset(of(command), READING) == {}


@pytest.mark.parametrize("command", WRAPPED)
def test_another_program_may_set_it(command: str) -> None:
    assert unset_variables(of(command), READING) == ()
    assert perhaps_unset(of(command), READING).keys() == {NAME}


def test_what_runs_shows_what_was_set() -> None:
    one = of("/opt/router/start.sh")
    process = Process(42, ("/usr/bin/python3", "router.py"), environment={"PATH": "/bin"})
    ran = RouterSite(one.path, one.kind, one.unit, process)
    assert unset_variables(ran, READING) == (NAME,)
    for unseen in (
        Process(42, ("/bin/sh", "/opt/router/start.sh"), environment={}),
        Process(42, ("/usr/bin/python3", "router.py"), environment=None),
    ):
        ran = RouterSite(one.path, one.kind, one.unit, unseen)
        assert unset_variables(ran, READING) == ()


def test_a_unit_whose_command_is_not_known() -> None:
    assert unset_variables(site(), READING) == (NAME,)
