"""What `fix` says about a router that NixOS, or Nix alone, keeps in its store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import EnvironmentFile, Unit
from tabbydoctor.nixos.by_rebuild import THEN
from tabbydoctor.nixos.one_block import one_block
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.nixos import refuse_router, refuse_store, refuse_unit, source_by_hand
from tabbydoctor.routers import Call, RouterReading
from tests.nixos.nix import evaluate, needs_nix

PATH = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-llm-router/share/router.py"
TOKENS = "/var/lib/tabbyapi/api_tokens.yml"
KEY = "/etc/tabbydoctor/llm-router.service/tabby_api_key"
NIXOS = Machine(systemd=True, nixos=True)
UNIT = Unit("llm-router.service", {"LoadState": "loaded"})
SITE = RouterSite(PATH, "python", UNIT)
READING = RouterReading(
    PATH,
    "python",
    calls=(
        Call(29, "probe", "GET", "/v1/models", False),
        Call(33, "probe", "GET", "/health", False),
        Call(36, "forward", "POST", "/v1/completions", True),
        Call(40, "forward", "POST", "/v1/chat/completions", False),
    ),
    accepts_401=(31,),
)


def said(strategy: str, reading: RouterReading | None = READING, path: str = PATH) -> str:
    with pytest.raises(CannotFix, match="NixOS writes llm-router") as refused:
        refuse_router(NIXOS, replace(SITE, path=path), strategy, TOKENS, KEY, reading)
    return one_block([refused.value.manual])


def flowed(text: str) -> str:
    return " ".join(text.replace("\n# ", " ").split())


@needs_nix
def test_a_source_in_the_store_is_changed_by_hand(tmp_path: Path) -> None:
    text = said("router-tokens")
    assert evaluate("{\n" + text + "\n}", tmp_path) == {}
    words = flowed(text)
    assert f"Change what {PATH} is made from: let lines 29 and 40 of it send" in words
    assert f"`Authorization: Bearer <api_key>`, the api_key of {TOKENS}, to TabbyAPI only" in words
    assert "let line 31 take no 401 for health" in words
    lines = text.splitlines()
    assert lines.index(THEN) < len(lines) - 2
    assert lines[-1] == "# run: sudo tabbydoctor fix --auth --strategy disable-auth"
    assert "--temporary" in words


@needs_nix
def test_a_source_in_the_store_with_a_credential(tmp_path: Path) -> None:
    text = said("router-env")
    service = evaluate("{\n" + text + "\n}", tmp_path)["systemd"]["services"]["llm-router"]
    assert service["serviceConfig"]["LoadCredential"] == [f"tabby_api_key:{KEY}"]
    assert text.splitlines()[:2] == [
        f"# first: sudo install -D -m 600 /dev/null {KEY}",
        f"# first: sudoedit {KEY}",
    ]
    assert "lines 29 and 40 of it" in flowed(text)
    assert f"{TOKENS} (then also in $CREDENTIALS_DIRECTORY/tabby_api_key)" in flowed(text)


def test_without_a_reading_no_line_is_claimed() -> None:
    assert "let the lines seen send" in flowed(said("router-tokens", None))


def test_a_source_that_stays_needs_the_credential_alone() -> None:
    text = said("router-env", path="/opt/llm-router/router.py")
    assert "disable-auth" not in text
    assert text.splitlines()[-1] == THEN
    refuse_router(NIXOS, replace(SITE, path="/opt/r.py"), "router-tokens", TOKENS, KEY, READING)


def test_without_nixos_the_same_is_said_and_no_rebuild() -> None:
    by_hand = "\n".join(source_by_hand(PATH, TOKENS, READING))
    with pytest.raises(CannotFix, match="in the Nix store") as refused:
        refuse_store(PATH, by_hand)
    assert "lines 29 and 40 of it" in flowed(refused.value.manual)
    assert "nixos-rebuild" not in refused.value.manual


def test_a_file_of_variables_is_made_before_it_is_named() -> None:
    settings = [("EnvironmentFile", "/etc/a b.env")]
    with pytest.raises(CannotFix) as refused:
        refuse_unit(NIXOS, UNIT, settings)
    assert refused.value.manual.splitlines()[:2] == [
        "# first: sudo install -D -m 600 /dev/null '/etc/a b.env'",
        "# first: sudoedit '/etc/a b.env'",
    ]
    reads = replace(UNIT, environment_files=(EnvironmentFile("/etc/a b.env", False, "A=1\n"),))
    with pytest.raises(CannotFix) as refused:
        refuse_unit(NIXOS, reads, settings)
    assert refused.value.manual.splitlines()[0] == "# first: sudoedit '/etc/a b.env'"
