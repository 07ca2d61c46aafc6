"""A deployment in a scratch directory: facts by the real gatherers from real files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.api import Check, Finding
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.facts import needs
from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.misnamed import MisnamedKeys, misnamed_keys
from tabbydoctor.tabbyapi.model_files import ModelFiles, model_files
from tabbydoctor.targets import Targets


@dataclass
class Deployment:
    """A TabbyAPI directory, and what is judged on it."""

    directory: Path

    def write(self, name: str, text: str | bytes) -> Path:
        """A file below the directory."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def judge(
        self,
        check: Check,
        text: str | bytes | None = None,
        *,
        arguments: tuple[str, ...] = (),
        machine: Machine | None = None,
        router: RouterReading | None = None,
        **instance: Any,
    ) -> list[Finding]:
        """What a check finds; `text` is config.yml."""
        if text is not None:
            self.write("config.yml", text)
        host = LocalHost()
        start = Instance(str(self.directory), arguments, **instance)
        known = installation(host, start)
        config = effective_config(host, start, known, Targets())
        facts: dict[type, object] = {
            Instance: start,
            Installation: known,
            EffectiveConfig: config,
            Machine: machine,
            RouterReading: router,
            MisnamedKeys: misnamed_keys(host, start, config, known),
        }
        if ModelFiles in [kind for kind, _ in needs(check.judge).values()]:
            facts[ModelFiles] = model_files(host, start, config)
        wanted = needs(check.judge).items()
        return list(check.judge(**{name: facts.get(kind) for name, (kind, _) in wanted}))


HEALTHY = """
network: {host: 127.0.0.1, port: 5000, api_servers: [OAI]}
model: {model_dir: models, model_name: good, cache_mode: "8,8", cache_size: 8192}
logging: {log_prompt: false}
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A directory with a TabbyAPI (the stand-in's own files) and one model."""
    from tabbydoctor.demo import standin

    standin.install(tmp_path)
    made = Deployment(tmp_path)
    made.write("backends/exllamav3/model.py", "")
    made.write("models/good/config.json", '{"quantization_config": {"quant_method": "exl3"}}')
    return made


@pytest.fixture
def healthy() -> str:
    """A config.yml nobody should complain about."""
    return HEALTHY
