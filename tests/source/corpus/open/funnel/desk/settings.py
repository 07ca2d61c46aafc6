"""What the desk is given by its environment."""
from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerConfig:
    base_url: str
    api_key: str | None = None
    timeout_seconds: float = 30.0
    retries: int = 1

    @classmethod
    def from_env(cls, prefix: str) -> ServerConfig:
        get = os.environ.get
        return cls(
            base_url=get(f"{prefix}_URL", "http://127.0.0.1:5000").rstrip("/"),
            api_key=get(f"{prefix}_KEY") or None,
            retries=int(get(f"{prefix}_RETRIES", "1")),
        )
