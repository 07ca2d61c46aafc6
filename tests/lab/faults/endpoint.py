"""Faults that show at TabbyAPI's address."""

from __future__ import annotations

from tests.lab.deployment import ADMIN_KEY, BACKENDS, ROUTER_PORT, TABBY_PORT, Deployment
from tests.lab.faults.config import DOWN, LOADS
from tests.lab.faults.fault import edit, edit_router, fault, set_unit, tabby_down
from tests.lab.gpu import give_work

UNIT = "tabbyapi.service"


def moved(d: Deployment) -> bool:
    """TabbyAPI serves on the next port."""
    return d.request("GET", f"http://127.0.0.1:{TABBY_PORT + 1}/health").status == 200


STRANGER = """\
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 {port}
"""


@fault(
    "its port is taken",
    "API003",
    consequences={"RTR001", "RTR010", "RTR013", "SVC011"},
    waits_for=moved,
)
def port_moved(d: Deployment) -> None:
    stranger(d, TABBY_PORT)


def serves_beside(d: Deployment) -> bool:
    """TabbyAPI serves on the port after SGLang's, and the router finds it there."""
    url = f"http://127.0.0.1:{BACKENDS['sglang'] + 1}/health"
    router = d.request("GET", f"http://127.0.0.1:{ROUTER_PORT}/")
    return d.request("GET", url).status == 200 and router.status != 0


@fault(
    "configured for SGLang's port",
    "API003",
    consequences={"SVC011"},
    answers=False,
    waits_for=serves_beside,
)
def on_a_backend(d: Deployment) -> None:
    """The router asks each where it is: none of SGLang's calls is TabbyAPI's."""
    port = BACKENDS["sglang"]
    edit(d, f"port: {TABBY_PORT}", f"port: {port}")
    edit_router(d, (f"TABBY_PORT = {TABBY_PORT}", f"TABBY_PORT = {port + 1}"))
    d.machine.systemctl("start", "sglang.service")
    url = f"http://127.0.0.1:{port}/health"
    d.machine.wait_for(lambda: d.request("GET", url).status != 0, "SGLang to listen", 10)


@fault(
    "both its ports are taken",
    "API002",
    consequences={"SVC004", *DOWN},
    answers=False,
    waits_for=tabby_down,
)
def ports_taken(d: Deployment) -> None:
    stranger(d, TABBY_PORT)
    stranger(d, TABBY_PORT + 1)


@fault("stopped by hand", "API001", consequences={"RTR010"}, when="running", waits_for=tabby_down)
def stopped(d: Deployment) -> None:
    d.machine.systemctl("stop", UNIT)


@fault("its process is halted", "API001", consequences={"RTR010"}, when="running")
def halted(d: Deployment) -> None:
    d.machine.run(["systemctl", "kill", "--signal=STOP", UNIT])


@fault(
    "a model that takes its time",
    "API001",
    consequences={"RTR010"},
    answers=False,
    stand_in=LOADS,
    waits_for=lambda d: d.machine.property(UNIT, "ActiveState") == "active",
)
def loading(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "Environment=STANDIN_LOAD_SECONDS=60")


@fault("the model was unloaded", "API008", when="running", healthy=give_work, stand_in=LOADS)
def unloaded(d: Deployment) -> None:
    url = f"http://127.0.0.1:{TABBY_PORT}/v1/model/unload"
    answer = d.request("POST", url, headers={"Authorization": f"Bearer {ADMIN_KEY}"})
    assert answer.status == 200, answer


@fault(
    "a URL of this machine where TabbyAPI does not listen",
    "API011",
    arguments=("--url", "http://127.0.0.2:5000"),
    consequences={"API001", "RTR010", "RTR013"},
)
def bound_elsewhere(d: Deployment) -> None:
    """Nothing else is wrong."""


@fault("inline loading with the API key", "API009")
def inline(d: Deployment) -> None:
    edit(d, "  model_dir: models", "  model_dir: models\n  inline_model_loading: true")


@fault(
    "the tokens of another server are named",
    "API005",
    arguments=("--tokens", "/srv/old/api_tokens.yml"),
    consequences={"API006", "RTR005", "RTR010"},
    shows=frozenset({"API006"}),
)
def other_tokens(d: Deployment) -> None:
    other = f"api_key: {'ab12' * 8}\nadmin_key: {'cd34' * 8}\n"
    d.machine.write("/srv/old/api_tokens.yml", other, mode=0o600, owner=d.user)


@fault(
    "named tokens that were written just before the start",
    "API005",
    when="running",
    arguments=("--tokens", "/srv/old/api_tokens.yml"),
    consequences={"API006", "RTR005", "RTR010"},
)
def late_tokens(d: Deployment) -> None:
    """They are older than the start by less than the kernel tells of its boot."""
    d.machine.systemctl("stop", UNIT)
    other_tokens(d)
    d.machine.systemctl("start", UNIT)
    d.wait_ready()


def stranger(d: Deployment, port: int) -> None:
    """Something else that listens before TabbyAPI starts."""
    name = f"stranger-{port}.service"
    d.machine.unit(name, STRANGER.format(port=port))
    d.machine.systemctl("start", name)
    url = f"http://127.0.0.1:{port}/"
    d.machine.wait_for(lambda: d.request("GET", url).status != 0, f"{name} to listen", 10)
