"""llama-swap: which models and peers of its YAML reach TabbyAPI, and with which key.

`peers.<id>.apiKey` is sent upstream (as Bearer and x-api-key); `models.<id>` has no upstream
key, and its `checkEndpoint` can send no header; `apiKeys` is for its own clients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.by_variable import Servers, ValueEdit, edited, refers
from tabbydoctor.routers.keys import CLIENT_OWN, PLACEHOLDERS
from tabbydoctor.routers.kind import CannotGiveKey
from tabbydoctor.routers.urls import server
from tabbydoctor.yaml.document import YamlDocument
from tabbydoctor.yaml.yaml11 import document

name = "llama-swap"
_VARIABLE = re.compile(r"\$\{env\.(\w+)\}")


def recognises(path: str, text: str) -> bool:
    """Whether a file is a llama-swap configuration."""
    if not path.endswith((".yaml", ".yml")):
        return False
    keys = set(re.findall(r"^(\w+)\s*:", text, re.MULTILINE))
    swaps = re.search(r"^[ \t]+(proxy|checkEndpoint|apiKey|cmd)[ \t]*:", text, re.MULTILINE)
    return bool(keys & {"models", "peers"}) and bool(swaps)


def read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    *,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
    roots: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> RouterReading:
    """Read models and peers. `${env.NAME}` in a URL is looked up in the unit's environment."""
    parsed = document(text)
    if parsed.problem or not isinstance(parsed.data, Mapping):
        return RouterReading(path, name, parsed.detail or "not a mapping", parsed.line)
    variables = dict(environment or {})
    servers = {server(url) for url in tabby_urls}
    every = [
        (section, label, entry, _expanded(entry.get("proxy"), variables))
        for section in ("models", "peers")
        for label, entry in _section(parsed.data, section)
    ]
    tabby = [each for each in every if server(each[3]) in servers]
    keys = {str(entry["apiKey"]) for _, _, entry, _ in tabby if entry.get("apiKey")}
    calls: list[Call] = []
    for section, label, entry, _ in tabby:
        calls += (_peer if section == "peers" else _model)(parsed, label, entry)
    return RouterReading(
        path=path,
        kind=name,
        calls=tuple(calls),
        addresses=tuple(dict.fromkeys(base for _, _, _, base in tabby)),
        backends={label: base for _, label, _, base in every if base},
        reads_environment={
            variable: parsed.line_of("peers", label, "apiKey")
            for _, label, entry, _ in tabby
            for variable in _VARIABLE.findall(str(entry.get("apiKey", "")))
        },
        leaks=tuple(
            parsed.line_of("peers", label, "apiKey")
            for section, label, entry, base in every
            if server(base) not in servers and str(entry.get("apiKey")) in keys
        ),
        literal_keys=tuple(key for key in keys if not _VARIABLE.search(key)),
    )


def with_key(content: bytes, tabby_urls: tuple[str, ...]) -> bytes:
    """The configuration with the key referred to wherever it reaches TabbyAPI.

    Raises CannotGiveKey for a model of TabbyAPI's: only peers can send a key.
    """
    return edited(content, tabby_urls, _lacking)


def _lacking(data: Any, servers: Servers) -> Iterator[ValueEdit]:
    sections = data if isinstance(data, Mapping) else {}
    for label, peer in _section(sections, "peers"):
        reached = server(str(peer.get("proxy", ""))) in servers
        if reached and not refers(_VARIABLE.pattern, peer.get("apiKey")):
            yield ("peers", label, "apiKey"), "${env.TABBY_API_KEY}"
    for label, model in _section(sections, "models"):
        if server(str(model.get("proxy", ""))) not in servers:
            continue
        if model.get("checkEndpoint", "/health") not in ("/health", "none"):
            yield ("models", label, "checkEndpoint"), "/health"
        raise CannotGiveKey(
            f"models.{label} of llama-swap cannot send a key to its backend; peers can",
            f"peers:\n  tabbyapi:\n    proxy: {model.get('proxy')}\n"
            f"    apiKey: ${{env.TABBY_API_KEY}}\n    models: [{label}]",
        )


def _section(data: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = data.get(section)
    for label, entry in entries.items() if isinstance(entries, Mapping) else ():
        if isinstance(entry, Mapping):
            yield str(label), entry


def _expanded(url: object, variables: Mapping[str, str]) -> str:
    text = _VARIABLE.sub(lambda found: variables.get(found[1], ""), str(url or ""))
    return text.rstrip("/")


def _peer(parsed: YamlDocument, label: str, entry: Mapping[str, Any]) -> Iterator[Call]:
    key = str(entry.get("apiKey") or "")
    sends = bool(key) and not PLACEHOLDERS.fullmatch(key)
    variable = _VARIABLE.search(key)
    source = f"environment {variable[1]}" if variable else "a key written in the configuration"
    yield Call(
        line=parsed.line_of("peers", label, "apiKey" if key else "proxy"),
        purpose="forward",
        method="POST",
        path="/v1/chat/completions",
        sends_key=sends,
        key_from=source if sends else "",
        function=label,
        library=name,
    )


def _model(parsed: YamlDocument, label: str, entry: Mapping[str, Any]) -> Iterator[Call]:
    endpoint = str(entry.get("checkEndpoint") or "/health")
    if endpoint != "none":
        yield Call(
            line=parsed.line_of("models", label, "checkEndpoint"),
            purpose="probe",
            method="GET",
            path=endpoint,
            sends_key=False,
            function=label,
            library=name,
        )
    inbound = bool(parsed.data.get("apiKeys"))
    yield Call(
        line=parsed.line_of("models", label, "proxy"),
        purpose="forward",
        method="POST",
        path="/v1/chat/completions",
        sends_key=False,
        key_from="" if inbound else CLIENT_OWN,
        function=label,
        library=name,
    )
