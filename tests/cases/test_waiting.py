"""Cases of other orders: each fails until its own is done, and says which that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.host.data import Listener, Process
from tabbydoctor.targets import Targets

from .scene import CONFIG, SERVER, Scene, refusing, serving, told

DOCKER = f"/system.slice/docker-{'4e' * 32}.scope"
containers = pytest.mark.xfail(strict=True, reason="containers")
gateways = pytest.mark.xfail(strict=True, reason="gateways")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.endpoint = serving()
    return scene


def in_container(scene: Scene, pid: int = 161) -> None:
    """No unit: the server is a process in a container, whose files are below /proc/PID/root."""
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.processes = (
        Process(pid, ("python3", "main.py"), uid=0, cwd="/app", cgroup=DOCKER, parent=1),
    )
    for name in ("common/config_models.py", "main.py", "config.yml"):
        scene.write(f"/proc/{pid}/root/app/{name}", CONFIG if name == "config.yml" else "")
    scene.endpoint = refusing()


@containers
def test_a_server_on_the_loopback_of_its_container(scene: Scene) -> None:
    in_container(scene)
    finding = scene.examine().finding("API011")
    assert "network.host" in finding.remedies[0].title
    assert any("docker restart 4e4e4e4e4e4e" in each for each in finding.remedies[0].commands)


@containers
def test_the_files_of_a_container_are_those_inside(scene: Scene) -> None:
    in_container(scene)
    scene.write("/app/api_tokens.yml", "api_key: of-another\nadmin_key: of-another-too\n", 0o644)
    said = scene.examine()
    judged = {result.check.id: result.status for result in said.results}
    assert judged["CFG002"] == "passed"


@containers
def test_a_container_that_lost_its_gpu(scene: Scene) -> None:
    in_container(scene)
    scene.skip = ""
    scene.write("/proc/161/root/app/logs/run.log", "RuntimeError: No CUDA GPUs are available\n")
    said = scene.examine()
    assert said.ids[0] == "GPU001"
    assert "--force-recreate" in told(said.finding("GPU001"))


def behind(scene: Scene, path: str, text: str, argv: tuple[str, ...]) -> None:
    """A gateway in front, by its file and its process."""
    scene.write(path, text)
    scene.processes = (SERVER, Process(400, argv, uid=33, cwd="/", unit="gateway.service"))
    scene.listeners = (Listener("127.0.0.1", 5000, 1234), Listener("0.0.0.0", 8080, 400))
    scene.targets = Targets(router=path)


NGINX = """\
server {
    listen 8080;
    location / {
        proxy_pass http://127.0.0.1:5000;
        proxy_set_header Authorization "Bearer not-the-key-of-tabby";
    }
}
"""


@gateways
def test_nginx_in_front_is_read(scene: Scene) -> None:
    behind(scene, "/etc/nginx/conf.d/tabby.conf", NGINX, ("nginx: master process",))
    finding = scene.examine().finding("RTR014")
    assert "proxy_read_timeout" in told(finding)
    assert finding.evidence[0].source.startswith("/etc/nginx/conf.d/tabby.conf:")


LITELLM = """\
model_list:
  - model_name: tiny
    litellm_params:
      model: openai/tiny-exl3
      api_base: http://127.0.0.1:5000{path}
      api_key: os.environ/TABBY_KEY
"""


@gateways
@pytest.mark.parametrize("path", ["", "/v1/chat/completions"])
def test_litellm_asks_below_v1(scene: Scene, path: str) -> None:
    behind(scene, "/etc/litellm/config.yaml", LITELLM.format(path=path), ("litellm",))
    finding = scene.examine().finding("RTR016")
    assert finding.evidence[0].source == "/etc/litellm/config.yaml:5"


SWAP = """\
healthCheckTimeout: 15
models:
  tabby:
    proxy: http://127.0.0.1:5000
    cmd: python main.py
"""


@gateways
def test_llama_swap_waits_for_less_than_the_last_load_took(scene: Scene) -> None:
    behind(scene, "/etc/llama-swap.yaml", SWAP, ("llama-swap", "--config", "/etc/llama-swap.yaml"))
    scene.minutes, scene.log = [1.0, 0.7], [
        "INFO:     Loading model: models/tiny-exl3", "INFO:     Model successfully loaded.",
    ]  # fmt: skip
    finding = scene.examine().finding("RTR014")
    assert finding.evidence[0].source == "/etc/llama-swap.yaml:1"


@gateways
def test_llama_swaps_keyed_check_is_the_root(scene: Scene) -> None:
    text = SWAP.replace("15", "120") + "    checkEndpoint: /v1/models\n"
    behind(scene, "/etc/llama-swap.yaml", text, ("llama-swap", "--config", "/etc/llama-swap.yaml"))
    said = scene.examine()
    assert said.ids[0] == "RTR007"
    assert said.finding("RTR007").evidence[0].source == "/etc/llama-swap.yaml:6"
