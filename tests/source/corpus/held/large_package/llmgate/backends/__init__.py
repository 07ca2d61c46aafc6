from __future__ import annotations

from importlib import import_module

from ..config import BackendConfig, ConfigError
from .base import Backend

_DRIVERS = {
    "tabby": ("openai_like", "TabbyBackend"),
    "openai": ("openai_like", "OpenAIBackend"),
    "ollama": ("ollama", "OllamaBackend"),
}


def make_backend(config: BackendConfig) -> Backend:
    try:
        module, name = _DRIVERS[config.driver]
    except KeyError:
        raise ConfigError(f"{config.name}: no driver {config.driver}") from None
    return getattr(import_module(f".{module}", __name__), name)(config)


__all__ = ["Backend", "make_backend"]
