"""Faults in the router."""

from __future__ import annotations

from tests.lab.deployment import ADMIN_KEY, API_KEY, TOKENS, Deployment
from tests.lab.faults.config import LOADS
from tests.lab.faults.fault import edit_router, fault, set_unit
from tests.lab.gpu import give_work

ROUTER = "llm-router.service"
KEYED = {"RTR002", "RTR010", "SVC011"}
FROM_FILE = 'key = yaml.safe_load(f)["api_key"]'
NOT_A_STRING = "    if isinstance(key, list):\n        key = key[0]\n"
FROM_CREDENTIAL = (
    ("open(TABBY_TOKENS)", 'open(os.environ["CREDENTIALS_DIRECTORY"] + "/tabby_api_key")'),
    (FROM_FILE, "key = f.read().strip()"),
    ("import json\n", "import json\nimport os\n"),
)
FORWARD = '{"Content-Type": "application/json", **headers_for(backend)}'
PROBE = 'r = await c.get(f"http://127.0.0.1:{PORTS[backend]}/v1/models", headers=headers)'
KEY_LIST = TOKENS.replace(API_KEY, f"\n  - {API_KEY}\n  - 0f343b0931126a20f133d67c2b018a3b")


@fault(
    "a router without a key",
    "RTR001",
    consequences={"RTR002", "RTR010", "SVC011"},
    deploy={"router": "broken"},
    fix=("--auth",),
)
def no_key(d: Deployment) -> None:
    """The router as it is."""


@fault(
    "option 2 of the notes",
    "RTR002",
    fix=("--auth",),
    also=("RTR003", "RTR007"),
    consequences={"RTR010", "SVC011"},
    deploy={"router": "notes"},
)
def option_two(d: Deployment) -> None:
    """The router as it is: its probe sends the key, its forwarded requests do not."""


@fault(
    "a router without a key that may not read the tokens",
    "RTR001",
    fix=("--auth",),
    consequences=KEYED,
    deploy={"router": "broken", "router_user": "gateway"},
)
def no_key_no_access(d: Deployment) -> None:
    d.machine.run(["chmod", "600", str(d.tokens)])


@fault(
    "a router without a key and a list of keys",
    "RTR001",
    fix=("--auth",),
    consequences=KEYED,
    deploy={"router": "broken", "tokens": KEY_LIST},
)
def no_key_of_many(d: Deployment) -> None:
    """It can send neither."""


@fault("the router forwards without the key", "RTR002", consequences={"SVC011"}, fix=("--auth",))
def forwards_bare(d: Deployment) -> None:
    edit_router(d, (FORWARD, '{"Content-Type": "application/json"}'))


@fault("the router probes without the key", "RTR001", consequences=KEYED, fix=("--auth",))
def probes_bare(d: Deployment) -> None:
    edit_router(d, (PROBE, PROBE.replace(", headers=headers", "")))


@fault("the router takes 401 for healthy", "RTR003", fix=("--auth",))
def masks(d: Deployment) -> None:
    edit_router(d, ("return r.status_code == 200", "return r.status_code in (200, 401)"))


@fault("the router sends the admin key", "RTR004", fix=("--auth",))
def admin_key(d: Deployment) -> None:
    edit_router(d, (FROM_FILE, FROM_FILE.replace("api_key", "admin_key")))


@fault(
    "the router's own copy of the key is old",
    "RTR005",
    consequences={"RTR010", "SVC011"},
    fix=("--auth",),
)
def old_key(d: Deployment) -> None:
    edit_router(d, (FROM_FILE, f'key = "{ADMIN_KEY[::-1]}"'))


@fault(
    "the router reads tokens that are not there",
    "RTR005",
    consequences={"RTR010"},
    fix=("--auth",),
)
def wrong_file(d: Deployment) -> None:
    edit_router(d, ("TabbyAPI/api_tokens.yml", "tabby/api_tokens.yml"))


@fault(
    "the router reads another server's tokens",
    "RTR005",
    consequences={"RTR010", "SVC011"},
    fix=("--auth",),
)
def another_servers_file(d: Deployment) -> None:
    other = d.directory.with_name("tabby") / "api_tokens.yml"
    d.machine.write(other, TOKENS.replace(API_KEY, API_KEY[::-1]))
    edit_router(d, ("TabbyAPI/api_tokens.yml", "tabby/api_tokens.yml"))


@fault(
    "an old key in the source of a router that is to get it by its unit",
    "RTR005",
    consequences={"RTR010", "SVC011"},
    fix=("--auth", "--strategy", "router-env"),
)
def old_key_by_unit(d: Deployment) -> None:
    old_key(d)


@fault(
    "an old key in the router's environment",
    "RTR005",
    consequences={"RTR010", "SVC011"},
    fix=("--auth", "--strategy", "router-env"),
)
def old_environment(d: Deployment) -> None:
    d.machine.write("/etc/llm-router.env", f"TABBY_API_KEY={ADMIN_KEY[::-1]}\n", mode=0o600)
    set_unit(d, "EnvironmentFile=/etc/llm-router.env", unit=ROUTER)
    edit_router(d, *FROM_ENVIRONMENT)


@fault(
    "an old key in the file that gives the router's environment",
    "RTR005",
    consequences={"RTR010", "SVC011"},
    fix=("--auth",),
)
def old_environment_file(d: Deployment) -> None:
    """It is renewed there: the source stays."""
    old_environment(d)


@fault(
    "an old credential of the router's unit",
    "RTR005",
    consequences={"RTR010", "SVC011"},
    fix=("RTR005",),
)
def old_credential(d: Deployment) -> None:
    d.machine.write("/etc/llm-router/key", ADMIN_KEY[::-1], mode=0o600)
    set_unit(d, "LoadCredential=tabby_api_key:/etc/llm-router/key", unit=ROUTER)
    edit_router(d, *FROM_CREDENTIAL)


@fault("the router rewrites config.yml", "RTR006", consequences={"CFG012"})
def rewrites(d: Deployment) -> None:
    edit_router(d, ("async def forward(body):", REWRITES.format(path=d.config)))


@fault("HEAD /health for a probe", "RTR007", consequences={"RTR010"}, fix=("--auth",))
def hopeless(d: Deployment) -> None:
    edit_router(d, (PROBE, 'r = await c.head(f"http://127.0.0.1:{PORTS[backend]}/health")'))


@fault("the key for every backend", "RTR008")
def leaks(d: Deployment) -> None:
    edit_router(d, ('    if backend != "tabbyapi":\n        return {}\n', ""))


@fault(
    "a variable that nobody sets",
    "RTR009",
    consequences={"RTR010", "RTR001", "RTR002"},
    fix=("--auth", "--strategy", "router-env"),
)
def unset(d: Deployment) -> None:
    edit_router(d, *FROM_ENVIRONMENT)


@fault(
    "a variable of the router's own that nobody sets",
    "RTR009",
    consequences={"RTR010"},
    fix=("RTR009",),
)
def unset_own(d: Deployment) -> None:
    edit_router(d, *FROM_ENVIRONMENT, ("TABBY_API_KEY", "TABBYAPI_KEY"))


@fault(
    "a variable that nobody sets, and the tokens are to be read",
    "RTR009",
    consequences={"RTR010"},
    fix=("--auth",),
)
def unset_read(d: Deployment) -> None:
    unset(d)


@fault("the router is stopped", "RTR010", when="running")
def stopped(d: Deployment) -> None:
    d.machine.systemctl("stop", ROUTER)


@fault(
    "a router with a syntax error",
    "RTR010",
    consequences={"RTR019"},
    answers=False,
    waits_for=lambda d: d.machine.property(ROUTER, "ActiveState") == "failed",
)
def syntax_error(d: Deployment) -> None:
    edit_router(d, ("async def forward(body):", "async def forward(body:"))
    d.machine.systemctl("daemon-reload")
    d.machine.systemctl("start", "tabbyapi.service", "sglang.service", "llamacpp.service")
    url = "http://127.0.0.1:5000/health"
    d.machine.wait_for(lambda: d.request("GET", url).status == 200, "TabbyAPI", 30)


@fault(
    "a router that takes one key for granted",
    "RTR011",
    consequences={"RTR010", "SVC011"},
    deploy={"tokens": KEY_LIST},
    fix=("--auth",),
)
def one_key(d: Deployment) -> None:
    edit_router(d, (NOT_A_STRING, ""))


@fault("another backend is down", "RTR012", when="running")
def backend_down(d: Deployment) -> None:
    d.machine.systemctl("stop", "sglang.service")


@fault("the router asks the wrong port", "RTR013", consequences={"RTR010"})
def wrong_port(d: Deployment) -> None:
    edit_router(d, ("TABBY_PORT = 5000", "TABBY_PORT = 5001"))


@fault("the router is impatient", "RTR014", stand_in=LOADS)
def impatient(d: Deployment) -> None:
    give_work(d)
    set_unit(d, "Environment=STANDIN_LOAD_SECONDS=6")
    edit_router(
        d, ("async def forward(body):", WAITS), ("import sys\n", "import sys\nimport time\n")
    )


@fault(
    "a source that was changed under the running router",
    "RTR015",
    when="running",
    fix=("--auth",),
)
def stale(d: Deployment) -> None:
    wait_until_old(d)
    d.machine.run(["touch", str(d.router)])


@fault(
    "a router whose sandbox hides the tokens",
    "RTR017",
    consequences={"RTR010"},
    fix=("--auth",),
)
def sandboxed(d: Deployment) -> None:
    set_unit(d, "ProtectHome=yes", unit=ROUTER)


@fault(
    "a router that hands its callers' headers on",
    "RTR002",
    consequences={"SVC011"},
    fix=("--auth",),
)
def hands_on(d: Deployment) -> None:
    edit_router(
        d,
        (FORWARD, "{k: v for k, v in request.headers.items() if k.lower() not in OWN}"),
        ("async def forward(body):", HANDS_ON),
        ("asyncio.run(forward(body))", "asyncio.run(forward(body, self))"),
    )


def wait_until_old(d: Deployment) -> None:
    """Wait until the router's process is two seconds old: its start is known to the second."""

    def age() -> float:
        up = float(d.machine.read("/proc/uptime").split()[0])
        return up - int(d.machine.property(ROUTER, "ExecMainStartTimestampMonotonic")) / 1e6

    d.machine.wait_for(lambda: age() > 2, "the router to have run for a while")


HANDS_ON = """\
OWN = ("host", "content-length", "connection")


async def forward(body, request):"""
FROM_ENVIRONMENT = (
    (
        f"    with open(TABBY_TOKENS) as f:\n        {FROM_FILE}\n{NOT_A_STRING}",
        '    key = os.environ.get("TABBY_API_KEY", "")\n',
    ),
    ("import json\n", "import json\nimport os\n"),
)
REWRITES = """\
def switch_to(model):
    with open("{path}", "w") as f:
        yaml.safe_dump({{"network": {{"disable_auth": True}}, "model": {{"model_name": model}}}}, f)


async def forward(body):"""
WAITS = """\
async def wait_for(backend):
    start = time.monotonic()
    while time.monotonic() - start < 5:
        if await check_health(backend):
            return True
        await asyncio.sleep(0.5)
    return False


async def forward(body):"""
