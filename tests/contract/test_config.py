"""What mistakes in config.yml do, and which layer wins."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .server import TOKENS, Server, free_port, poll

pytestmark = pytest.mark.contract

OFF = "network: {disable_auth: true}\n"
COULD_NOT_LOAD = "The YAML config from 'config.yml' couldn't load because of"

UNPARSEABLE = {
    "syntax error": OFF + "model: {a: [}\n",
    "tab indent": "network:\n\tdisable_auth: true\n",
    "duplicate key": OFF + "network: {disable_auth: true}\n",
    "several documents": OFF + "---\nmodel: {}\n",
    "undefined alias": OFF + "model: *nothing\n",
    "not UTF-8": OFF.encode() + b"# \xff\n",
    "empty": "",
    "only a comment": "# nothing\n",
}


@pytest.mark.parametrize("content", UNPARSEABLE.values(), ids=UNPARSEABLE)
def test_an_unparseable_file_means_defaults(server: Server, content: str | bytes) -> None:
    server.start({"config.yml": content})
    assert server.enforces_keys
    assert server.log.count(COULD_NOT_LOAD) == 1
    assert re.search(r"\| ERROR +\| The YAML config from", server.log)


def test_a_directory_in_its_place_means_defaults(server: Server) -> None:
    (server.directory / "config.yml").mkdir()
    server.start()
    assert server.enforces_keys
    assert COULD_NOT_LOAD in server.log


def test_a_missing_file_means_defaults(server: Server) -> None:
    server.start()
    assert server.enforces_keys
    assert re.search(r"\| INFO +\| The 'config.yml' file cannot be found", server.log)


@pytest.mark.parametrize("content", ["hello\n", "- network\n", "12\n"])
def test_a_document_that_is_no_mapping_ends_the_start(server: Server, content: str) -> None:
    assert server.run({"config.yml": content}) == 1
    assert COULD_NOT_LOAD in server.log


@pytest.mark.parametrize("section", ["model: x\n", "logging: [a]\n"])
def test_a_broken_section_is_logged_and_the_rest_applies(server: Server, section: str) -> None:
    server.start({"config.yml": section + OFF})
    assert not server.enforces_keys
    assert COULD_NOT_LOAD in server.log


@pytest.mark.parametrize("section", ["memory: 3\n", "sampling: [a]\n", "model:\n", "logging: ~\n"])
def test_other_broken_or_null_sections_count_as_absent(server: Server, section: str) -> None:
    server.start({"config.yml": section + OFF})
    assert not server.enforces_keys
    assert COULD_NOT_LOAD not in server.log


@pytest.mark.parametrize("section", ["network: [1]\n", "model: x\n", "memory: 3\n"])
def test_a_broken_section_of_the_override_file_ends_the_start(server: Server, section: str) -> None:
    assert server.run({"c.yml": section}, ["--config", "c.yml"]) == 1
    assert re.search(r"1 validation error for TabbyConfigModel", server.console)


@pytest.mark.parametrize(
    "content",
    [
        "auth: {disable: true}\n",
        "network: {disable_authh: true}\n",
        "draft: {draft_model_name: x}\n",
        "model: {no_such_key: 1}\n",
        "invented: {a: 1}\n",
    ],
)
def test_unknown_sections_and_keys_have_no_effect_and_no_message(
    server: Server, content: str
) -> None:
    server.start({"config.yml": content, "api_tokens.yml": TOKENS})
    assert server.enforces_keys
    assert "ERROR" not in server.log
    assert server.log.count("WARNING") == 1, "only the one on the unsafe launch"


REFUSED = {
    "network.disable_auth": "network: {disable_auth: ture}",
    "network.port": "network: {port: abc}",
    "network.api_servers": "network: {api_servers: OAI}",
    "network.sse_ping_interval": "network: {sse_ping_interval: -1}",
    "model.cache_mode": "model: {cache_mode: Q5}",
    "model.cache_size": "model: {cache_size: 1000}",
    "model.max_seq_len": "model: {max_seq_len: -2}",
    "model.max_batch_size": "model: {max_batch_size: 0}",
    "model.model_name": "model: {model_name: 12e3456789}",
    "model.rope_alpha": "model: {rope_alpha: some}",
    "draft_model.draft_mode": "draft_model: {draft_mode: on}",
    "lora.loras": "lora: {loras: [{name: a, scaling: -1}]}",
    "embeddings.embeddings_device": "embeddings: {embeddings_device: tpu}",
}


@pytest.mark.parametrize(("key", "content"), REFUSED.items(), ids=REFUSED)
def test_a_refused_value_ends_the_start(server: Server, key: str, content: str) -> None:
    assert server.run({"config.yml": content}, env={"TABBY_NETWORK_PORT": None}) == 1
    assert re.search(
        r"ValidationError: \d+ validation errors? for TabbyConfigModel", server.console
    )
    assert f"\n{key}" in server.console


@pytest.mark.parametrize("value", ["yes", '"true"', "on", "1", "TRUE"])
def test_other_spellings_of_true(server: Server, value: str) -> None:
    server.start({"config.yml": f"network: {{disable_auth: {value}}}\n"})
    assert not server.enforces_keys


def test_values_that_only_a_load_would_refuse(server: Server) -> None:
    server.start(
        {
            "config.yml": "model:\n  backend: exllamav2\n  tensor_parallel_backend: other\n"
            "  start_in_reasoning: perhaps\n  cache_mode: 8,4\n"
            "network: {api_servers: [oAi, KOBOLD]}\n"
        }
    )
    assert server.request("/api/v1/info/version").json == {"result": "1.2.5"}


def test_a_byte_order_mark_is_fine(server: Server) -> None:
    server.start({"config.yml": b"\xef\xbb\xbf" + OFF.encode()})
    assert not server.enforces_keys


def test_a_port_with_a_leading_zero_is_decimal(server: Server) -> None:
    port = free_port()
    server.start({"config.yml": f"network: {{port: 0{port}}}\n"}, env={"TABBY_NETWORK_PORT": None})
    assert server.port == port


def test_a_port_out_of_range_ends_the_start(server: Server) -> None:
    config = {"config.yml": "network: {port: 70000}\n"}
    assert server.run(config, env={"TABBY_NETWORK_PORT": None}) == 1
    assert "OverflowError" in server.console


def test_a_fifo_is_waited_for(server: Server) -> None:
    os.mkfifo(server.directory / "config.yml")
    server.launch()
    writer = -1

    def opened() -> bool:
        """Opening for writing works once somebody reads."""
        nonlocal writer
        try:
            writer = os.open(server.directory / "config.yml", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        return True

    poll(opened, "the server to read its FIFO")
    assert server.running
    os.write(writer, OFF.encode())
    os.close(writer)
    server.wait_ready()
    assert not server.enforces_keys


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model: {draft: {draft_model_name: d}}\n", r"draft_model_name: d"),
        ("model: {lora: {lora_dir: elsewhere}}\n", r"lora_dir: elsewhere"),
        ("logging: {prompt: true}\n", r"log_prompt: true"),
        ("logging: {typo: true}\n", r"log_prompt: false"),
    ],
)
def test_a_legacy_file_is_rewritten(server: Server, old: str, new: str) -> None:
    server.start({"config.yml": old})
    assert (server.directory / "config.yml.bak").read_text() == old
    rewritten = (server.directory / "config.yml").read_text()
    assert re.search(new, rewritten)
    assert "typo" not in rewritten
    assert "Legacy config.yml file detected" in server.log
    assert "Auto-migration successful" in server.log


def test_the_environment_beats_the_file(server: Server) -> None:
    server.start({"config.yml": OFF}, env={"TABBY_NETWORK_DISABLE_AUTH": "false"})
    assert server.enforces_keys


def test_the_command_line_beats_the_environment(server: Server) -> None:
    server.start(argv=["--disable-auth", "true"], env={"TABBY_NETWORK_DISABLE_AUTH": "false"})
    assert not server.enforces_keys


def test_the_override_file_beats_the_environment(server: Server) -> None:
    override = ["--config", "c.yml"]
    server.start({"c.yml": OFF}, override, {"TABBY_NETWORK_DISABLE_AUTH": "false"})
    assert not server.enforces_keys
    assert "Config file override detected in args" in server.log
    assert "The 'config.yml' file cannot be found" in server.log


def test_the_override_file_makes_other_arguments_ignored(server: Server) -> None:
    server.start({"c.yml": "model: {}\n"}, ["--config", "c.yml", "--disable-auth", "true"])
    assert server.enforces_keys


def test_the_working_directory_is_merged_under_the_override_file(server: Server) -> None:
    server.start({"config.yml": OFF, "c.yml": "model: {}\n"}, ["--config", "c.yml"])
    assert not server.enforces_keys


def test_a_null_in_the_override_file_hides_nothing(server: Server) -> None:
    files = {"config.yml": OFF, "c.yml": "network: {disable_auth: }\n"}
    server.start(files, ["--config", "c.yml"])
    assert not server.enforces_keys


@pytest.mark.parametrize("broken", [None, "a: [\n"])
def test_without_a_usable_override_file_the_rest_applies(
    server: Server, broken: str | None
) -> None:
    files = {"config.yml": OFF} | ({"c.yml": broken} if broken else {})
    server.start(files, ["--config", "c.yml"])
    assert not server.enforces_keys
    line = "YAML config from 'c.yml' couldn't load" if broken else "'c.yml' file cannot be found"
    assert line in server.log


@pytest.mark.parametrize("argv", [["--no-such-flag"], ["--disable-auth"], ["--auth", "off"], ["x"]])
def test_a_wrong_command_line_exits_2(server: Server, argv: list[str]) -> None:
    assert server.run(argv=argv) == 2
    assert "usage: main.py" in server.console


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TABBY_NETWORK_API_SERVERS", "OAI"),
        ("TABBY_MODEL_GPU_SPLIT", "20"),
        ("TABBY_NETWORK_PORT", ""),
    ],
)
def test_environment_values_that_cannot_work(server: Server, name: str, value: str) -> None:
    assert server.run(env={name: value}) == 1
    assert re.search(r"validation errors? for TabbyConfigModel", server.console)


def test_the_tokens_file_is_read_from_the_working_directory_only(
    make: Callable[[], Server], tmp_path: Path
) -> None:
    beside = tmp_path / "elsewhere"
    beside.mkdir()
    (beside / "c.yml").write_text("model: {}\n")
    (beside / "api_tokens.yml").write_text(TOKENS)
    server = make()
    server.start(argv=["--config", str(beside / "c.yml")])
    assert (server.directory / "api_tokens.yml").exists()
    assert TOKENS not in (server.directory / "api_tokens.yml").read_text()
