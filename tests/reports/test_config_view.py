"""`tabbydoctor config`: what is set, where from, what is ignored, and no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.local import LocalHost
from tabbydoctor.reports.config_view import as_json, as_text
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.targets import Targets

TEXT = """\
network:
  port: 5001
  host: 12e3
auth: {disable: true, admin_key: hunter22}
developer: {seqlog_api_key: hunter22}
model: {modl: x}
"""


@pytest.fixture
def config(tmp_path: Path) -> EffectiveConfig:
    (tmp_path / "config.yml").write_text(TEXT)
    host = LocalHost()
    start = Instance(str(tmp_path), environment={"TABBY_NETWORK_PORT": "5002"})
    return effective_config(host, start, installation(host, start), Targets())


def test_text(config: EffectiveConfig) -> None:
    text = as_text(config, 80)
    assert "network.port = 5002\n    from TABBY_NETWORK_PORT" in text
    assert " over 5001 from " in " ".join(text.split())
    assert "no such section" in " ".join(text.split())
    assert "Refused" in text
    assert "hunter22" not in text
    assert "model.cache_mode" not in text
    assert 'model.cache_mode = "FP16"' in as_text(config, 80, verbose=True)


def test_text_keeps_to_the_width(config: EffectiveConfig) -> None:
    for line in as_text(config, 60, verbose=True).splitlines():
        assert len(line) <= 60 or len(line.split()) == 1


def test_json(config: EffectiveConfig) -> None:
    document = as_json(config)
    text = json.dumps(document, allow_nan=False)
    assert "hunter22" not in text
    assert document["schema_version"] == 1
    port = next(item for item in document["settings"] if item["key"] == "port")
    assert (port["value"], port["layer"]) == (5002, "environment")
    assert port["overrides"][0]["line"] == 2
    assert {item["section"] for item in document["ignored"]} == {"auth", "model"}
