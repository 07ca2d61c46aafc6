import enum
from dataclasses import dataclass


class Engine(str, enum.Enum):
    TABBY = "tabby"
    LLAMACPP = "llamacpp"


@dataclass
class EngineSpec:
    port: int
    health_path: str
    key: str = ""
    boot_seconds: float = 30.0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.key} if self.key else {}
