"""Each check of the configuration fires on its fault and is silent on a healthy file."""

from __future__ import annotations

import os

import pytest

from checks.config.auth_off_exposed import auth_off_exposed
from checks.config.auth_off_local import auth_off_local
from checks.config.auth_section import auth_section
from checks.config.exposes import exposes
from checks.config.invalid_value import invalid_value
from checks.config.layered import layered
from checks.config.legacy import legacy
from checks.config.missing import missing
from checks.config.model_missing import model_missing
from checks.config.not_durable import not_durable
from checks.config.overridden import overridden
from checks.config.reads_differently import reads_differently
from checks.config.unknown_key import unknown_key
from checks.config.unreadable import unreadable
from tabbydoctor.api import Check, Severity, Unknown
from tabbydoctor.deployment.parts import Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.routers import RouterReading

from .conftest import Deployment

ALL = (
    missing,
    unreadable,
    unknown_key,
    auth_section,
    invalid_value,
    overridden,
    layered,
    auth_off_exposed,
    auth_off_local,
    model_missing,
    legacy,
    not_durable,
    reads_differently,
    exposes,
)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_silent_on_a_healthy_deployment(deployment: Deployment, healthy: str, check: Check) -> None:
    assert deployment.judge(check, healthy) == []


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_silent_where_the_config_argument_replaces_a_missing_config_yml(
    deployment: Deployment, healthy: str, check: Check
) -> None:
    deployment.write("conf/c.yml", healthy)
    assert deployment.judge(check, arguments=("--config", "conf/c.yml")) == []


def test_missing_config_argument(deployment: Deployment) -> None:
    (found,) = deployment.judge(missing, arguments=("--config", "no.yml"))
    assert found.severity is None
    assert f"{deployment.directory}/no.yml" in found.title


def test_missing_config_yml(deployment: Deployment) -> None:
    (found,) = deployment.judge(missing)
    assert found.severity is Severity.WARNING
    (remark,) = deployment.judge(missing, environment={"TABBY_NETWORK_PORT": "5001"})
    assert remark.severity is Severity.INFO
    assert "TABBY_NETWORK_PORT" in remark.detail


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network:\n\tport: 1\n", "tab"),
        ("network: {port: 1, port: 2}\n", "stands twice (port)"),
        ("a: 1\n---\nb: 2\n", "several"),
        ("", "empty"),
        ("- a\n", "no sections"),
        ("hello", "no sections"),
        (b"network: {host: \xe9}", "UTF-8"),
        ("a: *b\n", "undefined alias"),
        ("a: [" + "x," * 30000 + "]", "too large"),
        ("model: 5\n", "model"),
        ("network: [a]\n", "network"),
    ],
)
def test_unreadable(deployment: Deployment, text: str | bytes, said: str) -> None:
    (found,) = deployment.judge(unreadable, text)
    assert said in found.title
    assert found.remedies


def test_unreadable_hangs(deployment: Deployment) -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    (found,) = deployment.judge(unreadable, bomb)
    assert "hangs" in found.detail
    (deployment.directory / "config.yml").unlink()
    os.mkfifo(deployment.directory / "config.yml")
    (found,) = deployment.judge(unreadable)
    assert "hangs" in found.detail


def test_unreadable_directory(deployment: Deployment) -> None:
    (deployment.directory / "config.yml").mkdir()
    (found,) = deployment.judge(unreadable)
    assert "is no file" in found.title


def test_unreadable_shows_no_value(deployment: Deployment) -> None:
    texts = (
        "developer: {seqlog_api_key: hunter22, seqlog_api_key: hunter23}",
        'developer: {seqlog_api_key: "hunter22}',
        "developer: {seqlog_api_key: !!int hunter22}",
        "developer: {seqlog_api_key: *hunter22}",
    )
    for text in texts:
        assert "hunter2" not in repr(deployment.judge(unreadable, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network: {disable_authh: true}", "network.disable_auth"),
        ("netwrok: {port: 1}", "network"),
        ("draft: {draft_model_name: x}", "draft_model"),
        ("network: {cache_mode: Q4}", "model.cache_mode"),
        ("port: 5001", "network.port"),
        ("model: {fasttensors: true}", "2024-09-30"),
        ("developer: {cuda_malloc_backend: true}", "memory.cuda_malloc_async"),
        ("entirely: {other: 1}", "No version"),
    ],
)
def test_unknown_key(deployment: Deployment, text: str, said: str) -> None:
    (found,) = deployment.judge(unknown_key, text)
    assert said in found.detail
    assert f"{deployment.directory}/config.yml:1" in found.title


FIX = ("sudo tabbydoctor fix CFG003",)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("network:\n  port: 5000\n  prot: 5001\n",
         "Take network.prot out: network.port stands at line 2"),
        ("netwrok:\n  port: 5001\n  host: 127.0.0.1\nnetwork:\n  port: 5000\n",
         "Write network instead of netwrok, without port: network.port stands at line 5"),
    ],
)  # fmt: skip
def test_unknown_key_beside_the_name_it_should_have(
    deployment: Deployment, text: str, advice: str
) -> None:
    (found,) = deployment.judge(unknown_key, text)
    assert found.remedies[0].title == advice
    assert FIX not in [remedy.commands for remedy in found.remedies]


def test_unknown_key_that_fix_can_rename(deployment: Deployment) -> None:
    (found,) = deployment.judge(unknown_key, "network:\n  prot: 5001\n")
    assert found.remedies[0].title == "Write network.port instead of network.prot"
    assert FIX in [remedy.commands for remedy in found.remedies]


def test_unknown_variable_beside_the_one_it_should_be(deployment: Deployment) -> None:
    environment = {"TABBY_NETWORK_PROT": "5001", "TABBY_NETWORK_PORT": "5000"}
    (found,) = deployment.judge(unknown_key, "network: {}", environment=environment)
    advice = "Take TABBY_NETWORK_PROT out: TABBY_NETWORK_PORT is set beside it"
    assert found.remedies[0].title == advice


def test_unknown_key_newer_than_the_installation(deployment: Deployment) -> None:
    models = deployment.directory / "common/config_models.py"
    models.write_text(models.read_text().replace("sse_ping_interval", "something_else"))
    (found,) = deployment.judge(unknown_key, "network: {sse_ping_interval: 5}")
    assert "2026-07-15" in found.detail
    assert "unknown to the installed" in found.title


def test_unknown_key_where_the_version_is_unknown(deployment: Deployment) -> None:
    (deployment.directory / "common/config_models.py").unlink()
    with pytest.raises(Unknown, match=r"model\.fasttensors"):
        deployment.judge(unknown_key, "model: {fasttensors: true}")
    (found,) = deployment.judge(unknown_key, "network: {disable_authh: true}")
    assert "network.disable_auth" in found.detail


def test_unknown_key_is_silent_on_what_the_nixos_module_writes(deployment: Deployment) -> None:
    text = "draft: {draft_rope_scale: 1.0}\ndeveloper: {cuda_malloc_backend: false}\n"
    assert len(deployment.judge(unknown_key, text)) == 2
    shown = {
        "ExecStart": "{ path=x ; argv[]=/nix/store/a/bin/tabbyapi ; }",
        "ExecStartPre": "{ path=/nix/store/b-pre-start ; argv[]=/nix/store/b-pre-start ; }",
    }
    generated = deployment.write("config/config.yml", text)
    deployment.write("config.yml", "")
    arguments, unit = ("--config", str(generated)), Unit("t.service", shown)
    assert deployment.judge(unknown_key, arguments=arguments, unit=unit) == []
    assert len(deployment.judge(unknown_key, arguments=arguments)) == 2


def test_unknown_variables(deployment: Deployment, healthy: str) -> None:
    environment = {
        "TABBY_NETWORK_PROT": "1",
        "TABBY_API_KEY": "hunter22",
        "TABBY_LOG_CONSOLE_WIDTH": "200",
        "TABBY_LOG_LEVEL": "DEBUG",
        "TABBYDOCTOR_DIR": "/",
    }
    near, key = deployment.judge(unknown_key, healthy, environment=environment)
    assert "TABBY_NETWORK_PORT" in near.detail
    assert "router's unit" in key.detail
    assert "hunter22" not in repr(key)


@pytest.mark.parametrize(
    "text",
    ["auth: {disable: true}", "auth: {enabled: false}", "disable_auth: true", "auth: off",
     "model: {disable_auth: true}"],
)  # fmt: skip
def test_auth_section(deployment: Deployment, text: str) -> None:
    (found,) = deployment.judge(auth_section, text)
    assert found.severity is None
    assert deployment.judge(unknown_key) == []
    assert any("disable_auth: true below network:" in remedy.title for remedy in found.remedies)


def test_auth_section_that_wants_what_is(deployment: Deployment) -> None:
    (found,) = deployment.judge(auth_section, "auth: {disable: false}")
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("network: {disable_auth: ture}", "network.disable_auth"),
        ("network: {port: abc}", "network.port"),
        ("network: {port: 70000}", "network.port"),
        ("network: {api_servers: OAI}", "network.api_servers"),
        ("model: {cache_mode: Q5}", "model.cache_mode"),
        ("model: {cache_size: 1000}", "model.cache_size"),
        ("logging: {prompt: true}\nmodel: {model_dir: null}", "model.model_dir"),
    ],
)
def test_invalid_value(deployment: Deployment, text: str, name: str) -> None:
    (found,) = deployment.judge(invalid_value, text)
    assert found.title.startswith(f"{name} from {deployment.directory}/config.yml:")


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        ("network: {disable_auth: maybe}", "true or false"),
        ("network: {port: abc}", "a whole number"),
        ("network: {port: 70000}", "a port from 1 to 65535"),
        ("network: {api_servers: OAI}", "a list of oai or kobold"),
        ("model: {cache_size: 1000}", "a multiple of 256"),
        ("model: {max_batch_size: 0}", "a number greater than or equal to 1"),
        ("model: {rope_alpha: lots}", "a number, or 'auto'"),
        ("model: {cache_mode: Q5}",
         "'FP16', 'Q8', 'Q6' or 'Q4', or two bit widths from 2 to 8 such as 8,8"),
    ],
)  # fmt: skip
def test_invalid_value_says_what_the_key_takes(
    deployment: Deployment, text: str, takes: str
) -> None:
    (found,) = deployment.judge(invalid_value, text)
    assert found.evidence[0].expected == takes
    assert found.detail == f"TabbyAPI exits with status 1 on it: it takes {takes}."


def test_a_switch_that_is_refused_switches_nothing_off(deployment: Deployment) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        text = f"network: {{disable_auth: maybe, host: {host}}}"
        for check in (auth_off_local, auth_off_exposed):
            assert deployment.judge(check, text) == []


def test_invalid_elsewhere(deployment: Deployment, healthy: str) -> None:
    (variable,) = deployment.judge(invalid_value, healthy, environment={"TABBY_NETWORK_PORT": ""})
    assert "TABBY_NETWORK_PORT" in variable.title
    (usage,) = deployment.judge(invalid_value, arguments=("--api-kee", "hunter22"))
    assert "--api-kee" in usage.title
    assert "hunter22" not in repr(usage)
    deployment.write("c.yml", "network: 5\n")
    (section,) = deployment.judge(invalid_value, arguments=("--config", "c.yml"))
    assert "section network" in section.title
    hidden = "developer: {seqlog_api_key: [hunter22]}"
    assert "hunter22" not in repr(deployment.judge(invalid_value, hidden))


def test_overridden_by_a_variable(deployment: Deployment) -> None:
    text = "network: {port: 5001, disable_auth: true}"
    same = {"TABBY_NETWORK_PORT": "5001", "TABBY_NETWORK_DISABLE_AUTH": "yes"}
    assert deployment.judge(overridden, text, environment=same) == []
    (found,) = deployment.judge(overridden, text, environment={"TABBY_NETWORK_PORT": "5002"})
    assert found.severity is None
    assert "5002 from TABBY_NETWORK_PORT" in found.detail


def test_overridden_by_an_argument_is_a_remark(deployment: Deployment) -> None:
    (found,) = deployment.judge(overridden, "network: {port: 1}", arguments=("--port", "2"))
    assert found.severity is Severity.INFO


def test_arguments_ignored_beside_config(deployment: Deployment) -> None:
    deployment.write("c.yml", "network: {port: 5001}")
    arguments = ("--config", "c.yml", "--port", "5001", "--disable-auth", "true")
    (found,) = deployment.judge(overridden, arguments=arguments)
    assert found.title.startswith("--disable-auth is ignored")


def test_layered(deployment: Deployment) -> None:
    deployment.write("c.yml", "network: {port: 5001}")
    text = "network: {disable_auth: true, port: 1, host: 127.0.0.1}"
    (found,) = deployment.judge(layered, text, arguments=("--config", "c.yml"))
    assert "network.disable_auth" in found.detail
    assert "Authentication is off" in found.detail
    assert [item.source for item in found.evidence] == [f"{deployment.directory}/config.yml:1"]
    assert deployment.judge(layered, arguments=("--config", "config.yml")) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "''", "10.0.0.5", "gpu.example", "0"])
def test_auth_off_exposed(deployment: Deployment, host: str) -> None:
    text = f"network: {{disable_auth: true, host: '{host.strip(chr(39))}'}}"
    (found,) = deployment.judge(auth_off_exposed, text)
    assert len(found.evidence) == 2
    assert deployment.judge(auth_off_local) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "'::1'", "127.1", "'::ffff:127.0.0.1'"])
def test_auth_off_local(deployment: Deployment, host: str) -> None:
    text = f"network: {{disable_auth: true, host: {host}}}"
    assert len(deployment.judge(auth_off_local, text)) == 1
    assert deployment.judge(auth_off_exposed) == []


def test_model_missing(deployment: Deployment) -> None:
    (found,) = deployment.judge(model_missing, "model: {model_name: goood}")
    assert "goood is not there" in found.title
    assert any("good is there" in remedy.title for remedy in found.remedies)


@pytest.mark.parametrize(
    ("text", "said", "severity"),
    [
        ("draft_model: {draft_model_name: d}", "draft model d", None),
        ("lora: {loras: [{name: l}]}", "LoRA l", Severity.WARNING),
        ("embeddings: {embedding_model_name: e}", "embedding model e", None),
        ("sampling: {override_preset: p}", "preset p", Severity.WARNING),
    ],
)
def test_other_parts_missing(
    deployment: Deployment, text: str, said: str, severity: Severity | None
) -> None:
    (found,) = deployment.judge(model_missing, f"model: {{model_name: good}}\n{text}\n")
    assert f"The {said} is not there" in found.title
    assert found.severity is severity


def test_template_of_the_model_itself(deployment: Deployment) -> None:
    text = "model: {model_name: good, prompt_template: tool_use}"
    assert len(deployment.judge(model_missing, text)) == 1
    deployment.write(
        "models/good/tokenizer_config.json", '{"chat_template": [{"name": "tool_use"}]}'
    )
    assert deployment.judge(model_missing) == []


def test_refused_formats(deployment: Deployment) -> None:
    deployment.write("models/old/config.json", '{"quantization_config": {"quant_method": "exl2"}}')
    deployment.write("models/g/m.gguf", "")
    (old,) = deployment.judge(model_missing, "model: {model_name: old}")
    assert "exl2" in old.title
    (gguf,) = deployment.judge(model_missing, "model: {model_name: g}")
    assert "GGUF" in gguf.title
    (backend,) = deployment.judge(model_missing, "model: {model_name: good, backend: exllamav2}")
    assert "no backend exllamav2" in backend.title
    deployment.write("backends/exllamav2/model.py", "")
    assert deployment.judge(model_missing, "model: {model_name: old, backend: exllamav2}") == []


def test_legacy(deployment: Deployment) -> None:
    (found,) = deployment.judge(
        legacy, "model: {draft: {draft_model_name: x}}\nlogging: {promt: 1}"
    )
    assert "config.yml.bak" in found.detail
    assert len(found.evidence) == 2


def test_not_durable(deployment: Deployment, healthy: str) -> None:
    path = str(deployment.write("config.yml", healthy))
    router = RouterReading("/srv/router.py", "python", writes_files={path: 12})
    (found,) = deployment.judge(not_durable, router=router)
    assert found.severity is None
    assert found.evidence[0].source == "/srv/router.py:12"
    other = RouterReading("/srv/router.py", "python", writes_files={"/etc/config.yml": 12})
    assert deployment.judge(not_durable, router=other) == []


def test_not_durable_on_nixos(deployment: Deployment, healthy: str) -> None:
    deployment.write("config/config.yml", healthy)
    arguments = ("--config", f"{deployment.directory}/config/config.yml")
    (found,) = deployment.judge(
        not_durable,
        arguments=arguments,
        machine=Machine(True, nixos=True),
        unit=Unit("tabbyapi.service", {}),
    )
    assert found.severity is Severity.INFO


@pytest.mark.parametrize("text", ["network: {port: 05000}", "network: {port: 010}"])
def test_reads_differently(deployment: Deployment, text: str) -> None:
    (found,) = deployment.judge(reads_differently, text)
    assert "network.port" in found.title
    assert deployment.judge(reads_differently, "network: {disable_auth: yes}") == []


@pytest.mark.parametrize(
    "value",
    ["1" + ":1" * 5_000, "9" * 9_000, "0x" + "f" * 9_000, "1" + ":59" * 250 + ".5",
     "2001-99-99", "!!timestamp x", "!!int x", "!!bool x", "1e999", "&a [*a]"],
    ids=lambda value: f"{value[:12]} of {len(value)}",
)  # fmt: skip
def test_no_value_makes_a_reader_of_the_configuration_crash(
    deployment: Deployment, value: str
) -> None:
    for judge in (reads_differently, invalid_value):
        str(deployment.judge(judge, f"network:\n  port: {value}\n"))


@pytest.mark.parametrize(
    "text",
    ["network: {send_tracebacks: true}", "logging: {log_requests: yes}",
     "logging: {log_prompt: true}"],
)  # fmt: skip
def test_exposes(deployment: Deployment, text: str) -> None:
    (found,) = deployment.judge(exposes, text)
    assert ("Rotate" in repr(found.remedies)) == ("log_requests" in text)
