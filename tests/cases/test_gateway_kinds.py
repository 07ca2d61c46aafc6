"""Traefik in its three forms, several files, and routers that a compose file describes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tabbydoctor.host.data import Listener, Process
from tabbydoctor.targets import Targets
from tests.routers.gateways.proxies import DEFAULTS, FRONT, KEYED, back
from tests.routers.gateways.sites import Site
from tests.routers.gateways.traefiks import EVERY, dynamic

from .scene import SERVER, TOKENS, Said, Scene, serving, told
from .test_gateways import behind

KEY, ADMIN = (line.partition(": ")[2] for line in TOKENS.splitlines())
STATIC = """\
entryPoints:
  web:
    address: ":8080"
{more}providers:
  file:
    directory: /etc/traefik/dynamic
"""
TRAEFIK = ("/usr/bin/traefik", "--configFile=/etc/traefik/traefik.yml")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.endpoint = serving()
    return scene


def filled(text: str) -> str:
    return text.replace("$KEY", KEY).replace("$ADMIN", ADMIN)


def everything(said: Said) -> set[str]:
    return {*said.ids, *(id for root in said.roots for id in root.explains)}


@pytest.mark.parametrize(
    ("path", "site"), EVERY, ids=lambda each: each.name if isinstance(each, Site) else each[-4:]
)
def test_traefik(path: str, site: Site, scene: Scene) -> None:
    behind(scene, path, filled(site.text), ("/usr/bin/traefik",))
    said = scene.examine()
    assert said.ids[:1] == list(site.roots[:1]) or site.name == "of the environment"
    for root in said.roots:
        for finding in said.findings(root.id):
            assert KEY not in told(finding)
            assert ADMIN not in told(finding)
            assert "fix --auth" not in told(finding)
            assert finding.evidence[0].source.startswith(f"{path}:") or root.id == "RTR009"


def started(scene: Scene, argv: tuple[str, ...]) -> None:
    """Found by what runs alone."""
    scene.processes = (SERVER, Process(400, argv, uid=0, cwd="/"))
    scene.listeners = (Listener("127.0.0.1", 5000, 1234), Listener("0.0.0.0", 8080, 400))


@pytest.mark.parametrize("key", [True, False])
def test_traefiks_static_file_leads_to_its_dynamic_one(scene: Scene, key: bool) -> None:
    scene.write("/etc/traefik/traefik.yml", STATIC.format(more=""))
    text = dynamic() if key else dynamic(key="")
    scene.write("/etc/traefik/dynamic/llm.yml", filled(text))
    started(scene, TRAEFIK)
    said = scene.examine()
    assert said.ids == ([] if key else ["RTR002"])
    if not key:
        (source, *_) = said.finding("RTR002").evidence
        assert source.source.startswith("/etc/traefik/dynamic/llm.yml:")


def test_the_middleware_of_an_entry_point_counts(scene: Scene) -> None:
    more = "    http:\n      middlewares: [key@file]\n"
    scene.write("/etc/traefik/traefik.yml", STATIC.format(more=more))
    text = dynamic().replace("      middlewares: [key]\n", "")
    scene.write("/etc/traefik/dynamic/llm.yml", filled(text))
    started(scene, TRAEFIK)
    assert scene.examine().ids == []


@pytest.mark.parametrize("limit", ["30s", "60", "1m"])
def test_an_entry_point_that_cuts_answers_off(scene: Scene, limit: str) -> None:
    more = f"    transport:\n      respondingTimeouts:\n        writeTimeout: {limit}\n"
    scene.write("/etc/traefik/traefik.yml", STATIC.format(more=more))
    scene.write("/etc/traefik/dynamic/llm.yml", filled(dynamic()))
    started(scene, TRAEFIK)
    finding = scene.examine().finding("RTR014")
    assert finding.evidence[0].source == "/etc/traefik/traefik.yml:6"


@pytest.mark.parametrize(
    "argv",
    [
        ("traefik", "--entrypoints.web.address=:8080", "--providers.file.directory=/srv/dynamic"),
        ("traefik", "--providers.file.filename=/srv/dynamic/llm.yml"),
    ],
)
def test_traefik_by_its_flags_alone(scene: Scene, argv: tuple[str, ...]) -> None:
    scene.write("/srv/dynamic/llm.yml", filled(dynamic(key="")))
    started(scene, argv)
    assert scene.examine().ids == ["RTR002"]


def test_a_middleware_that_is_nowhere_is_said(scene: Scene) -> None:
    text = filled(dynamic()).replace("middlewares: [key]", "middlewares: [key, elsewhere]")
    behind(scene, "/etc/traefik/dynamic/llm.yml", text, ("/usr/bin/traefik",))
    said = scene.examine()
    assert "elsewhere" in told(said.finding("RTR019"))


# -- several files of HAProxy's ------------------------------------------------------------------


@pytest.mark.parametrize("named", ["-f /etc/h/a.cfg -f /etc/h/b.cfg", "-f /etc/h"])
@pytest.mark.parametrize("keyed", [True, False])
def test_haproxy_of_several_files(scene: Scene, named: str, keyed: bool) -> None:
    scene.write("/etc/h/a.cfg", DEFAULTS + FRONT)
    scene.write("/etc/h/b.cfg", filled(back(*([KEYED] if keyed else []))))
    scene.write("/etc/h/ignored.txt", "defaults\n    timeout server 1s\n")
    started(scene, ("/usr/sbin/haproxy", "-Ws", *named.split()))
    said = scene.examine()
    assert said.ids == ([] if keyed else ["RTR002"])
    if not keyed:
        assert said.finding("RTR002").evidence[0].source.startswith("/etc/h/b.cfg:")


def test_what_the_files_before_set_holds_for_the_next(scene: Scene) -> None:
    scene.write("/etc/h/a.cfg", DEFAULTS.replace("server 600s", "server 50s") + FRONT)
    scene.write("/etc/h/b.cfg", filled(back(KEYED)))
    started(scene, ("/usr/sbin/haproxy", "-f", "/etc/h/a.cfg", "-f", "/etc/h/b.cfg"))
    finding = scene.examine().finding("RTR014")
    assert finding.evidence[0].source.startswith("/etc/h/a.cfg:")


# -- compose files --------------------------------------------------------------------------------

COMPOSE = """\
services:
  tabbyapi:
    image: ghcr.io/theroyallab/tabbyapi:latest
    ports: ["127.0.0.1:5000:5000"]
  {service}
"""
LITELLM = """\
model_list:
  - model_name: tiny
    litellm_params:
      model: openai/tiny-exl3
      api_base: http://tabbyapi:5000/v1
      api_key: {}
"""
NGINX = """\
server {{
    listen 8080;
    location /v1/ {{
        proxy_pass http://tabbyapi:5000;
        proxy_read_timeout 600s;
        {}
    }}
}}
"""
SERVICES = {
    "litellm": """proxy:
    image: ghcr.io/berriai/litellm:main
    command: ["--config", "/app/config.yaml"]
    volumes: ["./litellm.yaml:/app/config.yaml"]
    environment:
      TABBY_API_KEY: {key}""",
    "nginx": """front:
    image: nginx:1
    volumes:
      - ./conf.d:/etc/nginx/conf.d:ro""",
    "open-webui": """chat:
    image: ghcr.io/open-webui/open-webui:main
    environment:
      - OPENAI_API_BASE_URL=http://tabbyapi:5000/v1
      - OPENAI_API_KEY={key}""",
    "env": """chat:
    image: ghcr.io/open-webui/open-webui:main
    env_file: [webui.env]""",
    "sillytavern": """tavern:
    image: ghcr.io/sillytavern/sillytavern:latest
    volumes:
      - type: bind
        source: ./data
        target: /home/node/app/data""",
}
WRONG = "not-the-key-of-tabby"


def composed(scene: Scene, service: str, key: str) -> str:
    """A compose file with what it mounts; the file that is the router's."""
    text = COMPOSE.format(service=SERVICES[service].format(key=key))
    scene.write("/srv/llm/compose.yaml", text)
    scene.write("/srv/llm/litellm.yaml", LITELLM.format("os.environ/TABBY_API_KEY"))
    header = f'proxy_set_header Authorization "Bearer {key}";'
    scene.write("/srv/llm/conf.d/llm.conf", NGINX.format(header))
    variables = f"OPENAI_API_BASE_URLS=http://tabbyapi:5000/v1\nOPENAI_API_KEYS={key}\n"
    scene.write("/srv/llm/webui.env", variables)
    secrets = json.dumps({"api_key_tabby": [{"value": key, "active": True}]}, indent=4)
    scene.write("/srv/llm/data/default-user/secrets.json", secrets)
    scene.targets = Targets(router="/srv/llm/compose.yaml")
    return {
        "litellm": "/srv/llm/litellm.yaml",
        "nginx": "/srv/llm/conf.d/llm.conf",
        "open-webui": "/srv/llm/compose.yaml",
        "env": "/srv/llm/webui.env",
        "sillytavern": "/srv/llm/data/default-user/secrets.json",
    }[service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_compose_files_router_in_order(scene: Scene, service: str) -> None:
    composed(scene, service, KEY)
    assert everything(scene.examine()) <= {"RTR019", "RTR012", "RTR010"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_compose_files_router_with_another_key(scene: Scene, service: str) -> None:
    path = composed(scene, service, WRONG)
    said = scene.examine()
    assert said.ids[:1] == ["RTR005"]
    finding = said.finding("RTR005")
    assert WRONG not in told(finding)
    of_compose = service == "litellm"  # its file names the variable, which is set there
    assert ("/srv/llm/compose.yaml" if of_compose else path) in told(finding)


def test_an_unknown_variable_of_compose_is_not_concluded_from(scene: Scene) -> None:
    composed(scene, "litellm", "${TABBY_API_KEY}")
    assert "RTR009" not in everything(scene.examine())
    scene.write("/srv/llm/.env", f"TABBY_API_KEY={WRONG}\n")
    assert scene.examine().ids[:1] == ["RTR005"]


# -- containers -----------------------------------------------------------------------------------

ID = "4b1d" * 16


def in_container(scene: Scene, argv: tuple[str, ...], **more: object) -> None:
    """A process of a container of Docker's, in front of TabbyAPI."""
    scope = f"/system.slice/docker-{ID}.scope"
    process = Process(400, argv, uid=0, cwd="/app", cgroup=scope, **more)  # type: ignore[arg-type]
    scene.processes = (SERVER, process)
    scene.listeners = (Listener("127.0.0.1", 5000, 1234), Listener("0.0.0.0", 8080, 400))


@pytest.mark.parametrize("service", ["litellm", "nginx"])
def test_a_container_that_compose_made_is_read_by_its_file(scene: Scene, service: str) -> None:
    composed(scene, service, WRONG)
    scene.targets = Targets()
    labels = {
        "com.docker.compose.project.config_files": "/srv/llm/compose.yaml",
        "com.docker.compose.service": "front" if service == "nginx" else "proxy",
    }
    record = {"Name": "/llm", "Config": {"Labels": labels, "Image": service}}
    scene.write(f"/var/lib/docker/containers/{ID}/config.v2.json", json.dumps(record))
    in_container(scene, ("gateway", "--upstream", "http://127.0.0.1:5000"))
    assert scene.examine().ids[:1] == ["RTR005"]


def test_a_gateway_s_own_file_in_a_container(scene: Scene) -> None:
    text = LITELLM.format(WRONG).replace("tabbyapi:5000", "127.0.0.1:5000")
    scene.write("/proc/400/root/app/config.yaml", text)
    argv = ("/usr/bin/python3", "/usr/bin/litellm", "--config", "/app/config.yaml")
    in_container(scene, (*argv, "http://127.0.0.1:5000"))
    said = scene.examine()
    assert said.ids[:1] == ["RTR005"]
    assert "/proc/400/root/app/config.yaml" in told(said.finding("RTR005"))


def test_open_webui_by_the_environment_of_its_process(scene: Scene) -> None:
    given = {"OPENAI_API_BASE_URL": "http://127.0.0.1:5000/v1", "OPENAI_API_KEY": WRONG}
    text = "\0".join(f"{name}={value}" for name, value in given.items()) + "\0"
    scene.write("/proc/400/environ", text)
    in_container(scene, ("python3", "-m", "uvicorn", "open_webui.main:app"), environment=given)
    said = scene.examine()
    assert said.ids[:1] == ["RTR005"]
    assert WRONG not in told(said.finding("RTR005"))
