"""Healthy variants: how the router gets the key, and routers of other makes."""

from __future__ import annotations

from tests.lab.deployment import API_KEY, Deployment
from tests.lab.faults.fault import edit_router, set_unit
from tests.lab.faults.other_routers import in_javascript
from tests.lab.faults.router import wait_until_old
from tests.lab.healthy.variant import as_usual, start_at, variant, without_router

ROUTER_UNIT = "llm-router.service"
FROM_FILE = """\
    with open(TABBY_TOKENS) as f:
        key = yaml.safe_load(f)["api_key"]
    if isinstance(key, list):
        key = key[0]
"""
FROM_CREDENTIAL = """\
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "tabby_api_key")) as f:
        key = f.read().strip()
"""
FROM_ENVIRONMENT = """\
    key = os.environ["TABBY_API_KEY"]
"""
LOADS_FILE = """\
    with open("/etc/llm-router.env") as f:
        for line in f:
            name, _, value = line.strip().partition("=")
            os.environ.setdefault(name, value)
    key = os.environ["TABBY_API_KEY"]
"""
FROM_PLACES = """\
    for place in ("/etc/tabbyapi/api_tokens.yml", TABBY_TOKENS):
        if os.path.exists(place):
            with open(place) as f:
                key = yaml.safe_load(f)["api_key"]
            if isinstance(key, list):
                key = key[0]
"""
LITELLM = """\
model_list:
  - model_name: tabby
    litellm_params:
      model: openai/tabby
      api_base: http://127.0.0.1:5000/v1
      api_key: os.environ/TABBY_API_KEY
"""
LLAMA_SWAP = """\
peers:
  tabby:
    proxy: http://127.0.0.1:5000
    apiKey: ${env.TABBY_API_KEY}
    models: [tiny-exl3]
"""
GATEWAY_UNIT = """\
[Service]
EnvironmentFile=/etc/gateway.env
ExecStart={command}

[Install]
WantedBy=multi-user.target
"""
SERVER = "#!/usr/bin/python3\nimport http.server\nhttp.server.test(port=4000, bind='127.0.0.1')\n"


def takes_key(d: Deployment, reading: str) -> None:
    """Let the router take its key in another way."""
    edit_router(d, (FROM_FILE, reading), ("import json\n", "import json\nimport os\n"))


@variant("the key by LoadCredential", deploy={"router_user": "gateway"})
def credential(d: Deployment) -> None:
    d.machine.run(["chmod", "600", str(d.tokens)])
    d.machine.write("/etc/llm-router/key", API_KEY, mode=0o600)
    set_unit(d, "LoadCredential=tabby_api_key:/etc/llm-router/key", unit=ROUTER_UNIT)
    takes_key(d, FROM_CREDENTIAL)


@variant("the key by LoadCredential, and a sandbox that hides the tokens")
def sandboxed(d: Deployment) -> None:
    set_unit(d, "ProtectHome=yes", unit=ROUTER_UNIT)
    d.machine.write("/etc/llm-router/key", f"{API_KEY}\n", mode=0o600)
    set_unit(d, "LoadCredential=tabby_api_key:/etc/llm-router/key", unit=ROUTER_UNIT)
    takes_key(d, FROM_CREDENTIAL)


def rewritten_later(d: Deployment) -> None:
    as_usual(d)
    wait_until_old(d)
    d.machine.run(["touch", str(d.tokens)])


@variant("tokens that were written again under the running router", start=rewritten_later)
def tokens_again(d: Deployment) -> None:
    """They are read when a key is needed."""


@variant("the key by an environment file")
def environment_file(d: Deployment) -> None:
    d.machine.write("/etc/llm-router.env", f"TABBY_API_KEY={API_KEY}\n", mode=0o600)
    set_unit(d, "EnvironmentFile=/etc/llm-router.env", unit=ROUTER_UNIT)
    takes_key(d, FROM_ENVIRONMENT)


@variant("the key by a file that the router loads")
def own_environment(d: Deployment) -> None:
    line = f"TABBY_API_KEY={API_KEY}\n"
    d.machine.write("/etc/llm-router.env", line, mode=0o600, owner=d.router_user)
    takes_key(d, LOADS_FILE)


@variant("several places for the tokens")
def places(d: Deployment) -> None:
    takes_key(d, FROM_PLACES)


@variant("a router that asks /health")
def open_probe(d: Deployment) -> None:
    edit_router(
        d,
        (
            'f"http://127.0.0.1:{PORTS[backend]}/v1/models", headers=headers',
            'f"http://127.0.0.1:{PORTS[backend]}/health"',
        ),
    )


def gateway(d: Deployment, name: str, config: str) -> None:
    """A gateway with its configuration file, in place of the router."""
    without_router(d)
    d.machine.write("/etc/gateway.env", f"TABBY_API_KEY={API_KEY}\n", mode=0o600)
    d.machine.write(f"/etc/{name}/config.yaml", config)
    d.machine.write(f"/usr/local/bin/{name}", SERVER, mode=0o755)
    started = f"/usr/local/bin/{name} --config /etc/{name}/config.yaml"
    d.machine.unit(f"{name}.service", GATEWAY_UNIT.format(command=started))
    d.machine.systemctl("enable", "--quiet", "--now", f"{name}.service")


@variant("a router in another language that sends the key", forwards=False)
def in_another_language(d: Deployment) -> None:
    d.machine.write("/etc/llm-router.env", f"KEY={API_KEY}\n", mode=0o600)
    set_unit(d, "EnvironmentFile=/etc/llm-router.env", unit=ROUTER_UNIT)
    in_javascript(d, "keyed")


@variant("LiteLLM", start=start_at("http://127.0.0.1:5000", router=False), forwards=False)
def litellm(d: Deployment) -> None:
    gateway(d, "litellm", LITELLM)


@variant("llama-swap", start=start_at("http://127.0.0.1:5000", router=False), forwards=False)
def llama_swap(d: Deployment) -> None:
    gateway(d, "llama-swap", LLAMA_SWAP)
