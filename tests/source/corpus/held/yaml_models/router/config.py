from __future__ import annotations

from pathlib import Path
from typing import Literal, Optional

import yaml
from pydantic import BaseModel, Field, field_validator


class Listen(BaseModel):
    host: str = "127.0.0.1"
    port: int = 8000


class Auth(BaseModel):
    header: str = "Authorization"
    scheme: Optional[str] = None
    value: str

    def as_header(self) -> dict[str, str]:
        text = f"{self.scheme} {self.value}" if self.scheme else self.value
        return {self.header: text}


class BackendConfig(BaseModel):
    url: str
    kind: Literal["chat", "audio"] = "chat"
    auth: Optional[Auth] = None
    models: list[str] = Field(default_factory=list)
    ready_path: str = "/v1/models"

    @field_validator("url")
    @classmethod
    def no_slash(cls, value: str) -> str:
        return value.rstrip("/")


class Config(BaseModel):
    listen: Listen = Listen()
    default: str
    backends: dict[str, BackendConfig]


def load(path: Path) -> Config:
    return Config.model_validate(yaml.safe_load(path.read_text()))


config = load(Path(__file__).resolve().parent.parent / "config.yaml")
