"""Router readings made from real sources, and the facts beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.api import Check, Finding
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit, UnitFile
from tabbydoctor.host.data import HttpAnswer, Process
from tabbydoctor.routers import RouterReading, python
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens
from tests.routers.cases import CASES, FILES, TABBY_URLS

API_KEY = "0123456789abcdef0123456789abcdef"
ADMIN_KEY = "fedcba9876543210fedcba9876543210"


def reading(name: str) -> RouterReading:
    """The reading of one of the sources in tests/routers/data."""
    case = next(case for case in CASES if case.name == name)
    return python.read(f"/opt/router/{name}.py", case.text, TABBY_URLS, files=FILES)


def read(source: str, **options: Any) -> RouterReading:
    """The reading of a source given as text."""
    return python.read("/opt/router/router.py", source, TABBY_URLS, **options)


def config(auth: bool = True, model: str = "Big-exl3", inline: bool = False) -> EffectiveConfig:
    """An effective configuration of few values."""
    origin = Origin("working-directory", "/srv/tabby/config.yml:3", "/srv/tabby/config.yml", 3)
    values = {
        ("network", "disable_auth"): not auth,
        ("model", "model_name"): model,
        ("model", "inline_model_loading"): inline,
    }
    settings = {name: Setting(*name, value, origin) for name, value in values.items()}
    return EffectiveConfig("/srv/tabby", settings)


def endpoint(enforces: bool, url: str = "http://127.0.0.1:5000") -> Endpoint:
    """A running server that does or does not ask for a key."""
    answer = HttpAnswer(f"{url}/v1/models", status=401 if enforces else 200)
    return Endpoint(
        address(url),
        True,
        "tabbyapi",
        HttpAnswer(url, status=200),
        {("/v1/models", "none"): answer},
    )


def silent(url: str = "http://127.0.0.1:5000") -> Endpoint:
    """A server that is down."""
    return Endpoint(address(url), False, "unknown", HttpAnswer(url, error="refused"), {})


def address(url: str = "http://127.0.0.1:5000") -> Address:
    """Where TabbyAPI is."""
    return Address(url, "127.0.0.1:5000", "its socket", moved=not url.endswith(":5000"))


def tokens(*keys: str, problem: Any = None) -> Tokens:
    """A tokens file; with several keys it holds a list."""
    return Tokens(
        "/srv/tabby/api_tokens.yml",
        None,
        problem,
        api_keys=keys or (API_KEY,),
        admin_key=ADMIN_KEY,
        is_list=len(keys) > 1,
    )


def site(
    environment: str = "", running: Mapping[str, str] | None = None, **properties: str
) -> RouterSite:
    """A router's unit with `Environment=`, and its process where `running` is given.

    The properties stand in its file, too: systemctl prints `[unprintable]` for some of them.
    """
    shown = {
        "LoadState": "loaded",
        "ActiveState": "active",
        "Environment": environment,
        **properties,
    }
    process = Process(42, ("python",), environment=running) if running is not None else None
    lines = "".join(f"{name}={value}\n" for name, value in properties.items() if value)
    file = UnitFile("/etc/systemd/system/llm-router.service", f"[Service]\n{lines}")
    unit = Unit("llm-router.service", shown, (file,))
    return RouterSite("/opt/router/router.py", "python", unit, process)


def judge(check: Check, *facts: object) -> list[Finding]:
    """The findings, each of them fit to be shown."""
    found = list(check.judge(*facts))
    for finding in found:
        assert API_KEY not in repr(finding)
        assert ADMIN_KEY not in repr(finding)
        assert "\n" not in finding.title
        assert not finding.title.endswith(".")
    return found
