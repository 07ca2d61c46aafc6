"""Traefik's dynamic file: which key goes to TabbyAPI, over which path, and what mends it."""

from __future__ import annotations

import pytest

from tabbydoctor.routers import traefik
from tabbydoctor.routers.gateways.text import edited_text
from tabbydoctor.routers.kinds import BUILT_IN

URLS = ("http://127.0.0.1:5000",)
KEY = "a1" * 16
FILE = """\
# ours
http:
  routers:
    llm:
      rule: "{rule}"
      service: llm
{router}
  services:
    llm:
      loadBalancer:
{balancer}
        servers:
          - url: "http://127.0.0.1:5000"
{more}
"""
ATTACHED = "      middlewares: [key]"
MIDDLEWARES = """\
  middlewares:
    key:
      headers:
        customRequestHeaders:
          Authorization: {value}
"""
KEYED_CHECK = f"""\
          path: /v1/models
          headers:
            Authorization: Bearer {KEY}"""
STRIP = "    strip:\n      stripPrefix:\n        prefixes: [{}]\n"


def text(
    rule: str = "PathPrefix(`/v1`)", router: str = "", balancer: str = "", more: str = ""
) -> str:
    return FILE.format(rule=rule, router=router, balancer=balancer, more=more)


@pytest.mark.parametrize(
    ("router", "value", "sends", "source"),
    [
        (ATTACHED, f"Bearer {KEY}", True, "a key written in the configuration"),
        (ATTACHED, "'Bearer {{ env \"TABBY_API_KEY\" }}'", True, "environment TABBY_API_KEY"),
        (
            "      middlewares: [key@file]",
            f"Bearer {KEY}",
            True,
            "a key written in the configuration",
        ),
        ("", f"Bearer {KEY}", False, "the client's own header"),
        (ATTACHED, "''", False, ""),
        (ATTACHED, KEY, False, "a header without Bearer"),
    ],
)
def test_the_key(router: str, value: str, sends: bool, source: str) -> None:
    given = text(router=router, more=MIDDLEWARES.format(value=value))
    assert BUILT_IN.of("/etc/traefik/llm.yml", given) == "traefik"
    reading = traefik.read("/etc/traefik/llm.yml", given, URLS)
    assert [(c.line, c.path, c.sends_key, c.key_from) for c in reading.calls] == [
        (5, "/v1/chat/completions", sends, source)
    ]
    assert KEY not in repr(reading)


@pytest.mark.parametrize("router", ["", ATTACHED])
def test_the_key_s_lines_attach_a_middleware(router: str) -> None:
    given = text(router=router, more=MIDDLEWARES.format(value="wrong") if router else "")
    edits = [one for one in traefik.read("/t.yml", given, URLS).by_hand if one.concern == "key"]
    mended = edited_text(given, edits).replace("<api_key>", KEY)
    reading = traefik.read("/t.yml", mended, URLS)
    assert reading.literal_keys == (KEY,)
    assert mended.startswith("# ours\n")


@pytest.mark.parametrize(
    ("rule", "router", "more", "missed"),
    [
        ("PathPrefix(`/v1`)", "", "", False),
        ("Host(`llm.example`)", "", "", False),
        ("Host(`llm.example`) && PathPrefix(`/llm`)", "", "", True),
        (
            "PathPrefix(`/llm`)",
            "      middlewares: [strip]",
            "  middlewares:\n" + STRIP.format("/llm"),
            False,
        ),
        (
            "PathPrefix(`/v1`)",
            "      middlewares: [strip]",
            "  middlewares:\n" + STRIP.format("/v1"),
            True,
        ),
    ],
)
def test_the_path(rule: str, router: str, more: str, missed: bool) -> None:
    reading = traefik.read("/t.yml", text(rule=rule, router=router, more=more), URLS)
    assert bool(reading.misses) is missed


def test_a_prefix_is_taken_off() -> None:
    given = text(rule="PathPrefix(`/llm`)")
    edits = [one for one in traefik.read("/t.yml", given, URLS).by_hand if one.concern == "path"]
    assert traefik.read("/t.yml", edited_text(given, edits), URLS).misses == ()


@pytest.mark.parametrize(
    ("check", "method", "path", "sends"),
    [
        ("          path: /health", "GET", "/health", False),
        ("          path: /v1/models", "GET", "/v1/models", False),
        ("          path: /health\n          method: HEAD", "HEAD", "/health", False),
        (
            KEYED_CHECK,
            "GET", "/v1/models", True,
        ),
    ],
)  # fmt: skip
def test_its_check(check: str, method: str, path: str, sends: bool) -> None:
    given = text(balancer=f"        healthCheck:\n{check}")
    (probe,) = traefik.read("/t.yml", given, URLS).of("probe")
    assert (probe.method, probe.path, probe.sends_key) == (method, path, sends)


def test_its_check_is_mended() -> None:
    given = text(balancer="        healthCheck:\n          path: /v1/models")
    edits = [one for one in traefik.read("/t.yml", given, URLS).by_hand if one.concern == "probe"]
    (probe,) = traefik.read("/t.yml", edited_text(given, edits), URLS).of("probe")
    assert probe.path == "/health"


def test_what_is_not_there_is_said() -> None:
    given = text(router="      middlewares: [elsewhere]").replace(
        "service: llm", "service: x@docker"
    )
    assert traefik.read("/t.yml", given, URLS).cuts
    assert "elsewhere" in "".join(
        traefik.read("/t.yml", text(router="      middlewares: [elsewhere]"), URLS).cuts
    )
