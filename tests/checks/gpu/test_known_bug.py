"""GPU020: named with the affected version and the setting that meets it, else silent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from checks.gpu.known_bug import known_bug
from tabbydoctor.api import Severity
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.known_bugs import KNOWN_BUGS, bugs_of, release
from tabbydoctor.gpu.torch import PythonEnvironment, TorchBuild
from tests.checks.gpu.machine_tree import GPU, WORKS
from tests.checks.scratch_tabby import ScratchTabby
from tests.model_files import safetensors

SITE = "/srv/tabby/venv/lib/python3.12/site-packages"
TORCH = TorchBuild(f"{SITE}/torch/version.py", "2.11.0+cu130", "13.0")
TWO_GPUS = "model:\n  model_name: good\n  tensor_parallel: true\n"
DRAFTS = "model:\n  model_name: good\ndraft_model:\n  draft_mode: mtp\n"
EMBEDS = "embeddings:\n  embedding_model_name: e\n"


def installed(tabby: ScratchTabby, store: str = SITE, **packages: str) -> None:
    named = {name.replace("_", "-"): version for name, version in packages.items()}
    tabby.given[PythonEnvironment] = PythonEnvironment(
        f"{store}/../../../bin/python", (store,), named, TORCH
    )


def has_gpus(tabby: ScratchTabby, number: int) -> None:
    tabby.given[Driver] = Driver(replace(WORKS, gpus=(GPU,) * number))


def is_model(tabby: ScratchTabby, architecture: str, rope: str = "") -> None:
    config = {"architectures": [architecture], "text_config": {"rope_parameters": {rope: 1.0}}}
    tabby.write("models/good/config.json", json.dumps(config))
    tabby.write("models/good/model.safetensors", safetensors({"a.trellis": 2}))


@pytest.mark.parametrize(
    ("config", "model", "package", "thread"),
    [
        (TWO_GPUS, "LlamaForCausalLM", ("exllamav3", "0.0.15"), "tabbyAPI/issues/399"),
        (TWO_GPUS, "LlamaForCausalLM", ("exllamav3", "0.0.43"), "exllamav3/issues/233"),
        (TWO_GPUS, "LlamaForCausalLM", ("exllamav3", "0.0.23"), "exllamav3/issues/165"),
        (DRAFTS, "Qwen3_5ForCausalLM", ("exllamav3", "1.2.1+cu132.torch2.11.0"), "issues/260"),
        ("", "MistralForCausalLM mscale_all_dim", ("exllamav3", "1.1.0"), "exllamav3/issues/259"),
        (
            "",
            "Ministral3ForCausalLM llama_4_scaling_beta",
            ("exllamav3", "1.4.0"),
            "exllamav3/commit/c2519f7",
        ),
        ("", "LlamaForCausalLM", ("exllamav3", "1.2.0"), "exllamav3/issues/255"),
        ("", "LlamaForCausalLM", ("exllamav3", "0.0.16"), "exllamav3/issues/118"),
        ("", "LlamaForCausalLM", ("exllamav3", "0.0.7"), "exllamav3/issues/78"),
    ],
)
def test_each_is_named_where_it_is_met(
    tabby: ScratchTabby, config: str, model: str, package: tuple[str, str], thread: str
) -> None:
    has_gpus(tabby, 2)
    is_model(tabby, *model.split())
    tabby.write("config.yml", config or "model:\n  model_name: good\n")
    installed(tabby, **{package[0]: package[1]})
    (finding,) = [one for one in tabby.findings(known_bug) if thread in one.detail]
    assert finding.title.startswith(f"exllamav3 {package[1].partition('+')[0]} has a known bug")
    assert "pull" in finding.remedies[0].commands[0]
    assert "[cu13]" in finding.remedies[0].commands[1]


def test_of_embeddings(tabby: ScratchTabby) -> None:
    tabby.write("config.yml", EMBEDS)
    installed(tabby, infinity_emb="0.0.77", huggingface_hub="1.0.1")
    (finding,) = tabby.findings(known_bug)
    assert finding.severity is None
    assert "'huggingface_hub<1.0'" in finding.remedies[0].commands[0]
    installed(tabby, infinity_emb="0.0.77", huggingface_hub="0.36.0")
    assert tabby.findings(known_bug) == []


@pytest.mark.parametrize("version", ["1.4.1", "1.4.1+cu128.torch2.9.0", "1.5", "2.0.0", "", "dev"])
@pytest.mark.parametrize("config", [TWO_GPUS, DRAFTS])
def test_nothing_of_a_mended_or_an_unknown_version(
    tabby: ScratchTabby, version: str, config: str
) -> None:
    has_gpus(tabby, 2)
    is_model(tabby, "Ministral3ForCausalLM", "llama_4_scaling_beta")
    tabby.write("config.yml", config)
    installed(tabby, exllamav3=version)
    assert tabby.findings(known_bug) == []


@pytest.mark.parametrize(
    ("config", "architecture", "version"),
    [
        ("model:\n  model_name: good\n", "LlamaForCausalLM", "0.0.23"),
        (DRAFTS.replace("mtp", "disabled"), "Qwen3_5ForCausalLM", "1.2.1"),
        (DRAFTS, "LlamaForCausalLM", "1.2.1"),
        (DRAFTS, "MistralForCausalLM", "1.1.0"),
        (DRAFTS, "Ministral3ForCausalLM", "1.4.0"),
    ],
)
def test_nothing_grave_where_the_configuration_does_not_meet_it(
    tabby: ScratchTabby, config: str, architecture: str, version: str
) -> None:
    is_model(tabby, architecture)
    tabby.write("config.yml", config)
    installed(tabby, exllamav3=version)
    assert all(one.severity is Severity.INFO for one in tabby.findings(known_bug))


@pytest.mark.parametrize("gpus", [0, 1])
def test_nor_where_the_machine_does_not(tabby: ScratchTabby, gpus: int) -> None:
    has_gpus(tabby, gpus)
    is_model(tabby, "Qwen3_5ForCausalLM")
    tabby.write("config.yml", DRAFTS)
    installed(tabby, exllamav3="1.2.1")
    assert tabby.findings(known_bug) == []


def test_a_store_is_not_updated_by_pip(tabby: ScratchTabby) -> None:
    is_model(tabby, "MistralForCausalLM", "mscale_all_dim")
    installed(tabby, "/nix/store/x-python3-env/lib/python3.12/site-packages", exllamav3="1.1.0")
    for finding in tabby.findings(known_bug):
        assert not any("pip" in command for one in finding.remedies for command in one.commands)


def test_the_table_holds_together() -> None:
    assert len(KNOWN_BUGS) >= 8
    for bug in KNOWN_BUGS:
        assert release(bug.first) <= release(bug.last)
        assert bug.source.startswith("https://github.com/")
        if not bug.beside:
            assert release(bug.mended) > release(bug.last)
            assert not [one for one, _ in bugs_of({bug.package: bug.mended}) if one is bug]


def test_the_environment_of_others_is_not_judged(tabby: ScratchTabby) -> None:
    installed(tabby, exllamav3="0.0.7")
    found = tabby.given[PythonEnvironment]
    assert isinstance(found, PythonEnvironment)
    tabby.given[PythonEnvironment] = replace(found, isolated=False)
    assert tabby.findings(known_bug) == []
