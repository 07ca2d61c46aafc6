"""What runs a router may set variables for it, as long as it cannot be seen what it does."""

from __future__ import annotations

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.host.data import Process
from tabbydoctor.routers import haproxy
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


@pytest.mark.parametrize(
    ("argv", "environment", "unset"),
    [
        (("/usr/sbin/haproxy", "-Ws", "-f", "/etc/haproxy/haproxy.cfg"), {}, ("TABBY_API_KEY",)),
        (("/usr/sbin/haproxy", "-f", "/etc/haproxy/haproxy.cfg"), {"TABBY_API_KEY": "k"}, ()),
        (("/usr/bin/caddy", "run", "--envfile", "/etc/caddy/env"), {}, ()),
    ],
)
def test_a_gateway_s_variable_that_nobody_sets(
    argv: tuple[str, ...], environment: dict[str, str], unset: tuple[str, ...]
) -> None:
    text = (
        "frontend a\n    mode http\n    bind :80\n    default_backend b\nbackend b\n    mode http\n"
        '    http-request set-header Authorization "Bearer ${TABBY_API_KEY}"\n'
        "    server s 127.0.0.1:5000\n"
    )
    reading = haproxy.read("/etc/haproxy/haproxy.cfg", text, ("http://127.0.0.1:5000",))
    process = Process(7, argv, environment=environment)
    site = RouterSite("/etc/haproxy/haproxy.cfg", "haproxy", process=process)
    assert unset_variables(site, reading) == unset
