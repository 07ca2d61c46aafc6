"""SVC007 to SVC012: what the unit is set up with, and what it says while it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checks.service.log_says import log_says
from checks.service.restart_needed import restart_needed
from checks.service.unit_environment_file import unit_environment_file
from checks.service.unit_exposes_secret import unit_exposes_secret
from checks.service.unit_sandbox import unit_sandbox
from checks.service.unit_working_directory import unit_working_directory
from tabbydoctor import redaction
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.program import program
from tabbydoctor.deployment.unit import EnvironmentFile, Unit
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import HttpAnswer, Process
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.run_start import changed_since
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.targets import Targets
from tests.scratch_host import ScratchHost

from .deployment import instance, judge, log, router, unit

KEYS = Tokens("/srv/tabby/api_tokens.yml", None, api_keys=("the-secret-key",), admin_key="x" * 9)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    redaction.forget_all()
    yield
    redaction.forget_all()


def config(**values: object) -> EffectiveConfig:
    """`section__key=value`."""
    origin = Origin("default", "default")
    names = {tuple(name.split("__")): value for name, value in values.items()}
    settings = {(s, k): Setting(s, k, value, origin) for (s, k), value in names.items()}
    file = ConfigFile("/srv/tabby/config.yml", "working-directory")
    return EffectiveConfig("/srv/tabby", settings, (file,))


# SVC007


def test_a_unit_without_a_command_and_one_without_its_program(tmp_path: Path) -> None:
    (tmp_path / "srv/tabby").mkdir(parents=True)
    masked = Instance("/srv/tabby", unit=Unit("tabbyapi.service", {"LoadState": "masked"}))
    assert program(ScratchHost(tmp_path), masked).executable_exists
    python = tmp_path / "srv/tabby/venv/bin/python"
    assert not program(ScratchHost(tmp_path), instance()).executable_exists
    python.parent.mkdir(parents=True)
    python.write_text("")
    assert program(ScratchHost(tmp_path), instance()).executable_exists


def judged_directory(root: Path, one: Instance) -> list[Finding]:
    host = ScratchHost(root)
    try:
        known = installation(host, one)
    except Absent:
        return judge(unit_working_directory, one, program(host, one), None)
    settings = effective_config(host, one, known, Targets())
    return judge(unit_working_directory, one, program(host, one), settings)


def place(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_working_directory(tmp_path: Path) -> None:
    (finding,) = judged_directory(tmp_path, instance())
    assert "/srv/tabby is not there" in finding.title
    (tmp_path / "srv/tabby").mkdir(parents=True)
    (finding,) = judged_directory(tmp_path, instance())
    assert "/srv/tabby/main.py is not there" in finding.title
    assert judged_directory(place(tmp_path, "srv/tabby/main.py"), instance()) == []


def test_the_files_lie_beside_a_main_elsewhere(tmp_path: Path) -> None:
    text = "[Service]\nExecStart=/usr/bin/python3 /opt/tabby/main.py\n"
    one = Instance("/", unit=unit(text=text), program="/opt/tabby")
    place(tmp_path, "opt/tabby/main.py")
    assert judged_directory(tmp_path, one) == []
    place(tmp_path, "opt/tabby/config.yml")
    (finding,) = judged_directory(tmp_path, one)
    assert finding.evidence[0].expected == "/opt/tabby"
    # TabbyAPI makes tokens wherever it is started: they do not say that it was meant to be there.
    assert len(judged_directory(place(tmp_path, "api_tokens.yml"), one)) == 1
    assert judged_directory(place(tmp_path, "config.yml"), one) == []


def test_tokens_alone_beside_main_do_not_say_which_directory_is_meant(tmp_path: Path) -> None:
    text = "[Service]\nExecStart=/usr/bin/python3 /opt/tabby/main.py\n"
    one = Instance("/", unit=unit(text=text), program="/opt/tabby")
    place(tmp_path, "opt/tabby/main.py", "opt/tabby/api_tokens.yml")
    assert len(judged_directory(tmp_path, one)) == 1
    assert judged_directory(place(tmp_path, "api_tokens.yml"), one) == []


def test_a_config_file_that_is_named_may_lie_beside_main(tmp_path: Path) -> None:
    text = "[Service]\nExecStart=/usr/bin/python3 /opt/tabby/main.py --config /opt/tabby/config.yml"
    named = ("--config", "/opt/tabby/config.yml")
    one = Instance("/", named, unit=unit(text=text), program="/opt/tabby")
    place(tmp_path, "opt/tabby/main.py", "opt/tabby/config.yml")
    assert judged_directory(tmp_path, one) == []
    place(tmp_path, "opt/tabby/api_tokens.yml")
    assert len(judged_directory(tmp_path, one)) == 1
    assert judged_directory(place(tmp_path, "api_tokens.yml"), one) == []


BESIDE = "[Service]\nExecStart=/usr/bin/python3 /opt/tabby/main.py\n"


@pytest.mark.parametrize(
    ("environment", "arguments"),
    [
        ({"TABBY_MODEL_MODEL_NAME": "x", "TABBY_NETWORK_PORT": "5000"}, ()),
        ({"TABBY_NETWORK_HOST": "::1"}, ()),
        ({}, ("--model-name", "x", "--host", "127.0.0.1")),
        ({}, ("--port=5000",)),
    ],
)
def test_what_is_configured_without_a_file_needs_none(
    tmp_path: Path, environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """A leftover config.yml beside main.py is not read, and is not meant to be."""
    one = Instance("/", arguments, environment, unit=unit(text=BESIDE), program="/opt/tabby")
    place(tmp_path, "opt/tabby/main.py", "opt/tabby/config.yml", "api_tokens.yml")
    assert judged_directory(tmp_path, one) == []
    assert len(judged_directory(tmp_path, replace(one, environment={}, arguments=()))) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("TABBY_LOG_LEVEL", "TABBY_NETWORK_PROT", "TABBY_API_KEY", "PORT"),
        *("TABBY_DEVELOPER_UNSAFE_LAUNCH", "TABBY_LOGGING_LOG_REQUESTS"),
    ],
)
def test_a_variable_that_does_not_say_what_to_serve(tmp_path: Path, name: str) -> None:
    one = Instance("/", (), {name: "true"}, unit=unit(text=BESIDE), program="/opt/tabby")
    place(tmp_path, "opt/tabby/main.py", "opt/tabby/config.yml", "api_tokens.yml")
    assert len(judged_directory(tmp_path, one)) == 1


def test_how_it_is_configured_cannot_be_known(tmp_path: Path) -> None:
    one = Instance("/", unit=unit(text=BESIDE), program="/opt/tabby")
    place(tmp_path, "opt/tabby/main.py", "opt/tabby/config.yml")
    with pytest.raises(Unknown, match="how TabbyAPI is configured"):
        judge(unit_working_directory, one, program(ScratchHost(tmp_path), one), None)


def test_a_wrapper_or_an_importable_main_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "srv/tabby").mkdir(parents=True)
    wrapper = unit(text="[Service]\nExecStart=/nix/store/x/bin/tabbyapi --config /srv/c.yml\n")
    assert judged_directory(tmp_path, Instance("/srv/tabby", unit=wrapper)) == []
    module = unit(text="[Service]\nExecStart=/usr/bin/python3 -m main\n")
    one = Instance("/srv/tabby", unit=module, environment={"PYTHONPATH": "/nix/store/x"})
    assert judged_directory(tmp_path, one) == []
    assert len(judged_directory(tmp_path, replace(one, environment={}))) == 1


# SVC008


@pytest.mark.parametrize(
    "environment",
    [
        "TABBY_API_KEY=secretsecret",
        "OPENAI_API_KEYS=sk-secret;sk-secret2",
        "HF_TOKEN=hf_secret123",
        "INNOCENT=the-secret-key",
    ],
)
def test_a_secret_in_the_environment(environment: str) -> None:
    for facts in (
        (instance(Environment=environment), router()),
        (instance(), router(Environment=environment)),
    ):
        (finding,) = judge(unit_exposes_secret, *facts, KEYS)
        assert any("otate" in remedy.title for remedy in finding.remedies)


@pytest.mark.parametrize(
    "environment",
    [
        "MAX_TOKENS=4096",
        "TOKENIZERS_PARALLELISM=false",
        "TABBY_API_KEY_FILE=/etc/key",
        "TABBY_API_KEY=",
        "OPENAI_API_KEY=dummy",
        "API_KEY=%d/tabby_api_key",
        "KEYBOARD=de",
    ],
)
def test_what_is_no_secret(environment: str) -> None:
    assert judge(unit_exposes_secret, instance(Environment=environment), router(), KEYS) == []


# SVC009


def judged_files(*files: EnvironmentFile) -> list[Finding]:
    one = Instance("/srv/tabby", unit=replace(unit(), environment_files=files))
    return judge(unit_environment_file, one, None)


def test_environment_files() -> None:
    missing = EnvironmentFile("/etc/tabby.env", False, problem="No such file or directory")
    (finding,) = judged_files(missing)
    assert finding.title == "tabbyapi.service cannot start without /etc/tabby.env"
    assert judged_files(replace(missing, optional=True)) == []
    assert judged_files(EnvironmentFile("/etc/tabby.env", False, text="A=b")) == []
    assert judged_files(EnvironmentFile("/etc/tabby.d/*.env", False, problem="No such")) == []
    with pytest.raises(Unknown, match="root"):
        judged_files(replace(missing, problem="Permission denied"))


# SVC010


def endpoint(asks: bool, key_status: int = 200) -> Endpoint:
    url = "http://127.0.0.1:5000"
    status = 401 if asks else 200
    path = "/v1/auth/permission"
    return Endpoint(
        Address(url, "127.0.0.1:5000", "configuration"),
        True,
        "tabbyapi",
        HttpAnswer(url),
        {
            (path, "none"): HttpAnswer(url, status=status),
            (path, "api_key"): HttpAnswer(url, status=key_status),
        },
    )


def judged_restart(
    root: Path,
    settings: EffectiveConfig,
    found: Endpoint | None,
    run: RunLog | None = None,
    live_reload: bool | None = False,
    started: float = 1000.0,
) -> list[Finding]:
    place(root, "srv/tabby/config.yml", "srv/tabby/api_tokens.yml")
    one = replace(instance(), process=Process(114, ("python", "main.py"), started=started))
    changed = changed_since(ScratchHost(root), one, settings, KEYS)
    installation = Installation("/srv/tabby", {}, "x", True, live_reload=live_reload)
    return judge(restart_needed, one, changed, settings, KEYS, found, installation, run)


def test_restart_not_needed(tmp_path: Path) -> None:
    serving = log("INFO:     Uvicorn running on http://127.0.0.1:5000 (CTRL+C)", present=True)
    assert judged_restart(tmp_path, config(), endpoint(asks=True), serving) == []
    assert judged_restart(tmp_path, config(), None) == []


def test_restart_needed_for_another_authentication(tmp_path: Path) -> None:
    settings = config(network__disable_auth=True)
    (finding,) = judged_restart(tmp_path, settings, endpoint(asks=True))
    assert finding.evidence[0].actual == "running: keys are asked for"
    later = os.stat(tmp_path / "srv/tabby/config.yml").st_mtime + 60
    assert judged_restart(tmp_path, settings, endpoint(asks=True), started=later) == []


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        (["INFO:     Uvicorn running on http://127.0.0.1:6000 (CTRL+C)"], 1),
        (["INFO:     Uvicorn running on http://0.0.0.0:5000 (CTRL+C)"], 1),
        (
            [
                "WARNING:  Port 5000 is currently in use. Switching to 5001.",
                "INFO:     Uvicorn running on http://127.0.0.1:5001 (CTRL+C)",
            ],
            0,
        ),
    ],
)
def test_restart_needed_for_another_address(tmp_path: Path, lines: list[str], count: int) -> None:
    found = judged_restart(tmp_path, config(), endpoint(True), log(*lines, present=True))
    assert len(found) == count


@pytest.mark.parametrize(("live_reload", "count"), [(False, 1), (True, 0), (None, 0)])
def test_restart_needed_for_changed_tokens(
    tmp_path: Path, live_reload: bool | None, count: int
) -> None:
    refused = endpoint(asks=True, key_status=401)
    assert len(judged_restart(tmp_path, config(), refused, live_reload=live_reload)) == count


# SVC011


def test_log_says() -> None:
    run = log(
        "INFO:     Uvicorn running on http://127.0.0.1:5000",
        "ERROR:    torch.OutOfMemoryError: CUDA out of memory.",
        "ERROR:    torch.OutOfMemoryError: CUDA out of memory. Again.",
        "WARNING:  Port 5000 is currently in use. Switching to 5001.",
        present=True,
    )
    memory, port = judge(log_says, run)
    assert (memory.severity, memory.caused_by) == (Severity.ERROR, ("GPU008",))
    assert "2 times" in memory.detail
    assert (port.severity, port.caused_by) == (Severity.WARNING, ("API003", "SVC015"))


def test_log_says_nothing_of_what_is_over() -> None:
    failed = "WARNING:  Failed to reload api_tokens.yml, keeping the previous keys: x"
    reloaded = "INFO:     Reloaded auth keys from api_tokens.yml (1 API key(s))."
    assert len(judge(log_says, log(reloaded, failed, present=True))) == 1
    assert judge(log_says, log(failed, reloaded, present=True)) == []
    stopped = ("ERROR:    CUDA out of memory", "WARNING:  Shutdown signal called.")
    assert judge(log_says, log(*stopped, present=False)) == []
    assert judge(log_says, log("INFO:     all is well", present=True)) == []


# SVC012


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"MemoryDenyWriteExecute": "yes"}, "write code"),
        ({"ProcSubset": "pid"}, "/proc/meminfo"),
        ({"ProtectSystem": "strict"}, "is read-only for it"),
        ({"ReadOnlyPaths": "/srv"}, "is read-only for it"),
        ({"InaccessiblePaths": "-/srv", "ReadWritePaths": "/srv/tabby"}, "is hidden"),
        ({"TemporaryFileSystem": "/srv:ro"}, "is hidden"),
        ({"DynamicUser": "yes"}, "is read-only for it"),
    ],
)
def test_sandbox(properties: dict[str, str], words: str) -> None:
    (finding,) = judge(unit_sandbox, instance(**properties), config())
    assert words in finding.detail


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"ProtectSystem": "full", "ProtectHome": "yes", "PrivateTmp": "yes"},
        {"ProtectSystem": "strict", "ReadWritePaths": "+/srv/tabby -/var/lib/x"},
        {"ProtectSystem": "strict", "BindPaths": "/data/tabby:/srv/tabby:rbind"},
        {"SystemCallFilter": "@system-service", "ProtectProc": "invisible"},
    ],
)
def test_sandbox_that_does_no_harm(properties: dict[str, str]) -> None:
    loads = config(model__model_name="m", model__model_dir="models")
    one = instance(**properties)
    assert judge(unit_sandbox, one, loads) == []


def test_sandbox_hides_what_lies_at_home() -> None:
    at_home = replace(instance(ProtectHome="yes"), directory="/home/tabby/TabbyAPI")
    (finding,) = judge(unit_sandbox, at_home, config())
    assert finding.title.startswith("ProtectHome=yes")
    models = config(model__model_name="m", model__model_dir="/home/models")
    (finding,) = judge(unit_sandbox, instance(ProtectHome="tmpfs"), models)
    assert "/home/models" in finding.detail
    draft = config(draft_model__draft_model_name="d", draft_model__draft_model_dir="/home/drafts")
    (finding,) = judge(unit_sandbox, instance(ProtectHome="tmpfs"), draft)
    assert "directory of its draft models (/home/drafts)" in finding.detail
    state = {"ProtectSystem": "strict", "StateDirectory": "tabby"}
    at_state = replace(instance(**state), directory="/var/lib/tabby")
    assert judge(unit_sandbox, at_state, config()) == []


def test_sandbox_keeps_triton_from_its_cache() -> None:
    loads = config(model__model_name="m")
    strict = instance(ProtectSystem="strict", ReadWritePaths="/srv/tabby")
    elsewhere = replace(strict, environment={"HOME": "/var/home"})
    (finding,) = judge(unit_sandbox, elsewhere, loads)
    assert "/var/home/.triton" in finding.detail
    assert judge(unit_sandbox, elsewhere, config()) == []
