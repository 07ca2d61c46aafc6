"""Which TabbyAPI the stand-in is: today's, or the one of January 2025."""

import importlib
from dataclasses import dataclass
from typing import Any, Literal

Release = Literal["current", "2025-01"]


@dataclass(frozen=True)
class Behaviour:
    """What one release does that another does not (dates: TabbyAPI's history)."""

    model_module: str
    """The module that holds its configuration model."""
    backend: str
    """The inference package it needs, and the folder under `backends/`."""
    key_list: bool
    """api_key may be a list, and api_tokens.yml is read again when it changes (2026-07-16)."""
    no_model_status: int
    """The answer where a model is needed and none is loaded (503 since 2025-04-25)."""

    log_files: bool
    """It writes `logs/*.log` (2025-03-23), and the time before each line (2025-02-07)."""

    def configuration(self) -> Any:
        """The pydantic model of this release's configuration."""
        return importlib.import_module(f".{self.model_module}", __package__).TabbyConfigModel


RELEASES: dict[Release, Behaviour] = {
    "current": Behaviour("model", "exllamav3", True, 503, True),
    "2025-01": Behaviour("model_2025_01", "exllamav2", False, 400, False),
}
