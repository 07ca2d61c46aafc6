"""What the stand-in's endpoints work on: configuration, keys, the loaded model, its health."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .keys import Keyring
from .logbook import Logbook
from .release import Behaviour


class Service:
    """One server's state.

    STANDIN_LOAD_SECONDS makes a load take that long; STANDIN_UNHEALTHY is the description of an
    issue that /health then reports for ever.
    """

    def __init__(self, config: Any, keys: Keyring, log: Logbook, behaviour: Behaviour) -> None:
        self._config = config
        self.keys = keys
        self.log = log
        self.behaviour = behaviour
        self.loaded: Path | None = None
        self.issues: list[dict[str, str]] = []
        if issue := os.environ.get("STANDIN_UNHEALTHY"):
            now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            self.issues.append({"time": now, "description": issue})

    @property
    def api_servers(self) -> list[str]:
        """Lower-case names of the enabled API servers."""
        return [name.lower() for name in self._config.network.api_servers] or ["oai"]

    @property
    def model_dir(self) -> Path:
        """Where models are looked for."""
        return Path(self._config.model.model_dir)

    @property
    def inline_loading(self) -> bool:
        """Whether a request may switch models."""
        return bool(self._config.model.inline_model_loading)

    @property
    def dummy_models(self) -> list[str]:
        """Names that are listed without being there."""
        model = self._config.model
        return list(model.dummy_model_names) if model.use_dummy_models else []

    @property
    def parameters(self) -> dict[str, Any]:
        """What /v1/model tells of the loaded model."""
        model = self._config.model
        length = model.max_seq_len if (model.max_seq_len or -1) > 0 else 4096
        return {
            "max_seq_len": length,
            "cache_size": model.cache_size or length,
            "cache_mode": model.cache_mode,
            "rope_scale": 1.0,
            "rope_alpha": 1.0,
            "max_batch_size": model.max_batch_size or 1,
            "chunk_size": model.chunk_size,
            "prompt_template": None,
            "prompt_template_content": None,
            "use_vision": bool(model.vision),
            "draft": None,
        }

    def load_model(self, path: Path) -> None:
        """Load a model. Raises ValueError for a directory that holds none."""
        path = path.resolve()
        try:
            json.loads((path / "config.json").read_text(encoding="utf8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"Failed to load config.json from {path}") from error
        self.loaded = None
        time.sleep(float(os.environ.get("STANDIN_LOAD_SECONDS", "0")))
        self.loaded = path

    def complain(self, message: str) -> str:
        """Log the error a client is about to get, and return it."""
        self.log.error(f"Sent to request: {message}")
        return message
