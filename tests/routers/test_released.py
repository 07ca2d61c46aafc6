"""A router in the field, in its released versions, where a directory holds them.

`TABBYDOCTOR_ROUTERS` names a directory with `v3.2.0.py`, `v3.3.1.py` and `v4.0.0.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabbydoctor.routers import RouterReading, python

DIRECTORY = os.environ.get("TABBYDOCTOR_ROUTERS", "")
pytestmark = pytest.mark.skipif(
    not DIRECTORY, reason="TABBYDOCTOR_ROUTERS names no directory with checked-out versions"
)


def _read(version: str) -> RouterReading:
    text = (Path(DIRECTORY) / f"{version}.py").read_text(encoding="utf-8")
    return python.read("/opt/llm-router/router.py", text, ("http://127.0.0.1:5000",))


def _keys(reading: RouterReading) -> list[tuple[str, str, str, bool | None]]:
    return [(call.purpose, call.method, call.path, call.sends_key) for call in reading.calls]


CHAT = "/v1/chat/completions"


def test_3_2_probes_health_and_forwards_twice_without_a_key() -> None:
    reading = _read("v3.2.0")
    assert _keys(reading) == [
        ("probe", "GET", "/health", False),
        ("forward", "POST", CHAT, False),
        ("forward", "POST", CHAT, False),
    ]
    assert reading.accepts_401 == ()
    assert "/opt/tabbyAPI/config.yml" in reading.writes_files
    assert "tabbyapi.service" in reading.starts_units


def test_3_3_1_probes_models_without_a_key() -> None:
    reading = _read("v3.3.1")
    assert _keys(reading) == [
        ("probe", "GET", "/v1/models", False),
        ("forward", "POST", CHAT, False),
    ]
    assert reading.timeouts[0][1] == 300


def test_4_0_0_sends_the_admin_key_with_its_probe_only() -> None:
    reading = _read("v4.0.0")
    assert _keys(reading) == [("probe", "POST", CHAT, True), ("forward", "POST", CHAT, False)]
    assert len(reading.uses_admin_key) == 1
    assert reading.leaks == ()
    assert any(path.endswith("config.yml") for path in reading.writes_files)
