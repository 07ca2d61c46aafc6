"""Healthy variants: where the configuration and the keys are, and what they say."""

from __future__ import annotations

from tests.lab.deployment import ADMIN_KEY, API_KEY, CONFIG, Deployment
from tests.lab.faults.fault import command, edit, edit_router, set_unit
from tests.lab.gpu import give_work
from tests.lab.healthy.variant import start_at, variant

OPEN = CONFIG.replace("disable_auth: false", "disable_auth: true")
KEY_LIST = (
    f"api_key:\n  - {API_KEY}\n  - 0f343b0931126a20f133d67c2b018a3b\nadmin_key: {ADMIN_KEY}\n"
)


@variant("as it should be")
def usual(d: Deployment) -> None:
    """Nothing is different."""


@variant("--config elsewhere")
def config_elsewhere(d: Deployment) -> None:
    d.machine.write("/etc/tabby/config.yml", CONFIG)
    d.machine.remove(d.config)
    set_unit(d, *command(d, "main.py", "--config", "/etc/tabby/config.yml"))


@variant("environment only", deploy={"config": None})
def environment_only(d: Deployment) -> None:
    set_unit(d, "Environment=TABBY_NETWORK_HOST=127.0.0.1 TABBY_NETWORK_PORT=5000")


@variant("no configuration but arguments", deploy={"config": None})
def arguments_only(d: Deployment) -> None:
    set_unit(d, *command(d, "main.py", "--host", "127.0.0.1", "--port", "5000"))


@variant("environment only, a config.yml left beside main.py elsewhere")
def environment_and_leftover(d: Deployment) -> None:
    settings = "Environment=TABBY_NETWORK_HOST=127.0.0.1 TABBY_NETWORK_PORT=5000"
    directory = works_elsewhere(d)
    set_unit(d, f"WorkingDirectory={directory}", settings, *command(d, f"{d.directory}/main.py"))


@variant("arguments only, a config.yml left beside main.py elsewhere")
def arguments_and_leftover(d: Deployment) -> None:
    line = command(d, f"{d.directory}/main.py", "--host", "127.0.0.1", "--port", "5000")
    set_unit(d, f"WorkingDirectory={works_elsewhere(d)}", *line)


def works_elsewhere(d: Deployment) -> str:
    """A directory of data with the keys, which the router reads there; main.py stays."""
    directory = "/srv/tabby-data"
    d.machine.mkdir(directory, owner=d.user)
    d.machine.mkdir(f"{directory}/models", owner=d.user)
    d.machine.run(["mv", d.tokens, f"{directory}/api_tokens.yml"])
    edit_router(d, (str(d.tokens), f"{directory}/api_tokens.yml"))
    return directory


@variant("drop-ins and an environment file")
def drop_ins(d: Deployment) -> None:
    d.machine.write("/etc/tabby.env", "# ours\nTABBY_NETWORK_HOST='127.0.0.1'\n\nOTHER=1\n")
    set_unit(d, "EnvironmentFile=/etc/tabby.env", "EnvironmentFile=-/etc/tabby.local.env")
    set_unit(d, "Nice=5", "OOMScoreAdjust=-100", "LimitNOFILE=65536")


@variant("a list of keys", deploy={"tokens": KEY_LIST})
def key_list(d: Deployment) -> None:
    """The router takes the first of a list."""


@variant("a configuration with CRLF", deploy={"config": CONFIG.replace("\n", "\r\n")})
def crlf(d: Deployment) -> None:
    """As an editor on Windows leaves it."""


@variant("a sample configuration's empty values")
def sample(d: Deployment) -> None:
    edit(d, "model:\n", "# the model\nmodel:\n  model_name:\n  max_seq_len:\n  cache_mode: FP16\n")


@variant("another port", start=start_at("http://127.0.0.1:5055"))
def another_port(d: Deployment) -> None:
    edit(d, "port: 5000", "port: 5055")
    edit_router(d, ("TABBY_PORT = 5000", "TABBY_PORT = 5055"))


@variant("IPv6 loopback", start=start_at("http://[::1]:5000"))
def ipv6(d: Deployment) -> None:
    edit(d, "host: 127.0.0.1", "host: '::1'")
    edit_router(
        d,
        ('f"http://127.0.0.1:{PORTS[backend]}/v1/models"', "url(backend, '/v1/models')"),
        (
            'f"http://127.0.0.1:{PORTS[backend]}/v1/chat/completions"',
            "url(backend, '/v1/chat/completions')",
        ),
        (
            "async def check_health",
            "def url(backend, path):\n"
            '    host = "[::1]" if backend == "tabbyapi" else "127.0.0.1"\n'
            '    return f"http://{host}:{PORTS[backend]}{path}"\n\n\n'
            "async def check_health",
        ),
    )


@variant("all addresses, keys asked for")
def all_addresses(d: Deployment) -> None:
    edit(d, "host: 127.0.0.1", "host: 0.0.0.0")


@variant(
    "auth off on loopback, no tokens and a router without a key",
    deploy={"config": OPEN, "tokens": None, "router": "broken"},
)
def open_on_loopback(d: Deployment) -> None:
    """Option 1 of the notes, as it is meant."""


@variant("auth off, the tokens left behind", deploy={"config": OPEN})
def open_with_tokens(d: Deployment) -> None:
    """The router still sends a key, which is not looked at."""


@variant("KoboldAI's API beside OpenAI's")
def kobold(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_auth: false\n  api_servers: ['OAI', 'Kobold']")


@variant("a GPU and a model", stand_in="it loads a model")
def gpu(d: Deployment) -> None:
    give_work(d)


@variant("a GPU's nodes for a group that the account has", stand_in="it loads a model")
def gpu_group(d: Deployment) -> None:
    give_work(d)
    d.machine.run(["sh", "-c", "chown root:video /dev/nvidia*; chmod 660 /dev/nvidia*"])
    d.machine.run(["usermod", "--append", "--groups", "video", d.user])


@variant("January 2025's release", deploy={"release": "2025-01"}, stand_in="it is another release")
def older(d: Deployment) -> None:
    """Before key lists, log files and live reload."""
