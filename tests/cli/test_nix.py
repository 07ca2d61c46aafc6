"""`tabbydoctor nix to-options` and `nix to-config`, as they are typed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tabbydoctor.cli.app import run


def _stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_to_options_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yml"
    config.write_text("network: {disable_auth: true, api_servers: [oai, kobold]}\n")
    assert run(["nix", "to-options", str(config)]) == 0
    text = capsys.readouterr().out
    assert "  disableAuth = true;\n" in text
    assert '  apiServers = [ "OAI" "Kobold" ];\n' in text
    assert max(len(line) for line in text.splitlines()[1:]) <= 80


def test_to_options_of_what_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yml").write_text("network: {port: 5005}\n")
    assert run(["nix", "to-options", "--dir", str(tmp_path)]) == 0
    assert "  port = 5005;\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "standard input, which is empty,"),
        ("network: {host: 0.0.0.0, disable_auth: true}", "# The module opens port 5000"),
        ("network: {disable_auth: true}", "# Authentication is off: every local user"),
        ("auth: {disable: true}", "network.disable_auth is what"),
        ("network: {api_key: xyz}", "# network.api_key (TabbyAPI knows no such key)"),
        ("model: {rope_alpha: .nan}", "ropeAlpha cannot be written: Nix has no number nan."),
    ],
)
def test_what_is_to_know_stands_in_the_block(
    text: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _stdin(monkeypatch, text)
    assert run(["nix", "to-options", "-"]) == 0
    printed = capsys.readouterr().out
    assert said in " ".join(printed.split())
    assert "xyz" not in printed


@pytest.mark.parametrize("text", ["- a\n", "a: b: c\n", "\xff"])
def test_what_is_no_configuration_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _stdin(monkeypatch, text)
    assert run(["nix", "to-options", "-"]) == 2
    assert "standard input" in capsys.readouterr().err


def test_to_config_as_yaml_and_as_the_very_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"services": {"tabbyapi": {"enable": True, "modelName": "m", "port": 5001}}}
    (tmp_path / "options.json").write_text(json.dumps(options))
    assert run(["nix", "to-config", str(tmp_path / "options.json")]) == 0
    text = capsys.readouterr().out
    assert '  model_name: "m"\n' in text
    assert "ignored" in text

    _stdin(monkeypatch, json.dumps(options))
    assert run(["nix", "to-config", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["network"]["port"] == 5001
    assert said.out.count("\n") == 1
    assert "ignored: developer.cuda_malloc_backend" in said.err


@pytest.mark.parametrize("text", ["", "[]", '{"modelName": 1}', "[" * 100_000])
def test_what_is_no_set_of_options_is_refused(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _stdin(monkeypatch, text)
    assert run(["nix", "to-config", "-", "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["exit_code"] == 2


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nix", "to-options", "/nowhere/config.yml"]) == 2
    assert "/nowhere/config.yml" in capsys.readouterr().err
