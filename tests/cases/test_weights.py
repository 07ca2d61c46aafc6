"""TabbyAPI ends as it loads its model: what is wrong with the model's files is the root."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tabbydoctor.api import Severity
from tests.model_files import index, pointer, safetensors

from .scene import (  # fmt: skip
    CONFIG,
    IVAN,
    MODEL,
    RUNNING,
    STOPPED,
    TABBY,
    UNIT,
    Scene,
    failed,
    refusing,
    serving,
    told,
)

HEADER = "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge"
LACKING = (
    "ValueError: Required tensor model.embed_tokens.weight not found in any *.safetensors file in "
    f"{TABBY}/models/tiny-exl3"
)
UNKNOWN = "AssertionError: Unknown architecture {} in models/tiny-exl3/config.json"
PACKAGES = f"{TABBY}/venv/lib/python3.12/site-packages"
SHARD = safetensors({"model.layers.0.mlp.up_proj.trellis": 4096})
TWO = {
    "model-00001-of-00002.safetensors": SHARD,
    "model-00002-of-00002.safetensors": SHARD,
    "model.safetensors": None,
}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
    return scene


def refused(scene: Scene, line: str, **files: str | bytes | None) -> None:
    """TabbyAPI has ended as it loaded a model of these files."""
    scene.model(**files)
    scene.state, scene.endpoint = failed(1), refusing()
    scene.log = (line, f"{UNIT}: Main process exited, code=exited, status=1/FAILURE")


def knows(scene: Scene, *names: str, version: str = "1.4.1") -> None:
    """An exllamav3 is installed that loads these architectures."""
    scene.write(f"{PACKAGES}/exllamav3-{version}.dist-info/METADATA", "Name: exllamav3\n")
    for name in names:
        text = f'class Config(Base):\n    arch_string = "{name}"\n'
        scene.write(f"{PACKAGES}/exllamav3/architecture/{name.lower()}.py", text)


def test_weights_that_are_pointers(scene: Scene) -> None:
    refused(scene, HEADER, **{"model.safetensors": pointer(4912345678)})
    said = scene.examine()
    assert said.ids == ["CFG010"]
    finding = said.finding("CFG010")
    assert "git-lfs pointer" in finding.title
    assert (finding.evidence[0].expected, finding.evidence[0].actual) == (
        "4.9 GB",
        "a git-lfs pointer of 135 bytes",
    )
    assert {"SVC002", "SVC011", "API001"} <= set(said.explains("CFG010"))


def test_pointers_in_a_clone_are_pulled_by_its_own_account(scene: Scene) -> None:
    refused(scene, HEADER, **{**TWO, "model-00002-of-00002.safetensors": pointer(5)})
    scene.write(f"{TABBY}/models/tiny-exl3/.git/HEAD", "ref: refs/heads/main\n")
    first = scene.examine().finding("CFG010").remedies[0]
    assert first.commands[0] == f"sudo -H -u ivan git -C {TABBY}/models/tiny-exl3 lfs pull"
    assert first.commands[-1] == f"sudo systemctl restart {UNIT}"


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_a_pointer_in_place_of_any_file_that_is_read(scene: Scene, name: str) -> None:
    refused(scene, "Exception: expected value at line 1 column 1", **{name: pointer(17_082_730)})
    said = scene.examine()
    assert said.ids == ["CFG010"]
    assert name in told(said.finding("CFG010"))
    assert "git-lfs pointer" in said.finding("CFG010").title


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (safetensors({"a.trellis": 9000}, short=1000), "is cut off"),
        (SHARD[:40], "no safetensors file"),
        (b"", "is empty"),
        (b"<!doctype html>\n<title>404</title>" * 40, "a web page"),
        (b"GGUF\x03\0\0\0" + bytes(2000), "is GGUF"),
        (bytes(4096), "is zeros"),
    ],
    ids=["cut-off", "in its head", "empty", "a page", "gguf", "preallocated"],
)
def test_a_file_that_is_not_whole(scene: Scene, content: bytes, said: str) -> None:
    refused(scene, HEADER, **{**TWO, "model-00002-of-00002.safetensors": content})
    found = scene.examine()
    assert found.ids == ["CFG010"]
    assert said in found.finding("CFG010").title
    assert "model-00002-of-00002.safetensors" in found.finding("CFG010").title


def test_what_aria2_has_not_finished(scene: Scene) -> None:
    files: dict[str, str | bytes | None] = {**TWO, "model-00001-of-00002.safetensors.aria2": "x"}
    refused(scene, HEADER, **files)
    finding = scene.examine().finding("CFG010")
    assert "is not downloaded to its end" in finding.title


@pytest.mark.parametrize("told_by", ["index", "numbering"])
def test_a_part_that_is_not_there(scene: Scene, told_by: str) -> None:
    files: dict[str, str | bytes | None] = {**TWO, "model-00002-of-00002.safetensors": None}
    if told_by == "index":
        files["model.safetensors.index.json"] = index(*[name for name in TWO if "-of-" in name])
    refused(scene, LACKING, **files)
    said = scene.examine()
    assert said.ids == ["CFG010"]
    finding = said.finding("CFG010")
    assert finding.title.endswith("incomplete: model-00002-of-00002.safetensors is not there")
    assert "SVC011" in said.explains("CFG010")


def test_an_index_without_any_of_its_parts(scene: Scene) -> None:
    files: dict[str, str | bytes | None] = {
        "model.safetensors": None,
        "model.safetensors.index.json": index("a.safetensors", "b.safetensors"),
        "a.safetensors.part": "x",
    }
    refused(scene, LACKING, **files)
    finding = scene.examine().finding("CFG010")
    assert "incomplete: 2 files are not there" in finding.title
    assert "a.safetensors.part" in told(finding)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"model.Q4_K_M.gguf": "GGUF"}, "is GGUF"),
        ({"pytorch_model.bin": "PK", "training_args.bin": "PK"}, "is pickled (.bin)"),
        ({"consolidated.00.pth": "PK"}, "is pickled (.pth)"),
        ({"optimizer.pt": "PK"}, "has no weights"),
        ({"model.safetensors.incomplete": "x"}, "has no weights"),
        ({}, "has no weights"),
    ],
)
def test_weights_of_another_format_beside_config_json(
    scene: Scene, files: dict[str, str], said: str
) -> None:
    line = "FileNotFoundError: no .safetensors files found in models/tiny-exl3"
    refused(scene, line, **{"model.safetensors": None, **files})
    found = scene.examine()
    assert found.ids == ["CFG010"]
    assert said in found.finding("CFG010").title


@pytest.mark.parametrize(
    ("config", "tensor", "said"),
    [
        ({"quantization_config": {"quant_method": "awq"}}, "model.layers.0.q.qweight", "AWQ"),
        ({}, "model.layers.0.q.qweight", "GPTQ or AWQ"),
        ({}, "model.layers.0.q.q_weight", "EXL2"),
        ({"quantization_config": {"quant_method": "exl2"}}, "model.layers.0.q.q_weight", "exl2"),
    ],
)
def test_tensors_that_are_packed_in_another_format(
    scene: Scene, config: dict[str, object], tensor: str, said: str
) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    config = {"architectures": ["LlamaForCausalLM"], **config}
    line = "ValueError: No tensors found for model.layers.0.q matching supported quantization"
    files: dict[str, str | bytes | None] = {"config.json": json.dumps(config)}
    files["model.safetensors"] = safetensors({tensor: 8})
    refused(scene, line, **files)
    found = scene.examine()
    assert found.ids == ["CFG010"]
    assert f"is {said}, which this TabbyAPI does not load" in found.finding("CFG010").title


def test_what_mlx_has_quantised(scene: Scene) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    weights = safetensors({"model.layers.0.mlp.up_proj.weight": 8}, dtype="U32")
    config = '{"architectures": ["LlamaForCausalLM"], "quantization": {"bits": 8}}'
    files: dict[str, str | bytes | None] = {"config.json": config}
    files["model.safetensors"] = weights
    refused(scene, "ValueError: Unknown dtype U32", **files)
    assert "is MLX, which" in scene.examine().finding("CFG010").title


def test_an_architecture_is_known_by_the_installed_package(scene: Scene) -> None:
    config = '{"architectures": ["Zephyr9ForCausalLM"], "quantization_config": {}}'
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    knows(scene, "LlamaForCausalLM")
    refused(scene, UNKNOWN.format("Zephyr9ForCausalLM"), **{"config.json": config})
    said = scene.examine()
    assert said.ids == ["CFG010"]
    finding = said.finding("CFG010")
    assert finding.title.startswith("exllamav3 1.4.1 does not know Zephyr9ForCausalLM")
    assert "Update TabbyAPI and exllamav3" in finding.remedies[0].title
    assert f"git -C {TABBY} pull" in finding.remedies[0].commands[0]


def test_since_when_it_is_known_is_said(scene: Scene) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    knows(scene, "LlamaForCausalLM", version="0.0.30")
    config = '{"architectures": ["DeepseekV4ForCausalLM"]}'
    refused(scene, UNKNOWN.format("DeepseekV4ForCausalLM"), **{"config.json": config})
    finding = scene.examine().finding("CFG010")
    assert "since 1.4.0" in finding.detail
    assert "1.4.0 or newer" in finding.remedies[0].title


@pytest.mark.parametrize("names", ["[]", '["LlamaForCausalLM", "B"]', "null"])
def test_exllamav3_takes_one_architecture(scene: Scene, names: str) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    knows(scene, "LlamaForCausalLM")
    line = "AssertionError: Multiple architectures defined in models/tiny-exl3/config.json"
    refused(scene, line, **{"config.json": f'{{"architectures": {names}}}'})
    finding = scene.examine().finding("CFG010")
    assert "architecture" in finding.title


def test_where_the_package_cannot_be_seen_the_log_decides(scene: Scene) -> None:
    line = UNKNOWN.format("Zephyr9ForCausalLM")
    refused(scene, line, **{"config.json": '{"architectures": ["Zephyr9ForCausalLM"]}'})
    said = scene.examine()
    assert said.ids == ["SVC011"]
    assert "architecture" in said.finding("SVC011").title
    assert said.findings("CFG010")[0].severity is Severity.INFO


def test_what_its_account_may_not_read(scene: Scene) -> None:
    refused(scene, "PermissionError: [Errno 13] Permission denied: 'model.safetensors'")
    weights = scene.root / f"{TABBY}/models/tiny-exl3/model.safetensors".lstrip("/")
    os.chown(weights, 0, 0)
    weights.chmod(0o600)
    said = scene.examine()
    assert said.ids == ["CFG010"]
    finding = said.finding("CFG010")
    assert finding.title == "ivan cannot read the model tiny-exl3"
    assert finding.evidence[0].actual == "mode 0600, owner 0:0"
    # In a directory of ivan's own a link may stand there tomorrow: root opens nothing to him.
    assert "setfacl" not in told(finding)


def test_a_directory_of_roots_is_opened_to_it(scene: Scene) -> None:
    for name, content in {"config.json": '{"architectures": ["LlamaForCausalLM"]}'}.items():
        scene.write(f"/srv/models/tiny-exl3/{name}", content)
    scene.write("/srv/models/tiny-exl3/model.safetensors", SHARD)
    scene.write("/srv/models/tiny-exl3/tokenizer.json", "{}", mode=0o600)
    (scene.root / "srv/models").chmod(0o700)
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}".replace("models\n", "/srv/models\n"))
    refused(scene, "ValueError: Failed to load config.json from /srv/models/tiny-exl3")
    finding = scene.examine().finding("CFG010")
    assert finding.title == "ivan cannot read the model tiny-exl3"
    assert finding.remedies[0].commands[:2] == (
        "sudo setfacl -m u:ivan:x /srv/models",
        "sudo setfacl -R -m u:ivan:rX /srv/models/tiny-exl3",
    )


def test_a_tokenizer_that_exllamav3_does_not_read(scene: Scene) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    line = "Exception: No such file or directory (os error 2)"
    refused(scene, line, **{"tokenizer.json": None, "tokenizer.model": "x"})
    said = scene.examine()
    assert said.ids == ["CFG010"]
    assert "has no tokenizer.json" in said.finding("CFG010").title
    assert "tokenizer.model alone" in told(said.finding("CFG010"))


def test_a_link_that_leads_nowhere(scene: Scene) -> None:
    refused(scene, "FileNotFoundError: [Errno 2] No such file or directory", **TWO)
    shard = scene.root / f"{TABBY}/models/tiny-exl3/model-00002-of-00002.safetensors".lstrip("/")
    shard.unlink()
    shard.symlink_to("../../blobs/4e4e")
    os.chown(shard, IVAN.uid, IVAN.gid, follow_symlinks=False)
    assert "a link that leads nowhere" in scene.examine().finding("CFG010").title


def test_the_draft_model_is_judged_as_the_model_is(scene: Scene) -> None:
    refused(scene, HEADER)
    scene.write(f"{TABBY}/models/draft/config.json", '{"architectures": ["LlamaForCausalLM"]}')
    scene.write(f"{TABBY}/models/draft/model.safetensors", pointer(900_000_000))
    draft = "draft_model:\n  draft_model_name: draft\n"
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}{draft}")
    said = scene.examine()
    assert said.ids == ["CFG010"]
    assert "of the draft model draft is a git-lfs pointer" in said.finding("CFG010").title


def test_a_lora_that_is_damaged_explains_nothing_that_is_down(scene: Scene) -> None:
    scene.model()
    scene.write(f"{TABBY}/loras/style/adapter_config.json", "{}")
    scene.write(f"{TABBY}/loras/style/adapter_model.safetensors", pointer(1000))
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}lora:\n  loras:\n    - name: style\n")
    scene.state, scene.endpoint = STOPPED, refusing()
    said = scene.examine()
    assert said.finding("CFG010").severity is Severity.WARNING
    assert said.explains("CFG010") == ()


def test_a_model_that_sees_needs_its_preprocessor(scene: Scene) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    config = '{"architectures": ["Gemma3ForConditionalGeneration"]}'
    refused(scene, "FileNotFoundError: preprocessor_config.json", **{"config.json": config})
    assert "has no preprocessor_config.json" in scene.examine().finding("CFG010").title


def test_what_a_server_has_loaded_is_not_read_against_it(scene: Scene) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    knows(scene, "LlamaForCausalLM")
    config = '{"architectures": ["OfAForkForCausalLM"]}'
    scene.model(**{"config.json": config, "tokenizer.json": None})
    scene.state, scene.endpoint = RUNNING, serving()
    said = scene.examine()
    assert [one.severity for one in said.findings("CFG010")] == [Severity.INFO]


@pytest.mark.parametrize("log", ["Model successfully loaded.", "Uvicorn running on http://x"])
def test_nor_what_the_last_run_had_loaded(scene: Scene, log: str) -> None:
    scene.model(**{"tokenizer.json": None, "model.safetensors": None})
    scene.state, scene.endpoint = STOPPED, refusing()
    scene.log = ("INFO:     Loading model: models/tiny-exl3", f"INFO:     {log}", "Stopping x")
    assert "CFG010" not in scene.examine().ids


def test_nor_what_had_come_as_far_as_memory(scene: Scene) -> None:
    scene.write(f"{TABBY}/backends/exllamav3/model.py", "")
    refused(scene, "torch.OutOfMemoryError: CUDA out of memory.", **{"tokenizer.json": None})
    assert "CFG010" not in scene.examine().ids


def test_another_model_that_it_had_loaded_proves_nothing(scene: Scene) -> None:
    scene.model(**{"model.safetensors": None})
    scene.state, scene.endpoint = STOPPED, refusing()
    scene.log = ("INFO:     Loading model: models/other", "INFO:     Model successfully loaded.")
    assert "CFG010" in scene.examine().ids
