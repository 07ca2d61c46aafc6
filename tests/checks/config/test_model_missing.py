"""CFG010: nothing is said of a whole model, of whatever family and however it is published."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.config.model_missing import model_missing
from tabbydoctor.api import Severity, Unknown
from tabbydoctor.gpu.architectures import SINCE
from tests.checks.scratch_tabby import ScratchTabby
from tests.model_files import index, safetensors

PACKAGES = "venv/lib/python3.12/site-packages"
WEIGHTS = safetensors({"model.layers.0.mlp.up_proj.trellis": 64})
SHARDS = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
FURTHER: Mapping[str, str | bytes] = {
    "tokenizer.json": "{}",
    "preprocessor_config.json": "{}",
    "chat_template.jinja": "{{ messages }}",
}
SINGLE: Mapping[str, str | bytes] = {"model.safetensors": WEIGHTS}
PARTS: Mapping[str, str | bytes] = dict.fromkeys(SHARDS, WEIGHTS)


@pytest.fixture
def tabby(tabby: ScratchTabby) -> ScratchTabby:
    """With an exllamav3 that loads every architecture of the table, and nothing else."""
    for name in SINCE:
        text = f"class Config:\n    arch_string = {name!r}\n"
        tabby.write(f"{PACKAGES}/exllamav3/architecture/{name.lower()}.py", text)
    tabby.write(f"{PACKAGES}/exllamav3-1.4.1.dist-info/METADATA", "")
    for path in (tabby.directory / "models/good").iterdir():
        path.unlink()
    return tabby


def has(tabby: ScratchTabby, *files: Mapping[str, str | bytes], architecture: str = "") -> None:
    config = {"architectures": [architecture or "LlamaForCausalLM"], "vision_config": {}}
    for name, content in {"config.json": json.dumps(config), **FURTHER}.items():
        tabby.write(f"models/good/{name}", content)
    for each in files:
        for name, content in each.items():
            tabby.write(f"models/good/{name}", content)


@pytest.mark.parametrize("architecture", sorted(SINCE))
def test_every_family(tabby: ScratchTabby, architecture: str) -> None:
    has(tabby, SINGLE, architecture=architecture)
    assert tabby.findings(model_missing) == []


@pytest.mark.parametrize(
    "files",
    [
        {**PARTS, "model.safetensors.index.json": index(*SHARDS)},
        PARTS,
        {**SINGLE, "model.safetensors.index.json": index("model-00001-of-00030.safetensors")},
        {**SINGLE, "model-mtp.safetensors": WEIGHTS, "mtp.safetensors": WEIGHTS},
        {**SINGLE, "consolidated.safetensors.index.json": index("consolidated-1.safetensors")},
        {**SINGLE, "model.Q4_K_M.gguf": "GGUF", "pytorch_model.bin": "x", "training_args.bin": "x"},
        {**SINGLE, "tokenizer.model": "x", "tekken.json": "{}", "quantization_config.json": "{}"},
        {**SINGLE, "old.safetensors.part": "x", ".cache/huggingface/download/a.incomplete": "x"},
        {**SINGLE, "onnx/model.onnx": "x", "original/consolidated.00.pth": "x"},
        {"output.safetensors": WEIGHTS, "measurement.json": "{}"},
    ],
    ids=["index", "numbered", "outlived index", "drafter", "two namings", "formats", "tokenizers",
         "left-overs", "folders", "one of any name"],
)  # fmt: skip
def test_however_it_is_published(tabby: ScratchTabby, files: Mapping[str, str | bytes]) -> None:
    has(tabby, files)
    assert tabby.findings(model_missing) == []


def test_a_cache_of_links(tabby: ScratchTabby) -> None:
    has(tabby, SINGLE)
    blob = tabby.write("models/.hub/blobs/4e4e", WEIGHTS)
    (tabby.directory / "models/good/model.safetensors").unlink()
    os.symlink(f"../.hub/blobs/{blob.name}", tabby.directory / "models/good/model.safetensors")
    assert tabby.findings(model_missing) == []


def test_no_chat_template_is_a_remark(tabby: ScratchTabby) -> None:
    has(tabby, SINGLE)
    (tabby.directory / "models/good/chat_template.jinja").unlink()
    (finding,) = tabby.findings(model_missing)
    assert finding.severity is Severity.INFO
    tabby.write("models/good/tokenizer_config.json", '{"chat_template": "{{ m }}"}')
    assert tabby.findings(model_missing) == []


def test_an_exllamav3_that_is_not_seen_leaves_the_architecture_open(
    tabby: ScratchTabby, tmp_path: Path
) -> None:
    has(tabby, SINGLE, architecture="OfAForkForCausalLM")
    (finding,) = tabby.findings(model_missing)
    assert "does not know OfAForkForCausalLM" in finding.title
    os.rename(tabby.directory / PACKAGES / "exllamav3", tmp_path / "built-from-source")
    with pytest.raises(Unknown, match="architecture"):
        tabby.findings(model_missing)


def test_exllamav2_loads_what_it_loaded(tabby: ScratchTabby) -> None:
    has(tabby, {"output.safetensors": safetensors({"model.layers.0.q.q_weight": 8})})
    tabby.write("backends/exllamav2/model.py", "")
    (tabby.directory / "models/good/tokenizer.json").unlink()
    assert tabby.findings(model_missing) == []


def test_embeddings_may_be_pickled(tabby: ScratchTabby) -> None:
    has(tabby, SINGLE)
    for name in ("infinity_emb-0.0.77", "sentence_transformers-3.4.1"):
        tabby.write(f"{PACKAGES}/{name}.dist-info/METADATA", "")
    tabby.write("models/e/config.json", "{}")
    config = "model: {model_name: good}\nembeddings: {embedding_model_name: e}\n"
    tabby.write("config.yml", config)
    (finding,) = tabby.findings(model_missing)
    assert finding.title == "The embedding model e has no weights"
    tabby.write("models/e/pytorch_model.bin", "x")
    assert tabby.findings(model_missing) == []


LORA = "model: {model_name: good}\nlora: {loras: [{name: style}]}\n"


def test_no_lora_is_loaded_by_exllamav3(tabby: ScratchTabby) -> None:
    has(tabby, SINGLE)
    tabby.write("loras/style/adapter_config.json", "{}")
    tabby.write("loras/style/adapter_model.safetensors", WEIGHTS)
    tabby.write("config.yml", LORA)
    (finding,) = tabby.findings(model_missing)
    assert finding.title == "This TabbyAPI loads no LoRAs: style is left out"
    assert finding.severity is Severity.WARNING
    tabby.write("backends/exllamav2/model.py", "")
    assert tabby.findings(model_missing) == []


@pytest.mark.parametrize("lacks", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_lora_of_one_file(tabby: ScratchTabby, lacks: str) -> None:
    has(tabby, SINGLE)
    tabby.write("backends/exllamav2/model.py", "")
    tabby.write("config.yml", LORA)
    for name in {"adapter_config.json", "adapter_model.safetensors"} - {lacks}:
        tabby.write(f"loras/style/{name}", "{}" if name.endswith("json") else WEIGHTS)
    (finding,) = tabby.findings(model_missing)
    assert finding.title == f"The LoRA style has no {lacks}"
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("below", ["4.00bpw", "snapshots/4e4e4e"])
def test_a_model_in_a_directory_of_what_is_named(tabby: ScratchTabby, below: str) -> None:
    tabby.write("models/many/README.md", "")
    tabby.write(f"models/many/{below}/config.json", "{}")
    tabby.write("config.yml", "model: {model_name: many}\n")
    (finding,) = tabby.findings(model_missing)
    assert finding.title == "The model many has no config.json"
    assert f"many/{below} is there" in finding.remedies[0].title
