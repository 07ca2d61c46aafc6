from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

import yaml


class ConfigError(Exception):
    pass


@dataclass(frozen=True)
class ServerConfig:
    host: str = "127.0.0.1"
    port: int = 8000


@dataclass(frozen=True)
class AccountConfig:
    name: str
    key: str
    per_minute: int = 60


@dataclass(frozen=True)
class BackendConfig:
    name: str
    driver: str
    url: str
    api_key: str | None = field(default=None, repr=False)
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GateConfig:
    server: ServerConfig
    accounts: tuple[AccountConfig, ...]
    backends: tuple[BackendConfig, ...]
    database: Path


def _backend(raw: Mapping[str, Any]) -> BackendConfig:
    known = {"name", "driver", "url", "api_key", "api_key_env", "models"}
    key = raw.get("api_key")
    if key is None and raw.get("api_key_env"):
        key = os.environ.get(raw["api_key_env"])
        if not key:
            raise ConfigError(f"{raw['name']}: {raw['api_key_env']} is not set")
    return BackendConfig(
        name=raw["name"],
        driver=raw["driver"],
        url=raw["url"].rstrip("/"),
        api_key=key,
        models=dict(raw.get("models") or {}),
        options={k: v for k, v in raw.items() if k not in known},
    )


def load(path: str | os.PathLike[str]) -> GateConfig:
    path = Path(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(raw, dict) or "backends" not in raw:
        raise ConfigError(f"{path}: no backends")
    return GateConfig(
        server=ServerConfig(**raw.get("server", {})),
        accounts=tuple(AccountConfig(**a) for a in raw.get("accounts", [])),
        backends=tuple(_backend(b) for b in raw["backends"]),
        database=path.parent / raw.get("database", "gate.sqlite3"),
    )
