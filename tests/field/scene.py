"""A reported deployment, built anew from its description: a whole doctor over a scratch machine."""

from __future__ import annotations

import asyncio
import io
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tabbydoctor import __version__, plugins
from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.diagnosis.causes import roots, with_causes
from tabbydoctor.diagnosis.finding import Severity
from tabbydoctor.diagnosis.report import Report
from tabbydoctor.diagnosis.runner import run_checks
from tabbydoctor.diagnosis.verdict import exit_code
from tabbydoctor.examination import NothingToExamine, facts_of, require_something
from tabbydoctor.examination.deployment import deployment_document, notes
from tabbydoctor.host.data import CommandResult, HttpAnswer, Listener, NvmlGpu, NvmlState, Process
from tabbydoctor.reports.redacted import redacted
from tabbydoctor.reports.terminal import TerminalReporter
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tests.cases.scene import (
    CONFIG,
    IVAN,
    NOW,
    RUNNING,
    SERVER,
    STOPPED,
    TABBY,
    TOKENS,
    Scene,
    failed,
    refusing,
)
from tests.gpu.models import GIB, write_weights
from tests.scratch_host import ScratchHost

DRIVER = "580.95.05"
CONTAINER = f"/system.slice/docker-{'4e' * 32}.scope"
_STATES = {"running": RUNNING, "stopped": STOPPED, "failed": failed(1)}
_KERNEL = "6.1.0-18-amd64"
_TREE = {
    "/proc/sys/kernel/osrelease": f"{_KERNEL}\n",
    "/proc/devices": "Character devices:\n195 nvidia-frontend\n234 nvidia-uvm\n",
    "/proc/driver/nvidia/version": f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {DRIVER}\n",
    "/sys/module/nvidia/version": f"{DRIVER}\n",
    "/sys/module/nvidia/initstate": "live\n",
    "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
    "/sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1": "",
}


@dataclass(frozen=True, slots=True)
class Output:
    """What a reader sees of one `check`."""

    text: str
    """As it prints to a pipe, without the scratch directory's name."""
    roots: tuple[str, ...] = ()
    """The ids that it names first."""
    remedy: str = ""
    """The title of the first remedy of the first of them."""


@dataclass
class FieldScene(Scene):
    """The machine of a report."""

    gpus: tuple[NvmlGpu, ...] = ()

    @property
    def host(self) -> ScratchHost:
        host = super().host
        library = f"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{DRIVER}"
        state = NvmlState(library, driver=DRIVER, nvml=DRIVER, cuda=(13, 0), gpus=self.gpus)
        host.nvml = lambda: state  # type: ignore[method-assign]
        return host

    def check(self) -> Output:
        """What `check` says."""
        try:
            report = redacted(asyncio.run(self._report()))
        except NothingToExamine as reason:
            return Output(f"{reason}\n")
        crashed = [one.check.id for one in report.results if one.status == "crashed"]
        assert not crashed, crashed
        stream = io.StringIO()
        TerminalReporter().write(report, stream, verbose=False)
        text = stream.getvalue().replace(str(self.root), "")
        return Output(text, tuple(one.id for one in report.roots), _first_remedy(report))

    async def _report(self) -> Report:
        facts = facts_of(self.host, self.targets)
        facts.provide(Machine, Machine(systemd=True, systemd_version=252, root=True))
        if self.endpoint:
            facts.provide(Endpoint, self.endpoint)
        until = asyncio.get_running_loop().time() + 60
        try:
            await require_something(self.host, facts, self.targets, until)
            results = with_causes(await run_checks(plugins.checks(), facts, 60))
            document = await deployment_document(facts, self.targets, until)
            shown = roots(results)
            code = exit_code(results, "error")
            count = len(plugins.checks())
            return Report(
                __version__, "", 0, document, results, shown, code, count, notes(facts), "ivan-pc"
            )
        finally:
            await facts.close()


def _first_remedy(report: Report) -> str:
    """The title of the first remedy of the gravest root; empty where nothing is to be done."""
    faults = [
        one
        for root in report.roots[:1]
        for result in report.results
        if result.check.id == root.id
        for one in result.findings
        if one.severity is not Severity.INFO
    ]
    return faults[0].remedies[0].title if faults and faults[0].remedies else ""


def build(root: Path, said: dict[str, Any]) -> FieldScene:
    """The machine that the `[scene]` of a report describes."""
    scene = FieldScene(root, skip="")
    if "release" in said:
        standin.install(root / TABBY[1:], release=said["release"])
    scene.unit = said.get("unit", scene.unit)
    scene.commands = {"df": _disk}
    scene.state = _STATES[said.get("state", "running")]
    scene.log = said.get("log", ())
    scene.write(f"{TABBY}/config.yml", said.get("config", CONFIG))
    for name, written in said.get("files", {}).items():
        scene.write(name if name.startswith("/") else f"{TABBY}/{name}", written)
    _packages(scene, said.get("packages", ()))
    for model in said.get("models", ()):
        _model(scene, **model)
    _gpus(scene, said.get("gpus", ()))
    _serve(scene, said)
    if said.get("container"):
        _contain(scene, said)
    return scene


def _disk(argv: tuple[str, ...]) -> CommandResult:
    if "--output=itotal" in argv:
        return CommandResult(argv, 0, "Inodes\n60000000\n")
    return CommandResult(argv, 0, "Avail IFree Mounted on\n400000000 50000000 /\n")


def _packages(scene: Scene, packages: tuple[str, ...]) -> None:
    library = f"{TABBY}/venv/lib/python3.11/site-packages"
    for package in packages:
        name, _, version = package.partition("-")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        scene.write(f"{library}/{package}.dist-info/METADATA", metadata)
        if name == "torch":
            _, _, build = version.partition("+")
            number = build[2:].replace("rocm", "")
            cuda = f"'{number[:-1]}.{number[-1]}'" if build.startswith("cu") else None
            hip = f"'{build[4:]}'" if build.startswith("rocm") else None
            lines = f"__version__ = '{version}'\ncuda = {cuda}\nhip = {hip}\n"
            scene.write(f"{library}/torch/version.py", lines)


def _model(scene: Scene, name: str, gib: int = 1, **config: Any) -> None:
    directory = f"{TABBY}/models/{name}"
    usual = {
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 32768,
        "quantization_config": {"quant_method": "exl3"},
    }
    scene.write(f"{directory}/config.json", json.dumps({**usual, **config}))
    scene.write(f"{directory}/tokenizer_config.json", '{"chat_template": "{{ messages }}"}')
    scene.write(f"{directory}/tokenizer.json", "{}")
    scene.write(f"{directory}/model.safetensors", "")
    write_weights(
        scene.root / f"{directory}/model.safetensors"[1:],
        {"model.layers.0.mlp.up_proj.trellis": gib * GIB},
    )


def _gpus(scene: FieldScene, gpus: tuple[dict[str, Any], ...]) -> None:
    for path, content in _TREE.items() if gpus else ():
        scene.write(path, content)
    nodes = [("nvidiactl", 195, 255), ("nvidia-uvm", 234, 0)]
    for index, gpu in enumerate(gpus):
        major, minor = gpu.get("capability", (8, 6))
        total, free = gpu.get("gib", 24) * GIB, int(gpu.get("free", 23.5) * GIB)
        nodes.append((f"nvidia{index}", 195, index))
        scene.gpus += (
            NvmlGpu(
                index, gpu.get("name", "NVIDIA GeForce RTX 3090"), f"GPU-{index:08d}", index,
                f"00000000:{index + 1:02X}:00.0", (major, minor), total, free,
            ),
        )  # fmt: skip
    for name, major, minor in nodes if gpus else ():
        target = scene.root / "dev" / name
        target.parent.mkdir(exist_ok=True)
        os.mknod(target, 0o020666, os.makedev(major, minor))
        target.chmod(0o666)


def _serve(scene: FieldScene, said: dict[str, Any]) -> None:
    host, port = said.get("host", "127.0.0.1"), said.get("port", 5000)
    if said.get("state", "running") != "running":
        scene.endpoint = refusing()
        return
    scene.processes = (replace(SERVER, environment={}, groups=(IVAN.gid,)),)
    scene.listeners = (Listener(host, port, SERVER.pid),)
    url = f"http://127.0.0.1:{port}"
    model = said.get("loaded", "tiny-exl3")
    body = json.dumps({"id": model}) if model else '{"detail":"No models are currently loaded."}'
    info = HttpAnswer(url, status=200, body=b'{"software": {"name": "TabbyAPI"}}')
    refused = {"status": 401, "body": '{"detail":"Please provide an API key"}'}
    listed = {"status": 200, "body": json.dumps({"data": [{"id": model}] if model else []})}
    permission = {"status": 200, "body": '{"permission":"api"}'}
    answers = {
        "/health none": {"status": 200, "body": '{"status":"healthy","issues":[]}'},
        "/v1/models none": refused,
        "/v1/models api_key": listed,
        "/v1/auth/permission none": refused,
        "/v1/auth/permission api_key": permission,
        "/v1/model api_key": {"status": 200 if model else 503, "body": body},
    }
    if said.get("auth") is False:
        answers["/v1/models none"] = listed
        answers["/v1/auth/permission none"] = {"status": 200, "body": '{"permission":"admin"}'}
    table: dict[Any, HttpAnswer] = {}
    for cell, answer in {**answers, **said.get("answers", {})}.items():
        path, credential = cell.split()
        body = answer.get("body", "")
        table[path, credential] = HttpAnswer(
            f"{url}{path}", status=answer["status"], body=body.encode()
        )
    address = Address(
        url, f"{host}:{port}", "the effective configuration", process_listens=True,
        listens=(f"{host}:{port}",),
    )  # fmt: skip
    scene.endpoint = Endpoint(address, True, "tabbyapi", info, table, asked_at=NOW)


def _contain(scene: FieldScene, said: dict[str, Any]) -> None:
    """No unit: the server is the first process of a container, with its files inside."""
    scene.state = {"LoadState": "not-found", "ActiveState": "inactive"}
    scene.processes = ()
    scene.listeners = ()
    inside = f"/proc/161/root/{said.get('directory', 'app')}"
    if said.get("state", "running") == "running":
        environment = said.get("environment", {})
        scene.processes = (
            Process(161, (said.get("python", "python3"), "main.py"), uid=0, cwd="/app",
                    cgroup=CONTAINER, parent=1, environment=environment,
                    started=time.time() - 600),
        )  # fmt: skip
        for name in ("common/config_models.py", "main.py"):
            scene.write(f"{inside}/{name}", "")
        scene.write(f"{inside}/config.yml", said.get("config", CONFIG))
        scene.write(f"{inside}/api_tokens.yml", TOKENS, 0o600)
        scene.write(f"{inside}/logs/run.log", "\n".join(said.get("log", ())) + "\n")
    record = {
        "Name": "/tabbyapi",
        "Config": {"Image": "ghcr.io/theroyallab/tabbyapi:latest"},
        "State": {"Running": bool(scene.processes), "ExitCode": 0 if scene.processes else 1},
    }
    home = f"/var/lib/docker/containers/{'4e' * 32}"
    scene.write(f"{home}/config.v2.json", json.dumps(record), 0o600)
    if not scene.processes:
        at = {"stream": "stderr", "time": "2026-05-01T10:00:00Z"}
        lines = [json.dumps({"log": f"{line}\n", **at}) for line in said.get("log", ())]
        scene.write(f"{home}/{'4e' * 32}-json.log", "\n".join(lines), 0o640)
    if scene.processes:
        own = {f"/home/ivan/{name}": f"/app/{name}" for name in ("config.yml", "api_tokens.yml")}
        _mounts(scene, {**own, **said.get("mounts", {})})


def _mounts(scene: Scene, mounts: Mapping[str, str]) -> None:
    """What of the machine is mounted where, and the namespaces of the two."""
    rows = ["590 574 0:40 / / rw - overlay overlay rw,lowerdir=/x"]
    rows += [f"{600 + n} 590 8:1 {outside} {inside} rw - ext4 /dev/sda1 rw"
             for n, (outside, inside) in enumerate(mounts.items())]  # fmt: skip
    scene.write("/proc/161/mountinfo", "\n".join(rows))
    scene.write("/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    for pid, name in (("161", "net:[4026532290]"), ("self", "net:[4026531840]")):
        link = scene.root / f"proc/{pid}/ns/net"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(name)
    words = ("/usr/bin/docker-proxy", "-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "5000",
             "-container-ip", "172.17.0.2", "-container-port", "5000")  # fmt: skip
    scene.processes = (*scene.processes, Process(199, words, uid=0))
    scene.listeners = (*scene.listeners, Listener("0.0.0.0", 5000, 199))
