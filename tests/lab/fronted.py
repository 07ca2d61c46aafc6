"""Routers that only a front helps: in other languages, or in a Python that cannot be wired."""

from __future__ import annotations

from tests.lab.deployment import DATA, Deployment

UNIT = """\
[Unit]
Description=LLM router
After=network.target tabbyapi.service

[Service]
User=router
{settings}
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
ROUTERS = (
    "node-variable", "node-literal", "go-variable", "go-argument", "go-literal", "c-argument",
    "stripped", "python-refused",
)  # fmt: skip
"""By what they are and where they have TabbyAPI's address from."""
MOVES = ("stripped", "go-literal")
"""Those whose address is found nowhere: TabbyAPI moves."""
_HOME = "/opt/llm-router"


def lay_out(deployment: Deployment, router: str) -> None:
    """In the place of the deployment's router, under an account of its own that reads no tokens."""
    machine = deployment.machine
    machine.useradd("router", shell="/usr/sbin/nologin")
    machine.useradd("mallory")
    settings = _settings(deployment, router)
    machine.unit("llm-router.service", UNIT.format(settings="\n".join(settings)))


def _settings(deployment: Deployment, router: str) -> list[str]:
    if router.startswith("node"):
        source = (DATA / "node.js.txt").read_text()
        deployment.machine.write(f"{_HOME}/server.js", source)
        settings = [f"ExecStart=/usr/bin/node {_HOME}/server.js"]
        return settings + ["Environment=BACKEND_URL=http://localhost:5000"] * router.endswith(
            "variable"
        )
    if router.startswith("go"):
        _build_go(deployment)
        argument = " --backend http://127.0.0.1:5000" if router == "go-argument" else ""
        settings = [f"ExecStart={_HOME}/router{argument}"]
        return settings + ["Environment=TABBY_URL=http://localhost:5000"] * router.endswith(
            "variable"
        )
    if router == "python-refused":
        source = (DATA / "refused.py.txt").read_text()
        deployment.machine.write(f"{_HOME}/router.py", source)
        deployment.machine.write("/etc/llm-router.env", "BACKEND=http://127.0.0.1:5000\n")
        return [
            f"ExecStart=/usr/bin/python3 {_HOME}/router.py",
            "EnvironmentFile=/etc/llm-router.env",
        ]
    _compile(deployment)
    argument = " --backend=127.0.0.1:5000" if router == "c-argument" else ""
    return [f"ExecStart={_HOME}/router{argument}"]


def _build_go(deployment: Deployment) -> None:
    """Static, with a resolver of Go's own, and stripped; nothing is downloaded."""
    machine, source = deployment.machine, f"{_HOME}/router.go"
    machine.write(source, (DATA / "go.go.txt").read_text())
    build = ["go", "build", "-ldflags=-s -w", "-o", f"{_HOME}/router", source]
    settings = ["HOME=/tmp", "CGO_ENABLED=0", "GO111MODULE=off", "GOTOOLCHAIN=local"]
    machine.run(["env", *settings, *build])
    machine.remove(source)


def _compile(deployment: Deployment) -> None:
    machine, source = deployment.machine, (DATA / "bytes.c.txt").read_text()
    machine.write(f"{_HOME}/router.c", source)
    machine.run(["gcc", "-s", "-O1", "-o", f"{_HOME}/router", f"{_HOME}/router.c"])
    machine.remove(f"{_HOME}/router.c")
