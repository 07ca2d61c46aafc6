"""What reading each router of `data/` must find: lines of calls to TabbyAPI, and whether they
send a key (None: that is the client's affair)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DATA = Path(__file__).parent / "data"
TABBY_URLS = ("http://127.0.0.1:5000",)


@dataclass(frozen=True)
class Case:
    """One router. `probes` and `forwards` map the line of a call to whether it sends a key."""

    name: str
    probes: Mapping[int, bool | None] = field(default_factory=dict)
    forwards: Mapping[int, bool | None] = field(default_factory=dict)
    masks: tuple[int, ...] = ()
    """Lines where a 401 counts as healthy."""
    leaks: tuple[int, ...] = ()
    """Lines where another backend gets TabbyAPI's key."""
    parses: bool = True

    @property
    def path(self) -> Path:
        """Its source."""
        return DATA / f"{self.name}.py.txt"

    @property
    def text(self) -> str:
        """Its source text."""
        return self.path.read_text(encoding="utf-8")

    @property
    def healthy(self) -> bool:
        """Whether every call sends what it must."""
        sent = [*self.probes.values(), *self.forwards.values()]
        return self.parses and not self.leaks and not self.masks and False not in sent


FILES = {
    "/etc/router/backends.json": """[
  {"name": "tabby", "url": "http://localhost:5000"},
  {"name": "llama", "url": "http://localhost:8085", "priority": 1}
]""",
    "/etc/router/backends.yaml": """backends:
  - {host: 127.0.0.1, port: 5000, api_key: 1f2e3d4c5b6a79880123456789abcdef}
  - {host: 127.0.0.1, port: 8085}
""",
}
"""Configuration files that some of them read at their start."""

CASES = (
    Case("per_call_client", {14: False}, {21: False}),
    Case("per_call_client_keyed", {22: True}, {30: True}),
    Case("shared_client", {21: False}, {28: False}),
    Case("shared_client_keyed", {30: True}, {36: True}),
    Case("app_state_clients", {25: False}, {35: False}),
    Case("injected_clients", {16: False}, {21: False}),
    Case("requests_variable", {15: True}, {21: True}),
    Case("requests_literal", {15: False}, {22: False}),
    Case("requests_session", {12: False}, {18: False}),
    Case("requests_session_keyed", {22: True}, {28: True}),
    Case("aiohttp_sweep", {15: False}, {24: False}),
    Case("aiohttp_keyed", {14: True}, {22: True}),
    Case("backend_classes", {17: False}, {22: False}),
    Case("backend_classes_keyed", {21: True}, {27: True}),
    Case("registry_file", {25: False}, {37: False}),
    Case("yaml_backends", {20: True}, {32: True}),
    Case("openai_client", {15: True}, {24: True}),
    Case("openai_placeholder", {11: False}, {20: False}),
    Case("url_join", {12: False}, {23: False}),
    Case("if_elif", {19: False}, {32: False}),
    Case("nested_check", {16: False}, {28: False}),
    Case("build_request", {16: True}, {22: True}),
    Case("below_500", {10: False}, {21: False}, masks=(11,)),
    Case("any_answer", {12: False}, {20: False}, masks=(13,)),
    Case("key_not_passed_on", {21: False}, {31: False}),
    Case("syntax_error", parses=False),
    Case(
        "key_to_everyone",
        {13: True},
        {24: True},
        leaks=(
            13,
            24,
        ),
    ),
    Case("auth_hook", {21: True}, {32: True}),
    Case("urllib_keyed", {11: True}, {11: True}),
    Case("http_client", {11: False}, {19: False}),
    Case("probe_fixed_only", {29: True}, {38: False}, masks=(30,)),
    Case("admin_key", {18: True}, {24: True}),
    Case("own_keys", {21: True}, {30: True}),
    Case("passes_header_on", {11: False}, {19: False}),
)
