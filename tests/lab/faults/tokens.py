"""Faults in the token files."""

from __future__ import annotations

from tests.lab.deployment import ADMIN_KEY, API_KEY, Deployment
from tests.lab.faults.config import DOWN
from tests.lab.faults.fault import fault, tabby_down, write_tokens


@fault("no admin key", "TOK003", consequences=DOWN, answers=False, waits_for=tabby_down)
def no_admin_key(d: Deployment) -> None:
    write_tokens(d, f"api_key: {API_KEY}\n")


@fault("broken tokens", "TOK002", consequences=DOWN, answers=False, waits_for=tabby_down)
def broken(d: Deployment) -> None:
    write_tokens(d, f"api_key: '{API_KEY}\nadmin_key: {ADMIN_KEY}\n")


@fault("tokens belong to root", "TOK007", consequences=DOWN, answers=False, waits_for=tabby_down)
def denied(d: Deployment) -> None:
    d.machine.run(["chown", "root:root", str(d.tokens)])


@fault("tokens for all to read", "TOK004")
def readable(d: Deployment) -> None:
    d.machine.useradd("mallory", shell="/bin/bash")
    d.machine.run(["chmod", "644", str(d.tokens)])
    d.machine.run(["chmod", "755", str(d.directory), f"/home/{d.user}"])


@fault("one key for all", "TOK010")
def same_keys(d: Deployment) -> None:
    write_tokens(d, f"api_key: {API_KEY}\nadmin_key: {API_KEY}\n")
