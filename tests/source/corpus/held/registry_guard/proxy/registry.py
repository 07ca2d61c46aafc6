import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backend:
    id: str
    base_url: str
    models: tuple[str, ...]
    enabled: bool = True


class ModelRegistry:
    """Model name -> backend. Empty until `load()` was called."""

    def __init__(self) -> None:
        self._by_model: dict[str, Backend] = {}
        self._backends: dict[str, Backend] = {}

    def load(self, path: Path) -> None:
        raw = json.loads(path.read_text(encoding="utf-8"))
        for entry in raw.get("backends", []):
            backend = Backend(
                id=entry["id"],
                base_url="http://{host}:{port}".format(**entry),
                models=tuple(entry.get("models", [])),
                enabled=entry.get("enabled", True),
            )
            if not backend.enabled:
                logger.info("skipping disabled backend %s", backend.id)
                continue
            self._backends[backend.id] = backend
            for model in backend.models:
                self._by_model[model] = backend

    def resolve(self, model: Optional[str]) -> Optional[Backend]:
        if model is None:
            return None
        return self._by_model.get(model)

    def all(self) -> list[Backend]:
        return list(self._backends.values())


registry = ModelRegistry()
