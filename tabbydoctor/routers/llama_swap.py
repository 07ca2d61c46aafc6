"""llama-swap: which models and peers of its YAML reach TabbyAPI, and with which key.

`peers.<id>.apiKey` is sent upstream (as Bearer and x-api-key); `models.<id>` has no upstream
key, and its `checkEndpoint` can send no header; `apiKeys` is for its own clients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.routers import Call, Miss, RouterReading, ValueMend, Wait
from tabbydoctor.routers.by_variable import Servers, ValueEdit, edited, refers
from tabbydoctor.routers.keys import CLIENT_OWN, PLACEHOLDERS
from tabbydoctor.routers.kind import CannotGiveKey
from tabbydoctor.routers.probes import is_open
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
    wrong = list(_wrong(path, parsed, every, tabby_urls))
    lost = [label for _, mend in wrong for label in mend.place[1:2] if not _given(parsed, mend)]
    every = [
        (section, label, entry, tabby_urls[0] if label in lost and section == "models" else base)
        for section, label, entry, base in every
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
        waits=(
            *_waits(path, parsed, [label for section, label, *_ in tabby if section == "models"]),
            *_answers(path, parsed, tabby),
        ),
        misses=tuple(miss for miss, _ in wrong),
        values=(*(mend for _, mend in wrong), *_checks(tabby)),
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
        raise CannotGiveKey(
            f"models.{label} of llama-swap cannot send a key to its backend; peers can",
            f"peers:\n  tabbyapi:\n    proxy: {model.get('proxy')}\n"
            f"    apiKey: ${{env.TABBY_API_KEY}}\n    models: [{label}]",
        )


_Backend = tuple[str, str, Mapping[str, Any], str]
"""Section, label, entry, base URL."""
HEALTH_TIMEOUT = 120.0
"""healthCheckTimeout where nothing sets it."""
_LEAST = 15.0
"""What is taken for a shorter one."""


def _wrong(
    path: str, parsed: YamlDocument, every: list[_Backend], tabby_urls: tuple[str, ...]
) -> Iterator[tuple[Miss, ValueMend]]:
    """Where its requests miss TabbyAPI: another port is asked, or another path."""
    servers = {server(url) for url in tabby_urls}
    ports = {place[1] for place in servers if place}
    for section, label, entry, base in every:
        command = str(entry.get("cmd") or "")
        if section == "models" and not base and tabby_urls and _starts_tabby(label, command, ports):
            meant = tabby_urls[0]
            why = "without proxy llama-swap asks http://localhost:${PORT}, a port of its own"
            line = parsed.line_of("models", label)
            yield (
                Miss(path, line, "http://localhost:${PORT}", f"proxy: {meant}", why),
                ValueMend("path", ("models", label, "proxy"), meant),
            )
        beyond = base.partition("://")[2].partition("/")[2].strip("/")
        if beyond and server(base) in servers:
            meant = base[: base.index("/", base.index("://") + 3)]
            why = f"llama-swap adds the caller's path, and asks for /{beyond}/v1/chat/completions"
            yield (
                Miss(path, parsed.line_of(section, label, "proxy"), base, meant, why),
                ValueMend("path", (section, label, "proxy"), meant),
            )


def _starts_tabby(label: str, command: str, ports: set[int]) -> bool:
    """Whether a command starts TabbyAPI at its own port."""
    if "${PORT}" in command or not command.strip():
        return False
    given = {int(each) for each in re.findall(r"--port[= ](\d{1,5})\b", command)}
    return bool(given & ports) or (not given and "tabby" in f"{label} {command}".lower())


def _given(parsed: YamlDocument, mend: ValueMend) -> bool:
    """Whether the place of a mend has a value."""
    section, label, *_ = mend.place
    return bool(parsed.data[section][label].get("proxy"))


def _waits(path: str, parsed: YamlDocument, models: list[str]) -> Iterator[Wait]:
    """How long it waits for what it starts."""
    given = parsed.data.get("healthCheckTimeout")
    told = isinstance(given, int | float) and not isinstance(given, bool)
    if models:
        line = parsed.line_of("healthCheckTimeout") if told else parsed.line_of("models", models[0])
        seconds = max(float(given), _LEAST) if told else HEALTH_TIMEOUT
        yield Wait(
            path, line, seconds, "healthCheckTimeout", "loaded", told, ("healthCheckTimeout",)
        )


def _answers(path: str, parsed: YamlDocument, tabby: list[_Backend]) -> Iterator[Wait]:
    """How long it waits for an answer to begin, where that is written: since v200, and 0 is no
    limit. What is not written has none in releases before, so nothing is told of it."""
    for section, label, entry, _ in tabby:
        given = entry.get("timeouts")
        seconds = given.get("responseHeader") if isinstance(given, Mapping) else None
        if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
            place = (section, label, "timeouts", "responseHeader")
            line = parsed.line_of(*place)
            yield Wait(path, line, float(seconds), "responseHeader", "answered", True, place)


def _checks(tabby: list[_Backend]) -> Iterator[ValueMend]:
    """What turns a check that needs a key into one that needs none."""
    for section, label, entry, _ in tabby:
        endpoint = str(entry.get("checkEndpoint") or "/health")
        if section == "models" and endpoint != "none" and not is_open(endpoint):
            yield ValueMend("probe", ("models", label, "checkEndpoint"), "/health")


def _section(data: Mapping[str, Any], section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = data.get(section)
    for label, entry in entries.items() if isinstance(entries, Mapping) else ():
        if isinstance(entry, Mapping):
            yield str(label), _without_macros(data, section, str(label), entry)


_TAKES_MACROS = {"models": ("cmd", "proxy", "checkEndpoint"), "peers": ("apiKey",)}
_LONGEST = 4096
"""Characters of a value with its macros put in: a longer one stays as it is written."""


def _without_macros(
    data: Mapping[str, Any], section: str, label: str, entry: Mapping[str, Any]
) -> Mapping[str, Any]:
    """An entry with its macros put in: the last first, as llama-swap does. A peer has none of its
    own, and takes them in its key alone."""
    given: dict[str, Any] = {"MODEL_ID": label} if section == "models" else {}
    for macros in (data.get("macros"), entry.get("macros") if section == "models" else None):
        given |= macros if isinstance(macros, Mapping) else {}
    plain = {
        f"${{{name}}}": str(value)
        for name, value in given.items()
        if isinstance(value, str | int | float) and len(str(value)) <= _LONGEST
    }
    found = dict(entry)
    for field in _TAKES_MACROS[section]:
        text = entry.get(field)
        if isinstance(text, str) and "${" in text:
            found[field] = _put_in(text, plain)
    return found


def _put_in(written: str, macros: Mapping[str, str]) -> str:
    text = written
    for name in reversed(tuple(macros)):
        text = text.replace(name, macros[name])
        if len(text) > _LONGEST:
            return written
    return text


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
            takes_key=False,
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
        takes_key=False,
    )
