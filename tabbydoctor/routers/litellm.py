"""LiteLLM's proxy: which entries of its `config.yaml` reach TabbyAPI, and with which key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.records import dataclass
from tabbydoctor.routers import Call, Miss, RouterReading, ValueMend, Wait
from tabbydoctor.routers.by_variable import Servers, ValueEdit, edited, refers
from tabbydoctor.routers.gateways.requests import is_served
from tabbydoctor.routers.keys import PLACEHOLDERS
from tabbydoctor.routers.providers import OLLAMA, OPENAI_STYLE, PROVIDERS, TAKES_WHOLE_ROUTES
from tabbydoctor.routers.urls import server
from tabbydoctor.yaml.document import YamlDocument
from tabbydoctor.yaml.yaml11 import document

name = "litellm"
_FROM_ENVIRONMENT = "os.environ/"
_REFERENCE = r"os\.environ/(\w+)"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One deployment of `model_list`."""

    label: str
    base: str
    key: str | None
    line: int
    key_line: int
    number: int
    """Its place in the list."""
    model: str
    """`provider/name`."""
    provider: str
    """`custom_llm_provider`, where that is given apart."""
    model_line: int
    base_name: str
    """`api_base` or `base_url`."""
    base_written: bool
    """Whether the address stands in the file itself."""


def recognises(path: str, text: str) -> bool:
    """Whether a file is a LiteLLM configuration."""
    return path.endswith((".yaml", ".yml")) and bool(
        re.search(r"^model_list\s*:", text, re.MULTILINE) and "litellm_params" in text
    )


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
    """Read the entries. `os.environ/NAME` in a URL is looked up in the unit's environment."""
    parsed = document(text)
    if parsed.problem or not isinstance(parsed.data, Mapping):
        problem = parsed.detail or "not a mapping"
        return RouterReading(path, name, problem, parsed.line)
    variables = dict(environment or {})
    entries = list(_entries(parsed, variables))
    servers = {server(url) for url in tabby_urls}
    tabby = [entry for entry in entries if server(entry.base) in servers]
    others = [entry for entry in entries if entry not in tabby]
    used = {entry.key for entry in tabby if _sends(entry, variables)}
    wrong = [found for entry in tabby for found in _wrong(path, entry)]
    return RouterReading(
        path=path,
        kind=name,
        calls=tuple(_calls(tabby, variables, _checks_health(parsed.data))),
        addresses=tuple(dict.fromkeys(entry.base for entry in tabby)),
        backends={entry.label: entry.base for entry in entries if entry.base},
        reads_environment={
            entry.key.removeprefix(_FROM_ENVIRONMENT): entry.key_line
            for entry in tabby
            if entry.key and entry.key.startswith(_FROM_ENVIRONMENT)
        },
        leaks=tuple(e.key_line for e in others if e.key in used and e.base),
        literal_keys=tuple(
            e.key for e in tabby if e.key and not e.key.startswith(_FROM_ENVIRONMENT)
        ),
        uses_admin_key=tuple(e.key_line for e in tabby if "ADMIN" in (e.key or "").upper()),
        waits=tuple(_waits(path, parsed, tabby)),
        misses=tuple(miss for miss, _ in wrong),
        values=tuple(mend for _, mend in wrong if mend),
    )


def with_key(content: bytes, tabby_urls: tuple[str, ...]) -> bytes:
    """The configuration with the key referred to wherever it reaches TabbyAPI."""
    return edited(content, tabby_urls, _lacking)


def _lacking(data: Any, servers: Servers) -> Iterator[ValueEdit]:
    models = data.get("model_list") if isinstance(data, Mapping) else None
    for number, entry in enumerate(models if isinstance(models, list) else ()):
        given = entry.get("litellm_params") if isinstance(entry, Mapping) else None
        if not isinstance(given, Mapping) or server(str(given.get("api_base", ""))) not in servers:
            continue
        if not refers(_REFERENCE, given.get("api_key")):
            place = ("model_list", number, "litellm_params", "api_key")
            yield place, f"{_FROM_ENVIRONMENT}TABBY_API_KEY"


def _entries(parsed: YamlDocument, variables: Mapping[str, str]) -> Iterator[_Entry]:
    models = parsed.data.get("model_list")
    for number, entry in enumerate(models if isinstance(models, list) else []):
        given = entry.get("litellm_params") if isinstance(entry, Mapping) else None
        if not isinstance(given, Mapping):
            continue
        base = str(given.get("api_base") or given.get("base_url") or "")
        if base.startswith(_FROM_ENVIRONMENT):
            base = variables.get(base.removeprefix(_FROM_ENVIRONMENT), "")
        key = given.get("api_key")
        where = ("model_list", number, "litellm_params")
        named = "api_base" if "api_base" in given else "base_url"
        yield _Entry(
            str(entry.get("model_name") or given.get("model") or number),
            base.rstrip("/"),
            None if key is None else str(key),
            parsed.line_of(*where, named),
            parsed.line_of(*where, "api_key"),
            number,
            str(given.get("model") or ""),
            str(given.get("custom_llm_provider") or ""),
            parsed.line_of(*where, "model"),
            named,
            not str(given.get(named) or "").startswith(_FROM_ENVIRONMENT),
        )


_KNOWN_MODELS = re.compile(r"(gpt-|o[134]\b|chatgpt-|text-embedding-|davinci|babbage)")
"""Names that LiteLLM takes for OpenAI's own without a provider."""
_ROUTE = re.compile(r"/(chat/completions|completions|models|embeddings)$")
_ROOT = re.compile(r"^(https?://[^/]+)(/.*)?$")


def _provider(entry: _Entry) -> str:
    """Its provider; empty where LiteLLM finds none."""
    if entry.provider:
        return entry.provider
    if _KNOWN_MODELS.match(entry.model):
        return "openai"
    first, slash, _ = entry.model.partition("/")
    return first if slash and first in PROVIDERS else ""


def _asked(entry: _Entry) -> str:
    """The path that it asks for, as far as the provider tells."""
    root, provider = _ROOT.match(entry.base), _provider(entry)
    path = (root[2] if root else "") or ""
    whole = provider in TAKES_WHOLE_ROUTES and path.endswith("/chat/completions")
    return path if whole else path + OPENAI_STYLE.get(provider, "/chat/completions")


def _wrong(path: str, entry: _Entry) -> Iterator[tuple[Miss, ValueMend | None]]:
    """Where its requests miss TabbyAPI, and what mends it."""
    where = ("model_list", entry.number, "litellm_params")
    provider = _provider(entry)
    if not provider or provider in OLLAMA:
        name = entry.model.partition("/")[2] if provider else entry.model
        why = "what stands before the / is the provider: LiteLLM knows none there, and refuses"
        if provider:
            why = f"the provider {provider} asks for Ollama's own routes"
        yield (
            Miss(path, entry.model_line, f"model: {entry.model}", f"openai/{name}", why),
            ValueMend("path", (*where, "model"), f"openai/{name}"),
        )
    if (provider and provider not in OPENAI_STYLE) or is_served(_asked(entry)):
        return
    root = _ROOT.match(entry.base)
    plain = _ROUTE.sub("", entry.base)
    served = plain.endswith("/v1") and plain.count("/v1") == 1
    meant = plain if served else f"{root[1] if root else entry.base}/v1"
    mend = ValueMend("path", (*where, entry.base_name), meant) if entry.base_written else None
    why = f"LiteLLM adds its route to api_base, and asks for {_asked(entry)}"
    yield Miss(path, entry.line, f"{entry.base_name}: {entry.base}", meant, why), mend


def _waits(path: str, parsed: YamlDocument, tabby: list[_Entry]) -> Iterator[Wait]:
    """The limits that are written; LiteLLM's own default is minutes."""
    places: list[tuple[str | int, ...]] = [
        ("model_list", entry.number, "litellm_params", name)
        for entry in tabby
        for name in ("timeout", "stream_timeout")
    ]
    if tabby:
        places += [("litellm_settings", "request_timeout"), ("router_settings", "timeout")]
    for place in places:
        value: Any = parsed.data
        for step in place:
            inside = isinstance(value, Mapping) or (
                isinstance(value, list) and isinstance(step, int)
            )
            value = (
                (value.get(step) if isinstance(value, Mapping) else value[step]) if inside else None
            )
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield Wait(
                path, parsed.line_of(*place), float(value), str(place[-1]), "answered", True, place
            )


def _sends(entry: _Entry, variables: Mapping[str, str]) -> bool:
    if entry.key is None:
        return "OPENAI_API_KEY" in variables
    return not PLACEHOLDERS.fullmatch(entry.key)


def _calls(tabby: list[_Entry], variables: Mapping[str, str], probes: bool) -> Iterator[Call]:
    for entry in tabby:
        sends = _sends(entry, variables)
        for purpose in ("forward", "probe") if probes else ("forward",):
            yield Call(
                line=entry.line,
                purpose="probe" if purpose == "probe" else "forward",
                method="POST",
                path=_asked(entry),
                sends_key=sends,
                key_from=_source(entry) if sends else "",
                function=entry.label,
                library="litellm",
            )


def _source(entry: _Entry) -> str:
    if entry.key is None:
        return "environment OPENAI_API_KEY"
    if entry.key.startswith(_FROM_ENVIRONMENT):
        return f"environment {entry.key.removeprefix(_FROM_ENVIRONMENT)}"
    return "a key written in the configuration"


def _checks_health(data: Mapping[str, Any]) -> bool:
    general = data.get("general_settings")
    return isinstance(general, Mapping) and bool(general.get("background_health_checks"))
