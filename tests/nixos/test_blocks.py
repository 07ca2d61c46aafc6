"""What is printed in place of an edit: a real Nix reads it, and it says what was meant."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tabbydoctor.api import Remedy
from tabbydoctor.deployment.parts import Instance, RouterSite
from tabbydoctor.deployment.unit import EnvironmentFile, Unit
from tabbydoctor.gpu.driver import DeviceNodes
from tabbydoctor.gpu.need import GpuNeed
from tabbydoctor.host import Group
from tabbydoctor.nixos.by_rebuild import THEN, by_rebuild, to_paste
from tabbydoctor.nixos.key_lines import key_lines
from tabbydoctor.nixos.one_block import one_block
from tabbydoctor.nixos.service import (
    environment_line,
    forced_line,
    option_lines,
    without_variable_line,
)
from tabbydoctor.redaction import redact
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.reports.page import Page
from tabbydoctor.routers import RouterReading
from tabbydoctor.tabbyapi.probes import Address
from tests.checks.gpu.machine_tree import TreeHost, loaded, usual_nodes
from tests.lab.deployment import DATA
from tests.remedies.scene import ROOT, SERVICE, Scene, make

from .nix import evaluate, needs_nix
from .test_nix_text import HARD, TEXTS

STORE = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz"
HOME = "/var/lib/tabbyapi"
pytestmark = needs_nix


def value(text: str, scratch: Path) -> Any:
    """Of a module's body, with a `lib` that overrides nothing."""
    return evaluate("let lib.mkForce = x: x; in {\n" + text + "\n}", scratch)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """It lies where the service's account can come at it; pytest's directories are closed to it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        made = make(Path(name) / "scene")
        made.machine = replace(made.machine, nixos=True)
        yield made


def refused(scene: Scene, id: str, scratch: Path) -> Any:
    """The value of the block that the remedy prints; it changes no file."""
    before = scene.snapshot()
    with pytest.raises(CannotFix, match=r"configuration\.nix") as refusal:
        scene.draft(id)
    assert scene.snapshot() == before
    return value(refusal.value.manual, scratch)


def with_nodes(scene: Scene, scratch: Path) -> None:
    group = Group("accel", 4400)
    scene.groups = (Group("root", 0), Group("tabby", SERVICE.gid), group)
    nodes = usual_nodes(loaded(TreeHost(scratch)), 0o660, group.gid).nodes()
    scene.given = {GpuNeed: GpuNeed("a test"), DeviceNodes: nodes}


def printed(scene: Scene, id: str, scratch: Path) -> list[str]:
    """The lines for a finding that no remedy repairs, which are Nix."""
    (finding,) = scene.findings(id)
    text = one_block(["\n".join(to_paste(finding.remedies))])
    value(text, scratch)
    return text.splitlines()


def service(said: Mapping[str, Any], name: str = "tabbyapi") -> Any:
    return said["systemd"]["services"][name]["serviceConfig"]


def test_the_group_of_the_nodes(scene: Scene, tmp_path: Path) -> None:
    with_nodes(scene, tmp_path)
    assert "accel" in str(refused(scene, "GRP001", tmp_path))


def test_the_nodes_in_a_sandbox(scene: Scene, tmp_path: Path) -> None:
    with_nodes(scene, tmp_path)
    scene.properties = {"PrivateDevices": "yes", "DevicePolicy": "closed"}
    assert service(refused(scene, "GRP003", tmp_path))["PrivateDevices"] in ("no", ["no"])


def test_a_sandbox(scene: Scene, tmp_path: Path) -> None:
    scene.properties = {"MemoryDenyWriteExecute": "yes", "ProcSubset": "pid"}
    said = service(refused(scene, "SVC012", tmp_path))
    assert set(said) == {"MemoryDenyWriteExecute", "ProcSubset"}


def test_a_secret_in_the_environment(scene: Scene, tmp_path: Path) -> None:
    scene.properties = {"Environment": "HF_TOKEN=hf_0123456789"}
    said = refused(scene, "SVC008", tmp_path)
    assert service(said)["EnvironmentFile"]
    assert said["systemd"]["services"]["tabbyapi"]["environment"] == {"HF_TOKEN": None}


def test_an_environment_file_that_is_missing(scene: Scene, tmp_path: Path) -> None:
    file = EnvironmentFile("/etc/tabbyapi.env", False, problem="no such file")
    scene.instance_changes = {"unit": replace(scene.unit, environment_files=(file,))}
    said = printed(scene, "SVC009", tmp_path)
    assert said[1:3] == [
        "# run: sudo install -m 600 /dev/null /etc/tabbyapi.env",
        "# run: sudoedit /etc/tabbyapi.env",
    ]
    assert said[3].startswith("## Or make it optional")
    assert "lib.mkForce" in said[-2]
    assert said[-1] == THEN


def test_authentication_off_on_every_address(scene: Scene, tmp_path: Path) -> None:
    settings = {"TABBY_NETWORK_HOST": "0.0.0.0", "TABBY_NETWORK_DISABLE_AUTH": "true"}
    sources = dict.fromkeys(settings, "unit tabbyapi.service")
    scene.instance_changes = {"environment": settings, "environment_sources": sources}
    scene.given = {RouterReading: RouterReading("/srv/router.py", "python")}
    said = printed(scene, "CFG008", tmp_path)
    assert said[-3:] == [
        THEN, "## Then give the router the key", "# then: sudo tabbydoctor fix --auth",
    ]  # fmt: skip
    assert 'environment.TABBY_NETWORK_DISABLE_AUTH = "false";' in said[1]
    assert said[3].startswith("# systemd.")


def test_what_systemd_does_by_itself_is_done(scene: Scene) -> None:
    scene.properties = {"NeedDaemonReload": "yes"}
    assert [action.kind for action in scene.draft("SVC005").plan().actions] == ["daemon-reload"]


@pytest.mark.parametrize("name", ["llm-router", "my.router", "a@b"])
def test_the_key_of_a_router(scene: Scene, name: str, tmp_path: Path) -> None:
    text = (DATA / "router-broken.py.txt").read_text()
    path = scene.write(scene.root / "router/router.py", text, owner=0)
    unit = scene.unit_named(f"{name}.service", User="root")
    scene.router = RouterSite(str(path), "python", unit, None, ROOT)
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    scene.given[FixRequest] = FixRequest(strategy="router-env")
    said = service(refused(scene, "RTR001", tmp_path), name)
    key = f"/etc/tabbydoctor/{name}.service/tabby_api_key"
    assert said["LoadCredential"] == [f"tabby_api_key:{key}"]
    with pytest.raises(CannotFix) as refusal:
        scene.draft("RTR001")
    assert refusal.value.manual.splitlines()[:2] == [
        f"# first: sudo install -D -m 600 /dev/null {key}",
        f"# first: sudoedit {key}",
    ]
    assert redact(refusal.value.manual) == refusal.value.manual


def deployment(*, module: bool) -> Instance:
    arguments = ("--config", f"{HOME}/config/config.yml")
    text = f"[Service]\nExecStart={STORE}-t/bin/tabbyapi {' '.join(arguments)}\n"
    shown = {"ExecStart": f"{{ argv[]={text.split('=')[-1].strip()} ; }}"}
    if module:
        shown["ExecStartPre"] = f"{{ path={STORE}-tabbyapi-pre-start ; }}"
    return Instance(HOME, arguments, unit=Unit("tabbyapi.service", shown))


@settings(deadline=None, max_examples=25)
@given(TEXTS)
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    scratch = tmp_path_factory.mktemp("nix")
    unit = deployment(module=True).unit
    assert unit
    lines = (
        *option_lines(unit, [("LoadCredential", text), ("LoadCredential", "b")]),
        forced_line(unit, "ExecStart", text),
        environment_line(unit, "A", text),
        *key_lines(deployment(module=True), {("model", "model_name"): text}, "config-file"),
    )
    said = value("\n".join(lines), scratch)
    assert service(said) == {"LoadCredential": [text, "b"], "ExecStart": text}
    assert said["systemd"]["services"]["tabbyapi"]["environment"]["A"] == text.replace("%", "%%")
    assert said["services"]["tabbyapi"]["modelName"] == text


@pytest.mark.parametrize("text", HARD)
def test_hard_text_in_a_remedy_survives(text: str, tmp_path: Path) -> None:
    lines = key_lines(deployment(module=True), {("model", "model_name"): text}, "config-file")
    found = by_rebuild("A title", *lines)
    assert value("\n".join(found.nix), tmp_path)["services"]["tabbyapi"]["modelName"] == text
    assert found.commands == ("sudo nixos-rebuild switch",)


@pytest.mark.parametrize("text", HARD)
def test_a_line_may_be_continued_on_the_next(text: str, tmp_path: Path) -> None:
    page = Page(40)
    wanted = {("model", "model_name"): f"one two {text}"}
    (line,) = key_lines(deployment(module=True), wanted, "config-file")
    page.nix(line, indent=4)
    page.nix('list = [ "first of them" "second of them" "the third" ];', indent=4)
    page.nix("# a remark that is longer than a line may be, and is left as it is")
    said = value(page.text(), tmp_path)
    assert said["services"]["tabbyapi"]["modelName"] == f"one two {text}"
    assert said["list"] == ["first of them", "second of them", "the third"]
    assert len(page.lines) > 4


WANTED = {
    ("network", "port"): 7000,
    ("network", "disable_auth"): False,
    ("model", "cache_size"): None,
    ("model", "model_name"): None,
    ("model", "gpu_split_auto"): None,
}


def test_keys_as_options_of_the_module(tmp_path: Path) -> None:
    said = value("\n".join(key_lines(deployment(module=True), WANTED, "config-file")), tmp_path)
    assert said == {
        "services": {
            "tabbyapi": {
                "port": 7000, "disableAuth": False, "cacheSize": None, "modelName": "",
                "gpuSplitAuto": True,
            }
        }
    }  # fmt: skip


def test_keys_that_no_option_takes_by_the_environment(tmp_path: Path) -> None:
    wanted = {("model", "backend"): None, ("memory", "cuda_malloc_async"): False}
    for module in (True, False):
        lines = key_lines(deployment(module=module), wanted, "environment")
        said = value("\n".join(lines), tmp_path)
        environment = said["systemd"]["services"]["tabbyapi"]["environment"]
        assert environment == {
            "TABBY_MODEL_BACKEND": None, "TABBY_MEMORY_CUDA_MALLOC_ASYNC": "false",
        }  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        {("embeddings", "api_key"): "hunter22"},
        {("draft_model", "draft_gpu_split"): [4.0]},
        {("model", "model_name"): "\0"},
    ],
)
def test_no_line_for_a_secret_nor_for_what_none_can_say(wanted: dict[Any, Any]) -> None:
    assert key_lines(deployment(module=True), wanted, "environment") == ()


@pytest.mark.parametrize(
    "wanted",
    [
        {("model", "cache_mode"): "8,8"},  # the generated file has the key always, and wins
        {("developer", "cuda_malloc_backend"): True},
        {("draft", "draft_model_name"): "small"},
    ],
)
def test_no_variable_for_what_the_generated_file_beats(wanted: dict[Any, Any]) -> None:
    assert key_lines(deployment(module=True), wanted, "config-file") == ()


def test_a_variable_where_the_generated_file_is_brought_to_leave_the_key_out(
    tmp_path: Path,
) -> None:
    wanted = {("model", "max_seq_len"): -1}
    lines = key_lines(deployment(module=True), wanted, "config-file")
    assert value("\n".join(lines), tmp_path) == {
        "services": {"tabbyapi": {"maxSeqLen": None}},
        "systemd": {"services": {"tabbyapi": {"environment": {"TABBY_MODEL_MAX_SEQ_LEN": "-1"}}}},
    }


@pytest.mark.parametrize("layer", ["config-file", "argument"])
def test_no_variable_for_what_beats_the_environment_of_another_unit(layer: Any) -> None:
    assert key_lines(deployment(module=False), {("network", "port"): 7000}, layer) == ()


def test_a_variable_that_is_taken_out(tmp_path: Path) -> None:
    lines = key_lines(deployment(module=True), {("network", "port"): None}, "environment")
    said = value("\n".join(lines), tmp_path)
    assert said["systemd"]["services"]["tabbyapi"]["environment"] == {"TABBY_NETWORK_PORT": None}


@pytest.mark.parametrize("variable", ["TABBY_API_KEY", "OPENAI_API_KEY", "PASSWORD"])
def test_the_redactor_leaves_what_takes_a_key_out(variable: str) -> None:
    unit = deployment(module=False).unit
    assert unit
    line = without_variable_line(unit, variable)
    assert redact(line) == line


def test_what_a_terminal_would_obey_is_spelt_out() -> None:
    page = Page()
    page.nix('a = "\x1b[31m";')
    page.nix("# \x1b[2J\u202e")
    assert page.text() == 'a = "\\x1b[31m";\n# \\x1b[2J\\u202e\n'


def test_no_sign_is_lost_nor_is_half_a_string_broken() -> None:
    page = Page(20)
    page.nix('a = [ "x y" ]; # it"s')
    assert page.text().split() == ["a", "=", "[", '"x', 'y"', "];", "#", 'it"s']


def test_what_is_left_to_a_person_is_a_block_to_paste(tmp_path: Path) -> None:
    remedy = by_rebuild("Say it", 'a.b = "x y";', "c = 1;", first=("sudoedit x",))
    instead = by_rebuild("Or say another", "d = 2;")
    look = Remedy("Look", commands=("ls",))
    said = "\n".join(to_paste([remedy, instead, look]))
    assert value(said, tmp_path) == {"a": {"b": "x y"}, "c": 1}
    assert "# d = 2;" in said
    assert list(to_paste([look])) == ["# Look", "ls"]
