import threading
import time

import httpx

from .engines import Engine, EngineSpec


class EngineNotReady(RuntimeError):
    pass


class SwapManager:
    """One engine answers at a time; the others are asked to step back."""

    def __init__(self, specs: dict[Engine, EngineSpec], models: dict[str, Engine]):
        self.specs = specs
        self.models = models
        self.current: Engine | None = None
        self._lock = threading.Lock()
        self._http = httpx.Client(timeout=httpx.Timeout(300.0, connect=2.0))

    def ensure(self, model: str) -> EngineSpec:
        engine = self.models.get(model)
        if engine is None:
            raise KeyError(model)
        with self._lock:
            if engine is not self.current:
                self._wait_until_ready(self.specs[engine])
                self.current = engine
        return self.specs[engine]

    def _wait_until_ready(self, spec: EngineSpec) -> None:
        deadline = time.monotonic() + spec.boot_seconds
        while time.monotonic() < deadline:
            try:
                if self._http.get(spec.url(spec.health_path)).status_code == 200:
                    return
            except httpx.ConnectError:
                pass
            time.sleep(0.2)
        raise EngineNotReady(spec)

    def loaded_model(self) -> dict:
        spec = self.specs[Engine.TABBY]
        return self._http.get(spec.url("/v1/model"), headers=spec.headers).json()

    def chat(self, payload: dict) -> httpx.Response:
        spec = self.ensure(payload["model"])
        return self._http.post(spec.url("/v1/chat/completions"), json=payload, headers=spec.headers)
