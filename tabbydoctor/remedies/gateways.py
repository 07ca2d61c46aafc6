"""Wiring the key into a gateway's YAML: LiteLLM and llama-swap take it from the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.routers.urls import server
from tabbydoctor.yaml.edit import set_value
from tabbydoctor.yaml.nodes import KeyPath
from tabbydoctor.yaml.yaml11 import yaml_of

_LITELLM, _LLAMA_SWAP = r"os\.environ/(\w+)", r"\$\{env\.(\w+)\}"


def wired(kind: str, content: bytes, urls: tuple[str, ...]) -> bytes:
    """The configuration with the key referred to wherever it reaches TabbyAPI.

    Raises CannotFix where it cannot send a key, CannotEdit where no place can be proven right.
    """
    servers = {server(url) for url in urls}
    try:
        data = yaml_of(content)
    except ValueError as error:
        raise CannotFix("the router's configuration is no valid YAML") from error
    edits = _litellm(data, servers) if kind == "litellm" else _llama_swap(data, servers)
    for path, value in edits:
        content = set_value(content, path, value)
    return content


def _for_tabby(reference: str, given: object) -> bool:
    """Whether a key is referred to that by its name is TabbyAPI's, and the API key."""
    found = re.fullmatch(reference, str(given))
    return bool(found and "TABBY" in found[1] and "ADMIN" not in found[1])


def _litellm(data: Any, servers: set[Any]) -> Iterator[tuple[KeyPath, str]]:
    models = data.get("model_list") if isinstance(data, Mapping) else None
    for number, entry in enumerate(models if isinstance(models, list) else ()):
        given = entry.get("litellm_params") if isinstance(entry, Mapping) else None
        if not isinstance(given, Mapping) or server(str(given.get("api_base", ""))) not in servers:
            continue
        if not _for_tabby(_LITELLM, given.get("api_key")):
            place = ("model_list", number, "litellm_params", "api_key")
            yield place, "os.environ/TABBY_API_KEY"


def _llama_swap(data: Any, servers: set[Any]) -> Iterator[tuple[KeyPath, str]]:
    sections = data if isinstance(data, Mapping) else {}
    for name, peer in _entries(sections, "peers"):
        reached = server(str(peer.get("proxy", ""))) in servers
        if reached and not _for_tabby(_LLAMA_SWAP, peer.get("apiKey")):
            yield ("peers", name, "apiKey"), "${env.TABBY_API_KEY}"
    for name, model in _entries(sections, "models"):
        if server(str(model.get("proxy", ""))) not in servers:
            continue
        if model.get("checkEndpoint", "/health") not in ("/health", "none"):
            yield ("models", name, "checkEndpoint"), "/health"
        raise CannotFix(
            f"models.{name} of llama-swap cannot send a key to its backend; peers can",
            f"peers:\n  tabbyapi:\n    proxy: {model.get('proxy')}\n"
            f"    apiKey: ${{env.TABBY_API_KEY}}\n    models: [{name}]",
        )


def _entries(data: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = data.get(section)
    for name, entry in found.items() if isinstance(found, Mapping) else ():
        if isinstance(entry, Mapping):
            yield str(name), entry
