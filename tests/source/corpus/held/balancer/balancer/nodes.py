from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Node:
    name: str
    url: str
    key_env: str | None = None
    weight: int = 1
    healthy: bool = field(default=False, compare=False)
    inflight: int = field(default=0, compare=False)

    @property
    def token(self) -> str | None:
        return os.environ.get(self.key_env) if self.key_env else None

    @classmethod
    def from_dict(cls, raw: dict) -> "Node":
        return cls(
            name=raw["name"],
            url=raw["url"].rstrip("/"),
            key_env=raw.get("key_env"),
            weight=int(raw.get("weight", 1)),
        )


def load_nodes(path: Path) -> list[Node]:
    with path.open("rb") as f:
        data = tomllib.load(f)
    return [Node.from_dict(n) for n in data["node"]]
