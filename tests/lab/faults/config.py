"""Faults in TabbyAPI's configuration."""

from __future__ import annotations

from tests.lab.deployment import CONFIG, Deployment
from tests.lab.faults.fault import (
    command,
    edit,
    edit_router,
    fault,
    given_up,
    set_unit,
    tabby_down,
    write_config,
)
from tests.lab.gpu import give_gpu, give_work

DOWN = {"API001", "SVC002", "SVC003", "SVC011", "RTR010", "RTR013"}
KEYLESS = {"RTR001", "RTR002", "RTR003", "RTR010", "SVC011"}
LOADS = "it loads a model"
NEEDS_TORCH = "a model asks for torch, which is GPU009 where a checkout has none"


@fault(
    "option 1 of the notes",
    "CFG004",
    deploy={"router": "broken"},
    consequences=KEYLESS,
    fix=("--auth", "--strategy", "disable-auth"),
)
def auth_section(d: Deployment) -> None:
    write_config(d, f"{CONFIG}\nauth:\n  disable: true\n")


@fault("option 1 beside a router with the key", "CFG004", fix=("CFG004",))
def auth_section_for_nothing(d: Deployment) -> None:
    write_config(d, f"{CONFIG}\n# ours\nauth:\n  disable: true\n")


@fault("a key with a typo", "CFG003", fix=("CFG003",))
def typo(d: Deployment) -> None:
    edit(d, "  model_dir: models", "  model_dirr: models")


@fault("a typo in the switch of authentication", "CFG003")
def switch_typo(d: Deployment) -> None:
    """Not for `fix CFG003`: it would switch authentication off."""
    edit(d, "disable_auth: false", "disable_authh: true")


@fault(
    "a typo where the router relies on it",
    "CFG003",
    deploy={"router": "broken"},
    consequences=KEYLESS,
)
def typo_relied_on(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_auht: true")


@fault("a section with a typo", "CFG003")
def section_typo(d: Deployment) -> None:
    edit(d, "model:\n  model_dir: models", "modell:\n  model_dir: models")


@fault("broken YAML", "CFG002", consequences={"SVC011", *KEYLESS})
def broken(d: Deployment) -> None:
    write_config(d, "network:\n\thost: 127.0.0.1\n")


@fault(
    "a list for a configuration", "CFG002", consequences=DOWN, answers=False, waits_for=tabby_down
)
def no_mapping(d: Deployment) -> None:
    write_config(d, "- network\n- model\n")


@fault("a configuration that only root may read", "CFG002", consequences=KEYLESS)
def config_denied(d: Deployment) -> None:
    d.machine.run(["chown", "root:root", str(d.config)])
    d.machine.run(["chmod", "600", str(d.config)])


@fault("a boolean with a typo", "CFG005", consequences=DOWN, answers=False, waits_for=tabby_down)
def invalid(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_auth: ture")


@fault("a port that is no number", "CFG005", consequences=DOWN, answers=False, waits_for=tabby_down)
def port_text(d: Deployment) -> None:
    edit(d, "port: 5000", "port: 5000a")


@fault(
    "a value of the environment with a typo",
    "CFG005",
    also=("CFG006",),
    consequences=DOWN,
    answers=False,
    waits_for=tabby_down,
)
def invalid_environment(d: Deployment) -> None:
    set_unit(d, "Environment=TABBY_NETWORK_DISABLE_AUTH=flase")


@fault("auth off on all addresses", "CFG008", consequences={"SVC011"})
def exposed(d: Deployment) -> None:
    edit(d, "host: 127.0.0.1", "host: 0.0.0.0")
    edit(d, "disable_auth: false", "disable_auth: true")


@fault(
    "auth off on an IPv6 wildcard",
    "CFG008",
    consequences={"SVC011"},
    answers=False,
    waits_for=lambda d: d.request("GET", "http://[::1]:5000/health").status == 200,
)
def exposed_to_ipv6(d: Deployment) -> None:
    edit(d, "host: 127.0.0.1", "host: '::'")
    edit(d, "disable_auth: false", "disable_auth: true")
    edit_router(d, ("http://127.0.0.1:{PORTS", "http://localhost:{PORTS"))


@fault("the --config file is gone", "CFG001", consequences={"SVC011"})
def config_gone(d: Deployment) -> None:
    set_unit(d, *command(d, "main.py", "--config", "/etc/tabby/config.yml"))


@fault(
    "the model is not there",
    "CFG010",
    consequences=DOWN,
    answers=False,
    waits_for=tabby_down,
    stand_in=NEEDS_TORCH,
)
def model_missing(d: Deployment) -> None:
    give_gpu(d)
    edit(d, "  model_dir: models", "  model_dir: models\n  model_name: nobody-has-this")


@fault(
    "the model has no config.json",
    "CFG010",
    consequences=DOWN,
    answers=False,
    waits_for=tabby_down,
    stand_in=LOADS,
)
def model_empty(d: Deployment) -> None:
    give_work(d)
    d.machine.remove(d.directory / "models/tiny-exl3/config.json")


@fault(
    "the model is GGUF",
    "CFG010",
    consequences=DOWN,
    answers=False,
    waits_for=tabby_down,
    stand_in=NEEDS_TORCH,
)
def model_gguf(d: Deployment) -> None:
    give_gpu(d)
    d.machine.write(d.directory / "models/tiny/tiny.gguf", b"GGUF\x03\0\0\0", owner=d.user)
    edit(d, "  model_dir: models", "  model_dir: models\n  model_name: tiny")


@fault("the environment overrides the file", "CFG006", consequences={"RTR013", "RTR010"})
def overridden(d: Deployment) -> None:
    set_unit(d, "Environment=TABBY_NETWORK_SEND_TRACEBACKS=false")
    edit(d, "disable_auth: false", "disable_auth: false\n  send_tracebacks: true")


@fault("arguments beside --config", "CFG006")
def arguments_ignored(d: Deployment) -> None:
    set_unit(d, *command(d, "main.py", "--config", str(d.config), "--port", "5055"))


@fault("a second configuration underneath", "CFG007")
def layered(d: Deployment) -> None:
    d.machine.write("/etc/tabby/config.yml", CONFIG)
    edit(d, "model:\n", "logging:\n  log_generation_params: true\n\nmodel:\n")
    set_unit(d, *command(d, "main.py", "--config", "/etc/tabby/config.yml"))


@fault("tracebacks for clients", "CFG014")
def tracebacks(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_auth: false\n  send_tracebacks: true")


@fault("requests are logged with their headers", "CFG014", consequences={"TOK009"})
def logged_requests(d: Deployment) -> None:
    edit(d, "model:\n", "logging:\n  log_requests: true\n\nmodel:\n")


@fault("a cache smaller than the context", "CFG015")
def short_cache(d: Deployment) -> None:
    sizes = "  max_seq_len: 32768\n  cache_size: 16384"
    edit(d, "  model_dir: models", f"  model_dir: models\n{sizes}")


@fault("embeddings without their package", "CFG016")
def embeddings(d: Deployment) -> None:
    d.machine.write(d.directory / "models/embedder/config.json", "{}", owner=d.user)
    edit(d, "model:\n", "embeddings:\n  embedding_model_name: embedder\n\nmodel:\n")


@fault("a backend that is gone, in the wrong section", "CFG003", fix=("CFG003",))
def backend_elsewhere(d: Deployment) -> None:
    """It does nothing there; where it counts it would end the load."""
    edit(d, "model:\n", "developer:\n  backend: exllamav2\n\nmodel:\n")


# Remarks


@fault("auth off on loopback", "CFG009", remark=True)
def open_on_loopback(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_auth: true")


@fault("an old layout", "CFG011", remark=True, when="running")
def legacy(d: Deployment) -> None:
    edit(d, "model:\n", "logging:\n  prompt: false\n\nmodel:\n")


@fault("a number that YAML 1.1 reads as octal", "CFG013", remark=True)
def octal(d: Deployment) -> None:
    edit(d, "port: 5000", "port: 05000")


@fault("a file that the unit writes anew", "CFG012", remark=True)
def generated(d: Deployment) -> None:
    d.machine.write("/etc/tabby/config.yml", CONFIG)
    target = f"{d.directory}/generated.yml"
    set_unit(
        d,
        f"ExecStartPre=/bin/cp /etc/tabby/config.yml {target}",
        *command(d, "main.py", "--config", target),
    )


@fault("auth off, and keys left behind", "TOK008", remark=True)
def tokens_ignored(d: Deployment) -> None:
    edit(d, "disable_auth: false", "disable_auth: true")


@fault(
    "an address that is not this machine's",
    "SVC011",
    consequences=DOWN,
    answers=False,
    waits_for=given_up,
)
def unbindable(d: Deployment) -> None:
    edit(d, "host: 127.0.0.1", "host: 203.0.113.7")
