"""The names by which a gateway asks TabbyAPI for models: LiteLLM's and llama-swap's files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.facts import Absent
from tabbydoctor.records import dataclass
from tabbydoctor.routers import litellm, llama_swap
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.urls import server
from tabbydoctor.yaml.document import YamlDocument
from tabbydoctor.yaml.yaml11 import document


@dataclass(frozen=True, slots=True)
class AskedModel:
    """One name, and where it is written."""

    name: str
    where: str
    """`path:line`."""


@dataclass(frozen=True, slots=True)
class AskedModels:
    """All of them."""

    models: tuple[AskedModel, ...]


def asked_models(inputs: RouterInputs) -> AskedModels:
    """Raises Absent for a router whose file names no models of TabbyAPI's."""
    readers = {litellm.name: _of_litellm, llama_swap.name: _of_llama_swap}
    read = readers.get(inputs.reading.kind)
    parsed = document(inputs.text) if read else None
    if read is None or parsed is None or parsed.problem or not isinstance(parsed.data, Mapping):
        raise Absent("the router names no models in a file that is known")
    servers = {server(url) for url in inputs.urls}
    found = {
        name: f"{inputs.reading.path}:{line}"
        for name, base, line in read(parsed)
        if name and server(base) in servers
    }
    return AskedModels(tuple(AskedModel(name, where) for name, where in found.items()))


def _of_litellm(parsed: YamlDocument) -> Iterator[tuple[str, str, int]]:
    """`litellm_params.model` is `provider/name`."""
    models = parsed.data.get("model_list")
    for number, entry in enumerate(models if isinstance(models, list) else ()):
        given = _mapping(entry).get("litellm_params")
        base = _mapping(given).get("api_base") or _mapping(given).get("base_url") or ""
        name = str(_mapping(given).get("model") or "").partition("/")[2]
        line = parsed.line_of("model_list", number, "litellm_params", "model")
        yield name, str(base).rstrip("/"), line


def _of_llama_swap(parsed: YamlDocument) -> Iterator[tuple[str, str, int]]:
    """Of peers, the list `models`; of models, `useModelName` or their own name."""
    for label, peer in _mapping(parsed.data.get("peers")).items():
        names = _mapping(peer).get("models")
        for number, name in enumerate(names if isinstance(names, list) else ()):
            line = parsed.line_of("peers", label, "models", number)
            yield str(name), str(_mapping(peer).get("proxy") or "").rstrip("/"), line
    for label, model in _mapping(parsed.data.get("models")).items():
        name = _mapping(model).get("useModelName") or label
        base = str(_mapping(model).get("proxy") or "").rstrip("/")
        yield str(name), base, parsed.line_of("models", label)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


GATHERERS = (asked_models,)
