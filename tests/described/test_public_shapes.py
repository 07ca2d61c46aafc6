"""Descriptions in the shapes that people publish: what is found in each, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tabbydoctor import plugins
from tabbydoctor.api import Severity
from tabbydoctor.diagnosis.report import CheckResult
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.examination import facts_of
from tabbydoctor.examination.described import of_descriptions
from tabbydoctor.host.local import LocalHost
from tabbydoctor.targets import Targets

KEY = "9f86d081884c7d659a2feaa0c55ad015"
OPEN = "network:\n  host: 0.0.0.0\n  port: 5000\n  disable_auth: true\n"
CLOSED = "network:\n  host: 0.0.0.0\n  port: 5000\n"
LOOPBACK = "network:\n  host: 127.0.0.1\n  port: 5000\n"
FILES = "      - ./config.yml:/app/config.yml\n      - ./api_tokens.yml:/app/api_tokens.yml\n"


def results(directory: Path, name: str, text: str, config: str | None) -> dict[str, CheckResult]:
    """What each check of descriptions says."""
    file = directory / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(text)
    if config is not None:
        (directory / "config.yml").write_text(config)

    async def run() -> tuple[CheckResult, ...]:
        facts = facts_of(LocalHost(), Targets(deployment=str(file)))
        try:
            return await run_checks(of_descriptions(plugins.checks()), facts, 60)
        finally:
            await facts.close()

    found = asyncio.run(run())
    assert not [one.reason for one in found if one.status == "crashed"]
    return {one.check.id: one for one in found}


def told(found: dict[str, CheckResult]) -> set[str]:
    """The ids of errors and warnings."""
    return {
        id
        for id, one in found.items()
        if any(finding.severity is not Severity.INFO for finding in one.findings)
    }


def service(*lines: str, ports: str = '"5000:5000"', volumes: str = FILES) -> str:
    """One TabbyAPI with a GPU, its files mounted, and further lines."""
    published = f"    ports:\n      - {ports}\n" if ports else ""
    mounted = f"    volumes:\n      - ./models:/app/models\n{volumes}"
    own = "".join(f"    {line}\n" for line in lines)
    image = "    image: ghcr.io/theroyallab/tabbyapi:latest\n    gpus: all\n"
    return f"services:\n  tabbyapi:\n{image}{published}{mounted}{own}"


RESERVED = """\
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: all
              capabilities: [gpu]
"""
NO_GPU = service().replace("    gpus: all\n", "")
BESIDE = """\
  webui:
    image: ghcr.io/open-webui/open-webui:main
    ports: ["3000:8080"]
    environment:
      - OPENAI_API_BASE_URL={url}
      - OPENAI_API_KEY={key}
    depends_on:
      tabbyapi:
        condition: service_healthy
"""
QUADLET = """\
[Unit]
Description=TabbyAPI
After=network-online.target

[Container]
ContainerName=tabbyapi
Image=ghcr.io/theroyallab/tabbyapi:cu13
AddDevice=nvidia.com/gpu=all
SecurityLabelDisable=true
PublishPort={port}
Volume=%h/tabby/config.yml:/app/config.yml:Z
Volume=%h/tabby/api_tokens.yml:/app/api_tokens.yml:Z
{more}
[Install]
WantedBy=default.target
"""
DOCKERFILE = """\
FROM nvidia/cuda:12.8.1-runtime-ubuntu24.04 AS base
RUN apt-get update && apt-get install -y git python3-pip \\
    && git clone https://github.com/theroyallab/tabbyAPI /app
WORKDIR /app
{more}
EXPOSE 5000
ENTRYPOINT ["python3"]
CMD ["main.py", "--host", "0.0.0.0"]
"""


def quadlet(*more: str, port: str = "127.0.0.1:5000:5000") -> str:
    return QUADLET.format(port=port, more="".join(f"{line}\n" for line in more))


SHAPES: dict[str, tuple[str, str, str | None, set[str]]] = {
    "the project's own": (
        "docker-compose.yml",
        service(
            "healthcheck:", '  test: ["CMD", "curl", "-f", "http://127.0.0.1:5000/health"]',
            "environment:", "  - NAME=TabbyAPI", "  - NVIDIA_VISIBLE_DEVICES=all",
            volumes="",
        ),
        None,
        {"CTR013"},
    ),
    "with all of its files": ("compose.yaml", service(), CLOSED, set()),
    "devices reserved": ("compose.yaml", NO_GPU + RESERVED, CLOSED, set()),
    "the nvidia runtime": ("compose.yaml", f"{NO_GPU}    runtime: nvidia\n", CLOSED, set()),
    "the CDI device": (
        "compose.yaml", f"{NO_GPU}    devices:\n      - nvidia.com/gpu=all\n", CLOSED, set(),
    ),
    "no GPU at all": ("compose.yaml", NO_GPU, CLOSED, {"CTR012"}),
    "a variable for a GPU": (
        "compose.yaml", f"{NO_GPU}    environment:\n      NVIDIA_VISIBLE_DEVICES: all\n", CLOSED,
        {"CTR012"},
    ),
    "a test server without a model": (
        "compose.yaml", f"{NO_GPU}    environment:\n      TABBY_DEVELOPER_UNSAFE_LAUNCH: 'true'\n",
        CLOSED, set(),
    ),
    "open by its file": ("compose.yaml", service(), OPEN, {"CTR010"}),
    "open by its file, on loopback": (
        "compose.yaml", service(ports="127.0.0.1:5000:5000"), OPEN, set(),
    ),
    "open by its file, not published": ("compose.yaml", service(ports=""), OPEN, set()),
    "open by a variable": (
        "compose.yaml", service("environment:", "  TABBY_NETWORK_DISABLE_AUTH: true"), CLOSED,
        {"CTR010"},
    ),
    "closed by a variable": (
        "compose.yaml", service("environment:", "  TABBY_NETWORK_DISABLE_AUTH: false"), OPEN,
        set(),
    ),
    "open by an argument": (
        "compose.yaml", service("command: main.py --host 0.0.0.0 --disable-auth true"), CLOSED,
        {"CTR010"},
    ),
    "open with the machine's network": (
        "compose.yaml", service("network_mode: host", ports=""), OPEN, {"CTR010"},
    ),
    "open at an address of the LAN": (
        "compose.yaml", service(ports="192.168.1.10:8080:5000"), OPEN, {"CTR010"},
    ),
    "open, the long form of a port": (
        "compose.yaml",
        service("ports:", "  - target: 5000", "    published: 5000", ports=""), OPEN, {"CTR010"},
    ),
    "open on loopback by a default": (
        "compose.yaml", service(ports='"${BIND:-127.0.0.1}:5000:5000"'), OPEN, set(),
    ),
    "open everywhere by a default": (
        "compose.yaml", service(ports='"${BIND:-0.0.0.0}:${PORT}:5000"'), OPEN, {"CTR010"},
    ),
    "open at IPv6's loopback": ("compose.yaml", service(ports='"[::1]:5000:5000"'), OPEN, set()),
    "bound to its loopback by its command": (
        "compose.yaml", service("command: [main.py, --host, 127.0.0.1]"), CLOSED, {"CTR016"},
    ),
    "a loopback that the image may beat": ("compose.yaml", service(), LOOPBACK, set()),
    "published to the wrong port": ("compose.yaml", service(ports="8000:8000"), CLOSED, {"CTR016"}),
    "another port outside": ("compose.yaml", service(ports="8000:5000"), CLOSED, set()),
    "a health check by HEAD": (
        "compose.yaml",
        service("healthcheck:", "  test: wget -q --spider http://localhost:5000/health"), CLOSED,
        {"CTR014"},
    ),
    "a health check of the port outside": (
        "compose.yaml",
        service("healthcheck:", "  test: curl -f http://localhost:8000/health",
                ports="8000:5000"),
        CLOSED, {"CTR014"},
    ),
    "a health check without a key": (
        "compose.yaml",
        service("healthcheck:", "  test: curl -f http://localhost:5000/v1/models"), CLOSED,
        {"CTR014"},
    ),
    "a health check without a key, none asked for": (
        "compose.yaml",
        service("healthcheck:", "  test: curl -f http://localhost:5000/v1/models",
                ports="127.0.0.1:5000:5000"),
        OPEN, set(),
    ),
    "a health check with Python": (
        "compose.yaml",
        service("healthcheck:", '  test: ["CMD", "python3", "-c", "import urllib.request as u; '
                "u.urlopen('http://127.0.0.1:5000/health')\"]"),
        CLOSED, set(),
    ),
    "a health check that is off": (
        "compose.yaml", service("healthcheck:", "  disable: true"), CLOSED, set(),
    ),
    "a front end beside it": (
        "compose.yaml",
        service() + BESIDE.format(url="http://tabbyapi:5000/v1", key="${TABBY_KEY}"), CLOSED, set(),
    ),
    "a front end that asks its own localhost": (
        "compose.yaml",
        service() + BESIDE.format(url="http://localhost:5000/v1", key="${TABBY_KEY:?}"), CLOSED,
        {"CTR015"},
    ),
    "a front end that asks the machine": (
        "compose.yaml",
        service() + BESIDE.format(url="http://host.docker.internal:5000/v1", key="$TABBY_KEY"),
        CLOSED, {"CTR015"},
    ),
    "a front end that knows the machine": (
        "compose.yaml",
        service() + BESIDE.format(url="http://host.docker.internal:5000/v1", key="${K-none}")
        + '    extra_hosts: ["host.docker.internal:host-gateway"]\n',
        CLOSED, set(),
    ),
    "a key in plain text": (
        "compose.yaml", service() + BESIDE.format(url="http://tabbyapi:5000/v1", key=KEY), CLOSED,
        {"CTR011"},
    ),
    "a placeholder for a key": (
        "compose.yaml",
        service() + BESIDE.format(url="http://tabbyapi:5000/v1", key="sk-no-key-required"), CLOSED,
        set(),
    ),
    "its directory in a volume": (
        "compose.yaml", service(volumes="      - tabby:/app\n") + "volumes:\n  tabby:\n", None,
        set(),
    ),
    "a program of its own": (
        "compose.yaml",
        service('entrypoint: ["/app/start_tabbyapi.sh"]',
                volumes="      - ./start_tabbyapi.sh:/app/start_tabbyapi.sh\n"),
        None, set(),
    ),
    "an anchor, and extensions": (
        "compose.yaml",
        "x-restart: &restart\n  restart: unless-stopped\n"
        + service().replace("    gpus", "    <<: *restart\n    gpus"),
        CLOSED, set(),
    ),
    "a quadlet": ("tabbyapi.container", quadlet(), None, set()),
    "a quadlet, open": (
        "tabbyapi.container",
        quadlet("Environment=TABBY_NETWORK_DISABLE_AUTH=true", port="5000:5000"), None, {"CTR010"},
    ),
    "a quadlet, open on loopback": (
        "tabbyapi.container", quadlet('Environment="TABBY_NETWORK_DISABLE_AUTH=true"'), None, set(),
    ),
    "a quadlet without a GPU": (
        "tabbyapi.container", quadlet().replace("AddDevice=nvidia.com/gpu=all\n", ""), None,
        {"CTR012"},
    ),
    "a quadlet, a GPU by its arguments": (
        "tabbyapi.container",
        quadlet("PodmanArgs=--gpus all").replace("AddDevice=nvidia.com/gpu=all\n", ""), None, set(),
    ),
    "a quadlet whose keys are not kept": (
        "tabbyapi.container",
        quadlet().replace("Volume=%h/tabby/api_tokens.yml:/app/api_tokens.yml:Z\n", ""), None,
        {"CTR013"},
    ),
    "a quadlet's health check": (
        "tabbyapi.container", quadlet("HealthCmd=curl -fI http://localhost:5000/health"), None,
        {"CTR014"},
    ),
    "a quadlet with a key": (
        "tabbyapi.container", quadlet(f"Environment=HF_TOKEN=hf_{KEY}"), None, {"CTR011"},
    ),
    "a Dockerfile": ("Dockerfile", DOCKERFILE.format(more="COPY . ."), None, set()),
    "a Dockerfile with a key": (
        "Dockerfile", DOCKERFILE.format(more=f"ENV HF_TOKEN={KEY}"), None, {"CTR011"},
    ),
    "a Dockerfile with the tokens": (
        "Dockerfile.cu13", DOCKERFILE.format(more="COPY config.yml api_tokens.yml /app/"), None,
        {"CTR011"},
    ),
    "a Dockerfile's health check": (
        "Containerfile",
        DOCKERFILE.format(
            more="HEALTHCHECK --interval=30s \\\n  CMD wget --spider http://localhost:5000/health"
        ),
        None, {"CTR014"},
    ),
    "a Dockerfile's good health check": (
        "Dockerfile",
        DOCKERFILE.format(more="HEALTHCHECK CMD curl -f http://localhost:5000/health || exit 1"),
        None, set(),
    ),
    "a Dockerfile on its image": (
        "Dockerfile",
        "FROM ghcr.io/theroyallab/tabbyapi:cu13\nRUN apt-get install -y python3-dev\n",
        None, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_found_in_it(tmp_path: Path, shape: str) -> None:
    name, text, config, expected = SHAPES[shape]
    assert told(results(tmp_path, name, text, config)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  db:\n    image: postgres\n",
        "services:\n  tabby:\n    image: tabbyml/tabby\n    command: serve --port 8080\n",
        "services:\n  tabby-router:\n    image: example/tabbyapi-router\n",
        "services: []\n",
        "- a\n- list\n",
        "services: {tabbyapi: [1, 2]}\n",
        "FROM python:3.12\nCMD python app.py\n",
        "[Container]\nImage=docker.io/library/redis\n",
        "",
        "\x00",
        "a: &a [*a]\n",
    ],
)
def test_nothing_of_tabbyapi_is_judged(tmp_path: Path, text: str) -> None:
    found = results(tmp_path, "compose.yaml" if "FROM" not in text else "Dockerfile", text, None)
    assert told(found) == set()
    servers = [one for id, one in found.items() if id != "CTR011"]
    assert {one.status for one in servers} <= {"skipped", "unknown"}


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    text = service() + BESIDE.format(url="http://tabbyapi:5000/v1", key=KEY)
    assert KEY not in str(
        [one.findings for one in results(tmp_path, "c.yml", text, CLOSED).values()]
    )


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    """Whether it asks for a key is told by a file that is not here."""
    found = results(tmp_path, "compose.yaml", service(), None)["CTR010"]
    assert found.status == "unknown"
    assert "config.yml" in (found.reason or "")
    by_variable = service("env_file: .env", volumes="")
    found = results(tmp_path, "compose.yaml", by_variable, None)["CTR010"]
    assert (found.status, "env_file" in (found.reason or "")) == ("unknown", True)


def test_a_configuration_where_a_variable_says(tmp_path: Path) -> None:
    text = service(volumes="      - ./${WHERE}/config.yml:/app/config.yml\n")
    found = results(tmp_path, "compose.yaml", text, None)["CTR010"]
    assert (found.status, "a variable" in (found.reason or "")) == ("unknown", True)


def test_each_finding_names_its_line(tmp_path: Path) -> None:
    found = results(tmp_path, "compose.yaml", service(), OPEN)["CTR010"].findings[0]
    assert [one.source.rpartition("/")[2] for one in found.evidence] == [
        "config.yml:4", "compose.yaml:6",
    ]  # fmt: skip


def test_variables_of_the_env_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BIND=127.0.0.1\n")
    text = service(ports='"${BIND}:5000:5000"')
    assert told(results(tmp_path, "compose.yaml", text, OPEN)) == set()
    (tmp_path / ".env").write_text("BIND=0.0.0.0\n")
    assert told(results(tmp_path, "compose.yaml", text, OPEN)) == {"CTR010"}
    (tmp_path / ".env").unlink()
    assert results(tmp_path, "compose.yaml", text, OPEN)["CTR010"].status == "unknown"
