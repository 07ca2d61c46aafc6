"""Gateways in front of TabbyAPI, judged by their own rules: what is named first, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.host.data import Listener, Process
from tabbydoctor.targets import Targets

from .scene import SERVER, TOKENS, Scene, serving, told

KEY = TOKENS.partition(" ")[2].partition("\n")[0]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.endpoint = serving()
    return scene


def behind(scene: Scene, path: str, text: str, argv: tuple[str, ...]) -> None:
    """A gateway in front, by its file and its process."""
    scene.write(path, text)
    scene.processes = (SERVER, Process(400, argv, uid=33, cwd="/", unit="gateway.service"))
    scene.listeners = (Listener("127.0.0.1", 5000, 1234), Listener("0.0.0.0", 8080, 400))
    scene.targets = Targets(router=path)


NGINX = """\
server {{
    listen 8080;
    location / {{
        proxy_pass http://127.0.0.1:5000;
        proxy_set_header Authorization "Bearer {key}";
        {more}
    }}
}}
"""
SITE = "/etc/nginx/conf.d/tabby.conf"
TITLE = ("nginx: master process /usr/sbin/nginx",)


@pytest.mark.parametrize(
    ("more", "line"), [("", 4), ("proxy_read_timeout 90s;", 6), ("proxy_read_timeout 1m 30s;", 6)]
)
def test_nginx_that_waits_for_a_minute(scene: Scene, more: str, line: int) -> None:
    behind(scene, SITE, NGINX.format(key="not-the-key-of-tabby", more=more), TITLE)
    finding = scene.examine().finding("RTR014")
    assert "proxy_read_timeout" in told(finding)
    assert finding.evidence[0].source == f"{SITE}:{line}"
    assert finding.remedies[0].lines == ("        proxy_read_timeout 600s;",)


def test_nginx_with_another_key(scene: Scene) -> None:
    more = "proxy_read_timeout 600s;"
    behind(scene, SITE, NGINX.format(key="not-the-key-of-tabby", more=more), TITLE)
    said = scene.examine()
    assert said.ids[0] == "RTR005"
    assert "not-the-key" not in told(said.finding("RTR005"))
    assert '        proxy_set_header Authorization "Bearer <api_key>";' in (
        said.finding("RTR005").remedies[0].lines
    )


def test_nginx_in_order(scene: Scene) -> None:
    more = "proxy_read_timeout 600s;"
    behind(scene, SITE, NGINX.format(key=KEY, more=more), TITLE)
    assert scene.examine().ids == []


LITELLM = """\
model_list:
  - model_name: tiny
    litellm_params:
      model: {model}
      api_base: http://127.0.0.1:5000{path}
      api_key: os.environ/TABBY_KEY
"""


@pytest.mark.parametrize("path", ["", "/", "/v1/chat/completions", "/v1/v1", "/api"])
def test_litellm_asks_below_v1(scene: Scene, path: str) -> None:
    text = LITELLM.format(path=path, model="openai/tiny-exl3")
    behind(scene, "/etc/litellm/config.yaml", text, ("litellm",))
    finding = scene.examine().finding("RTR016")
    assert finding.evidence[0].source == "/etc/litellm/config.yaml:5"
    assert finding.evidence[0].expected == "http://127.0.0.1:5000/v1"


@pytest.mark.parametrize(
    ("model", "expected"), [("tiny-exl3", "openai/tiny-exl3"), ("ollama/tiny", "openai/tiny")]
)
def test_litellm_is_told_the_provider(scene: Scene, model: str, expected: str) -> None:
    text = LITELLM.format(path="/v1", model=model)
    behind(scene, "/etc/litellm/config.yaml", text, ("litellm",))
    finding = scene.examine().finding("RTR016")
    assert finding.evidence[0].source == "/etc/litellm/config.yaml:4"
    assert finding.evidence[0].expected == expected


def test_litellm_in_order(scene: Scene) -> None:
    text = LITELLM.format(path="/v1", model="openai/tiny-exl3")
    behind(scene, "/etc/litellm/config.yaml", text, ("litellm",))
    assert "RTR016" not in scene.examine().ids


SWAP = """\
healthCheckTimeout: 15
models:
  tabby:
    proxy: http://127.0.0.1:5000
    cmd: python main.py
"""
SWAP_ARGV = ("llama-swap", "--config", "/etc/llama-swap.yaml")


def loaded_in(scene: Scene, seconds: float) -> None:
    """TabbyAPI's last load took that long."""
    scene.minutes = [10, 10 - seconds / 60]
    scene.log = [
        "INFO:     Loading model: models/tiny-exl3",
        "INFO:     Model successfully loaded.",
    ]


@pytest.mark.parametrize(
    ("text", "seconds", "line"),
    [
        (SWAP, 18, 1),
        (SWAP.replace("15", "3"), 18, 1),
        (SWAP.partition("\n")[2], 150, 2),
    ],
)
def test_llama_swap_waits_for_less_than_the_last_load_took(
    scene: Scene, text: str, seconds: float, line: int
) -> None:
    behind(scene, "/etc/llama-swap.yaml", text, SWAP_ARGV)
    loaded_in(scene, seconds)
    finding = scene.examine().finding("RTR014")
    assert finding.evidence[0].source == f"/etc/llama-swap.yaml:{line}"


def test_llama_swap_waits_for_long_enough(scene: Scene) -> None:
    behind(scene, "/etc/llama-swap.yaml", SWAP.replace("15", "60"), SWAP_ARGV)
    loaded_in(scene, 18)
    assert scene.examine().findings("RTR014") == ()


@pytest.mark.parametrize("endpoint", ["/v1/models", "/v1/model", "/v1/model/list"])
def test_llama_swaps_keyed_check_is_the_root(scene: Scene, endpoint: str) -> None:
    text = SWAP.replace("15", "120") + f"    checkEndpoint: {endpoint}\n"
    behind(scene, "/etc/llama-swap.yaml", text, SWAP_ARGV)
    said = scene.examine()
    assert said.ids[0] == "RTR007"
    finding = said.finding("RTR007")
    assert finding.evidence[0].source == "/etc/llama-swap.yaml:6"
    assert "fix RTR007" in finding.remedies[0].commands[0]
    assert said.findings("RTR001") == ()


@pytest.mark.parametrize("endpoint", ["/health", "none"])
def test_llama_swaps_check_without_a_key(scene: Scene, endpoint: str) -> None:
    text = SWAP.replace("15", "120") + f"    checkEndpoint: {endpoint}\n"
    behind(scene, "/etc/llama-swap.yaml", text, SWAP_ARGV)
    assert scene.examine().findings("RTR007") == ()


@pytest.mark.parametrize(
    ("proxy", "cmd", "line"),
    [
        ("", "/home/ivan/TabbyAPI/start.sh --port 5000", 2),
        ("", "python /home/ivan/TabbyAPI/main.py", 2),
        ("proxy: http://127.0.0.1:5000/v1", "python main.py", 3),
    ],
)
def test_llama_swap_asks_elsewhere(scene: Scene, proxy: str, cmd: str, line: int) -> None:
    text = f"models:\n  big:\n    {proxy}\n    cmd: {cmd}\n"
    behind(scene, "/etc/llama-swap.yaml", text, SWAP_ARGV)
    finding = scene.examine().finding("RTR016")
    assert finding.evidence[0].source == f"/etc/llama-swap.yaml:{line}"


def test_llama_swap_gives_it_a_port_of_its_own(scene: Scene) -> None:
    text = "models:\n  big:\n    cmd: tabby --port ${PORT}\n"
    behind(scene, "/etc/llama-swap.yaml", text, SWAP_ARGV)
    assert scene.examine().findings("RTR016") == ()
