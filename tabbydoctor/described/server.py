"""The TabbyAPIs of a description, and what each will be configured to do."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.described.parts import Bind, DescribedService, Description, Stated
from tabbydoctor.documents import whole_number
from tabbydoctor.facts import Absent
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.yaml import yaml12

_IMAGE = re.compile(r"(?i)tabby[-_]?api")
_NAME = re.compile(r"(?i)tabby(?:[-_]?api)?(?:[-_]?(?:\d+|main|server|gpu|exl[23]))*")
_OTHER = re.compile(r"(?i)tabbyml/|router|proxy|gateway|webui|loader|doctor|exporter")
_VARIABLE = re.compile(
    r"TABBY_(?:NETWORK|LOGGING|MODEL|DRAFT_MODEL|LORA|EMBEDDINGS|SAMPLING|MEMORY|DEVELOPER)_[A-Z_]+"
)
_TRUE = ("true", "1", "yes", "on", "y", "t")
_CONFIG, _TOKENS = "config.yml", "api_tokens.yml"


@dataclass(frozen=True, slots=True)
class Decided:
    """A setting, and what says it."""

    value: Any
    where: str


@dataclass(frozen=True, slots=True)
class DescribedServer:
    """One TabbyAPI."""

    service: DescribedService
    settings: Mapping[tuple[str, str], Decided]
    """Of the keys that matter here: those that are said anywhere that was read."""
    unread: str = ""
    """What may say more and was not read, in words; empty where nothing may."""
    config_mount: Bind | None = None
    tokens_mount: Bind | None = None

    def value(self, section: str, key: str, default: Any = None) -> Any:
        """What is said of a key; the default where nothing that was read says it."""
        decided = self.settings.get((section, key))
        return default if decided is None else decided.value

    @property
    def auth_off(self) -> bool:
        """Authentication is switched off."""
        return bool(self.value("network", "disable_auth", False))

    @property
    def port(self) -> int:
        """The port inside."""
        return whole_number(str(self.value("network", "port", 5000))) or 5000


@dataclass(frozen=True, slots=True)
class DescribedServers:
    """All of a file, in its order."""

    servers: tuple[DescribedServer, ...]


def described_servers(host: Host, description: Description) -> DescribedServers:
    """Find them. Raises Absent where none of the services runs TabbyAPI."""
    found = tuple(_server(host, description, one) for one in description.services if _is_tabby(one))
    if not found:
        raise Absent(f"nothing in {description.path} is seen to run TabbyAPI")
    return DescribedServers(found)


def _is_tabby(service: DescribedService) -> bool:
    if _OTHER.search(service.image) or _OTHER.search(service.name):
        return False
    named = _IMAGE.search(service.image.rsplit("@", 1)[0]) or _NAME.fullmatch(service.name)
    if named or any(map(_VARIABLE.fullmatch, service.environment)):
        return True
    targets = {posixpath.basename(bind.target) for bind in service.binds}
    return {_CONFIG, _TOKENS} <= targets


def _server(host: Host, description: Description, service: DescribedService) -> DescribedServer:
    arguments = _arguments(service)
    named = arguments.get("config")
    wanted = _inside(service, named.value) if named else _inside(service, _CONFIG)
    config, tokens = _mounted(service, wanted), _mounted(service, _inside(service, _TOKENS))
    layers: list[dict[tuple[str, str], Decided]] = []
    unread = service.incomplete
    if config is not None:
        path = _of_machine(description, config, wanted)
        layer, problem = _file(host, path)
        layers.append(layer)
        unread = unread or problem
    elif named is None and not service.own_entrypoint:
        layers.append({})
    if service.own_entrypoint:
        unread = unread or f"what {service.name} starts is a program of its own"
    layers.append(dict(_environment(description, service)))
    if named is None:
        layers.append(dict(_flags(description, arguments)))
    merged = {key: decided for layer in layers for key, decided in layer.items()}
    return DescribedServer(service, merged, unread, config, tokens)


def _inside(service: DescribedService, path: str) -> str:
    return posixpath.normpath(posixpath.join(service.directory, path))


def _mounted(service: DescribedService, path: str) -> Bind | None:
    """What is mounted at a path, or at a directory above it."""
    over = [bind for bind in service.binds if _within(path, posixpath.normpath(bind.target))]
    return max(over, key=lambda bind: len(bind.target), default=None)


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def _of_machine(description: Description, bind: Bind, path: str) -> str:
    """Where that file is, beside the description; empty for a volume."""
    if not bind.is_path or "\0" in bind.source:
        return ""
    rest = path[len(posixpath.normpath(bind.target)) :].lstrip("/")
    source = posixpath.join(posixpath.dirname(description.path), bind.source)
    return posixpath.normpath(posixpath.join(source, rest) if rest else source)


def _file(host: Host, path: str) -> tuple[dict[tuple[str, str], Decided], str]:
    if not path:
        return {}, f"its {_CONFIG} is in a volume, or where a variable says"
    try:
        content = host.read(path, yaml12.MAX_BYTES)
    except OSError as error:
        return {}, f"{path} cannot be read: {error.strerror}"
    document = yaml12.document(content.data)
    data = document.data if isinstance(document.data, dict) else {}
    found = {}
    for section, keys in data.items():
        for key, value in keys.items() if isinstance(keys, dict) else ():
            if value is not None:
                line = document.line_of(section, key)
                found[str(section), str(key)] = Decided(_plain(value), f"{path}:{line}")
    return found, document.detail if document.problem else ""


def _plain(value: Any) -> Any:
    return value.strip().lower() in _TRUE if _is_word(value) else value


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in (*_TRUE[:1], "false", *_TRUE[2:])


def _environment(
    description: Description, service: DescribedService
) -> Iterator[tuple[tuple[str, str], Decided]]:
    for name, said in service.environment.items():
        words = name.split("_", 2)
        if words[0] == "TABBY" and len(words) == 3 and "\0" not in said.value:
            decided = Decided(_plain(said.value), description.where(said.line))
            yield (words[1].lower(), words[2].lower()), decided


def _arguments(service: DescribedService) -> dict[str, Stated]:
    """`--name value` and `--name=value`, after main.py or the image's own entry point."""
    found: dict[str, Stated] = {}
    words = service.command
    for place, word in enumerate(words):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            following = words[place + 1] if place + 1 < len(words) else ""
            given = value if equals else "" if following.startswith("--") else following
            found[name.replace("-", "_")] = Stated(given, service.command_line)
    return found


def _flags(
    description: Description, arguments: Mapping[str, Stated]
) -> Iterator[tuple[tuple[str, str], Decided]]:
    sections = {"host": "network", "port": "network", "disable_auth": "network",
                "model_name": "model", "unsafe_launch": "developer"}  # fmt: skip
    for name, said in arguments.items():
        if name in sections and said.value:
            yield (
                (sections[name], name),
                Decided(_plain(said.value), description.where(said.line)),
            )


GATHERERS = (described_servers,)
