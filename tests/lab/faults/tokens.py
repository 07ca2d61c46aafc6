"""Faults in the token files."""

from __future__ import annotations

from tests.lab.deployment import ADMIN_KEY, API_KEY, CONFIG, TOKENS, Deployment
from tests.lab.faults.config import DOWN
from tests.lab.faults.fault import (
    command,
    fault,
    given_up,
    logged,
    set_unit,
    settled,
    tabby_down,
    write_tokens,
)

REFUSED = {"API005", "API006", "RTR005", "RTR010", "SVC011"}
RELOAD_FAILED = logged("Failed to reload")


@fault("no admin key", "TOK003", consequences=DOWN, answers=False, waits_for=tabby_down)
def no_admin_key(d: Deployment) -> None:
    write_tokens(d, f"api_key: {API_KEY}\n")


@fault("a key that is a number", "TOK003", consequences=DOWN, answers=False, waits_for=tabby_down)
def number(d: Deployment) -> None:
    write_tokens(d, f"api_key: 1234567890123\nadmin_key: {ADMIN_KEY}\n")


@fault(
    "the admin key lost while it runs",
    "TOK003",
    when="running",
    consequences=REFUSED,
    waits_for=RELOAD_FAILED,
)
def lost_admin_key(d: Deployment) -> None:
    write_tokens(d, f"api_key: {API_KEY}\n")


@fault("broken tokens", "TOK002", consequences=DOWN, answers=False, waits_for=tabby_down)
def broken(d: Deployment) -> None:
    write_tokens(d, f"api_key: '{API_KEY}\nadmin_key: {ADMIN_KEY}\n")


@fault(
    "tokens broken while it runs",
    "TOK002",
    when="running",
    consequences=REFUSED,
    waits_for=RELOAD_FAILED,
)
def broken_later(d: Deployment) -> None:
    write_tokens(d, f"api_key: '{API_KEY}\nadmin_key: {ADMIN_KEY}\n")


@fault("the tokens are gone", "TOK001", when="running", consequences={"RTR005", "RTR010"})
def gone(d: Deployment) -> None:
    d.machine.remove(d.tokens)


@fault(
    "tokens belong to root",
    "TOK007",
    consequences={*DOWN, "RTR017"},
    answers=False,
    waits_for=given_up,
)
def denied(d: Deployment) -> None:
    d.machine.run(["chown", "root:root", str(d.tokens)])


@fault(
    "tokens cannot be made",
    "TOK007",
    deploy={"tokens": None},
    consequences={*DOWN, "SVC012", "CFG002", "RTR005"},
    answers=False,
    waits_for=tabby_down,
)
def directory_denied(d: Deployment) -> None:
    owner = f"{d.user}:{d.user}"
    d.machine.mkdir(d.directory / "logs", owner=owner)
    d.machine.run(["chown", "root:root", str(d.directory)])


@fault("tokens for all to read", "TOK004", fix=("TOK004",))
def readable(d: Deployment) -> None:
    d.machine.useradd("mallory", shell="/bin/bash")
    d.machine.run(["chmod", "644", str(d.tokens)])
    d.machine.run(["chmod", "755", str(d.directory), f"/home/{d.user}"])


@fault("an ACL opens the tokens", "TOK004", fix=("TOK004",))
def readable_by_acl(d: Deployment) -> None:
    d.machine.useradd("mallory", shell="/bin/bash")
    d.machine.run(["setfacl", "-m", "u:mallory:r", str(d.tokens)])


@fault("keys in api_keys.yml", "TOK005")
def misnamed(d: Deployment) -> None:
    d.machine.write(d.directory / "api_keys.yml", TOKENS, mode=0o600, owner=d.user)


@fault("tokens beside the --config file", "TOK005")
def beside_config(d: Deployment) -> None:
    d.machine.write("/etc/tabby/config.yml", CONFIG)
    d.machine.write("/etc/tabby/api_tokens.yml", TOKENS, mode=0o600, owner=d.user)
    d.machine.remove(d.config)
    set_unit(d, *command(d, "main.py", "--config", "/etc/tabby/config.yml"))


@fault("a key with a space", "TOK006", consequences=REFUSED)
def space(d: Deployment) -> None:
    write_tokens(d, f'api_key: "{API_KEY} x"\nadmin_key: {ADMIN_KEY}\n')


@fault("a key with an umlaut", "TOK006", consequences=REFUSED)
def umlaut(d: Deployment) -> None:
    write_tokens(d, f'api_key: "schlüssel-{API_KEY}"\nadmin_key: {ADMIN_KEY}\n')


@fault("log files for all to read", "TOK009")
def open_logs(d: Deployment) -> None:
    d.machine.useradd("mallory", shell="/bin/bash")
    set_unit(d, "UMask=0022")


@fault("a user who may read the journal", "TOK009")
def open_journal(d: Deployment) -> None:
    d.machine.useradd("mallory", groups=["systemd-journal"], shell="/bin/bash")


@fault("one key for all", "TOK010")
def same_keys(d: Deployment) -> None:
    write_tokens(d, f"api_key: {API_KEY}\nadmin_key: {API_KEY}\n")


@fault("an empty key", "TOK010", consequences={"RTR010", "RTR005", "API005"})
def empty(d: Deployment) -> None:
    write_tokens(d, f"api_key: ''\nadmin_key: {ADMIN_KEY}\n")


@fault("a short key", "TOK010")
def short(d: Deployment) -> None:
    write_tokens(d, f"api_key: tabby\nadmin_key: {ADMIN_KEY}\n")


@fault(
    "new keys for a server that reads them once",
    "SVC010",
    when="running",
    deploy={"release": "2025-01"},
    consequences=REFUSED,
    fix=("SVC010",),
    stand_in="it is another release",
)
def rotated(d: Deployment) -> None:
    settled(d)
    write_tokens(d, f"api_key: {API_KEY[::-1]}\nadmin_key: {ADMIN_KEY[::-1]}\n")
