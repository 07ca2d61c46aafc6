"""Ports, addresses, models, dependencies and signals at the start and the end."""

import signal
import socket

import pytest

from .server import TOKENS, Server

pytestmark = pytest.mark.contract


def test_a_busy_port_moves_it_by_one(server: Server) -> None:
    wanted = server.port
    with socket.create_server(("127.0.0.1", wanted)):
        server.start({"api_tokens.yml": TOKENS})
    assert server.port == wanted + 1
    assert f"Port {wanted} is currently in use. Switching to {wanted + 1}" in server.log
    assert server.enforces_keys


def test_two_busy_ports_end_it_with_0(server: Server) -> None:
    first, second = server.port, server.port + 1
    with socket.create_server(("127.0.0.1", first)), socket.create_server(("127.0.0.1", second)):
        assert server.run() == 0
    assert f"Ports {first} and {second} are in use" in server.log


def test_an_address_of_another_machine_exits_3(server: Server) -> None:
    assert server.run({"config.yml": "network: {host: 203.0.113.9}\n"}) == 3
    assert "[Errno 99]" in server.log


def test_an_address_in_use_exits_3(server: Server) -> None:
    with socket.create_server(("127.0.0.2", server.port)):
        assert server.run({"config.yml": "network: {host: 127.0.0.2}\n"}) == 3
    assert "[Errno 98]" in server.log


def test_a_missing_model_directory_ends_the_start(server: Server) -> None:
    assert server.run({"config.yml": "model: {model_name: nope}\n"}) == 1
    assert f"Failed to load config.json from {server.directory}/models/nope" in server.console
    assert not (server.directory / "api_tokens.yml").exists()


def test_without_inference_dependencies_only_an_unsafe_launch_starts(server: Server) -> None:
    assert server.run(env={"TABBY_DEVELOPER_UNSAFE_LAUNCH": None}) == 1
    assert "Inference dependencies for TabbyAPI are not installed" in server.console


def test_the_unsafe_launch_may_come_from_the_file(server: Server) -> None:
    config = {"config.yml": "developer: {unsafe_launch: true}\n"}
    server.start(config, env={"TABBY_DEVELOPER_UNSAFE_LAUNCH": None})
    assert "UNSAFE: Skipping ExllamaV3 version check" in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(server: Server, number: signal.Signals) -> None:
    server.start()
    assert server.stop(number) == 0
    assert "Shutdown signal called. Exiting gracefully." in server.log
    assert "Finished server process" in server.log


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0"])
def test_other_names_of_this_machine(server: Server, host: str) -> None:
    server.start({"config.yml": f"network: {{host: {host}}}\n"})
    assert f"Uvicorn running on http://{host}:{server.port} (Press CTRL+C to quit)" in server.log
    assert server.enforces_keys
