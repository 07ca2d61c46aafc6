"""The running server refuses the API key of api_tokens.yml.

## What it checks
Each `api_key` of the file that TabbyAPI reads (the first four of a list) must be accepted by
the running server.

## Why it matters
Everyone who takes the key from the file gets `401 Invalid API key`: the router above all.

## How it is told
GET `/v1/auth/permission` (and `/v1/models`) with `Authorization: Bearer <key>`; TabbyAPI
answers `Invalid API key` to a key it does not know. Servers before July 2026 read the file
only at the start; later ones read a change within two seconds (until then it is a warning that
passes), and keep the old keys when the new file is not valid. A key with a space in it is
refused as Bearer by every version. No key is sent to a process that is seen not to be TabbyAPI's,
nor where the process cannot be seen and does not name itself TabbyAPI.

## What to do
Restart TabbyAPI. If it still refuses, it reads another file: its working directory decides. Where
another one was named with `--tokens`, leave that out.
"""

from collections.abc import Iterator

from tabbydoctor.api import Evidence, Finding, Severity, check
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.tabbyapi.answers import accepted, keyed, of_tabbyapi, offered
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.probing import PERMISSION, further_key
from tabbydoctor.tabbyapi.tokens import Tokens

from . import another_file, changed_since_start, taking_over, ways_out


@check(
    "API005",
    "api-key-rejected",
    category="endpoint",
    caused_by=("SVC010", "SVC007", "TOK002", "TOK003", "TOK005", "TOK006"),
)
def key_rejected(
    endpoint: Endpoint,
    tokens: Tokens,
    instance: Instance | None,
    installation: Installation | None,
) -> Iterator[Finding]:
    of_tabbyapi(endpoint)
    offered(endpoint, "api_key")
    verdicts = list(_verdicts(endpoint))
    refused = verdicts.count(False)
    if not refused:
        return
    soon = taking_over(endpoint, tokens, instance, installation)
    if soon:
        yield soon
        return
    every = True not in verdicts
    which = "the API key" if len(verdicts) == 1 else f"{refused} of {len(verdicts)} API keys"
    yield Finding(
        f"The server refuses {which} of {tokens.path}",
        _why(tokens, instance, installation),
        evidence=(Evidence(f"{endpoint.address.url}{PERMISSION}", "200", "401 Invalid API key"),),
        remedies=ways_out(tokens, instance),
        severity=None if every else Severity.WARNING,
    )


def _verdicts(endpoint: Endpoint) -> Iterator[bool]:
    """Of each key that was asked with and answered: accepted or refused."""
    each = [keyed(endpoint, "api_key")]
    each += [
        [answer]
        for number in range(2, 2 + len(endpoint.answers))
        if (answer := endpoint.answer(further_key(number), "api_key")) is not None
    ]
    yield from (verdict for answers in each if (verdict := accepted(answers)) is not None)


def _why(tokens: Tokens, instance: Instance | None, installation: Installation | None) -> str:
    if tokens.read_instead:
        return another_file(tokens)
    if instance is None or instance.process is None or tokens.status is None:
        return "It started with other keys, or reads another file."
    if not changed_since_start(tokens.status.modified, instance):
        return "The file has not changed since the start: the server reads another one."
    if installation is None or installation.live_reload is None:
        return "The file changed after the start; older versions read it only when they start."
    if installation.live_reload:
        return "The file changed after the start, and the server did not take the change over."
    return "The file changed after the start, and this version reads it only when it starts."
