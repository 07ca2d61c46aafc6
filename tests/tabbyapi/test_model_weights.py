"""What is read of a model's directory, and how much of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.data import Account, FileContent
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config import Origin, Setting
from tabbydoctor.tabbyapi.model_files import ModelFiles, NamedFile, Part
from tabbydoctor.tabbyapi.model_weights import ModelDirectory, model_weights
from tabbydoctor.tabbyapi.shards import MOST, missing_shards
from tests.model_files import index, pointer, safetensors

TENSORS = {f"model.layers.{n}.mlp.up_proj.trellis": 1 << 20 for n in range(32)}


class CountingHost(LocalHost):
    """Counts what is read of files."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: dict[str, int] = {}

    def read(
        self, path: str, limit: int = 1 << 20, reader: Account | None = None, *, end: bool = False
    ) -> FileContent:
        found = super().read(path, limit, reader, end=end)
        name = os.path.basename(path)
        self.bytes[name] = self.bytes.get(name, 0) + len(found.data) + found.truncated
        return found

    def seen_by(self, account: Account | None) -> LocalHost:
        return self


def look(
    directory: Path, files: Mapping[str, str | bytes], host: LocalHost | None = None,
    part: Part = "model",
) -> ModelDirectory:  # fmt: skip
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    setting = Setting("model", "model_name", "m", Origin("config-file", "/c"))
    named = ModelFiles((NamedFile(part, "m", str(directory), setting),))
    found = model_weights(host or LocalHost(), Instance(str(directory)), named)
    return found.directories[0]


def test_heads_are_read_and_no_tensor(tmp_path: Path) -> None:
    host, whole = CountingHost(), safetensors(TENSORS)
    files: dict[str, str | bytes] = {
        "config.json": '{"architectures": ["LlamaForCausalLM"]}',
        "model-00001-of-00002.safetensors": whole,
        "model-00002-of-00002.safetensors": whole,
        "model.safetensors.index.json": index("model-00001-of-00002.safetensors"),
        "tokenizer.json": "{}" * 600_000,
    }
    found = look(tmp_path, files, host)
    assert (found.damaged, found.missing) == ((), ())
    head = 8 + int.from_bytes(whole[:8], "little")
    assert len(whole) > 32 << 20
    # The length once more than the head, and a byte to see that there is more.
    assert host.bytes["model-00001-of-00002.safetensors"] <= head + 8 + 2
    assert host.bytes["tokenizer.json"] == 2
    assert sum(host.bytes.values()) < 3 * head + 3000


def test_a_file_that_claims_a_long_head_is_not_read(tmp_path: Path) -> None:
    host = CountingHost()
    claims = (90 << 20).to_bytes(8, "little") + bytes(1 << 20)
    found = look(tmp_path, {"model.safetensors": claims}, host)
    assert [one.damage for one in found.damaged] == ["damaged"]
    assert host.bytes["model.safetensors"] < 2000


def test_a_head_larger_than_is_read_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((64 << 20).to_bytes(8, "little"))
    os.truncate(path, 100 << 20)
    found = look(tmp_path, {})
    assert not found.damaged
    assert "larger than is read" in found.unjudged


def test_a_directory_of_very_many_files(tmp_path: Path) -> None:
    for number in range(100_000):
        (tmp_path / f"{number}.txt").touch()
    host = CountingHost()
    found = look(tmp_path, {"config.json": "{}", "model.safetensors": safetensors({"a": 2})}, host)
    assert len(found.names) == 100_002
    assert set(host.bytes) == {"config.json", "model.safetensors"}


def test_very_many_parts_that_name_very_many_more() -> None:
    names = [f"m{number}-00001-of-99999.safetensors" for number in range(100_000)]
    assert len(missing_shards(names, [[names[0], "absent.safetensors"], []])) == MOST


@pytest.mark.parametrize(
    ("names", "indexes", "missing"),
    [
        (["model.safetensors"], [], []),
        (["a-00001-of-00002.safetensors", "a-00002-of-00002.safetensors"], [], []),
        (["a-00000-of-00002.safetensors", "a-00001-of-00002.safetensors"], [], []),
        (["a-00002-of-00002.safetensors"], [], ["a-00001-of-00002.safetensors"]),
        # What the quantisation has left of the original's.
        (["model.safetensors"], [["model-00001-of-00002.safetensors"]], []),
        (["output-00001-of-00001.safetensors"], [["x-00001-of-00003.safetensors"]], []),
        # Published in two namings, one of them not downloaded.
        (
            ["consolidated.safetensors", "a-00001-of-00001.safetensors"],
            [["consolidated-00001-of-00002.safetensors"]],
            [],
        ),
        (
            ["a-00001-of-00001.safetensors", "c-00001-of-00002.safetensors"],
            [["c-00001-of-00002.safetensors", "c-00002-of-00002.safetensors"]],
            [],
        ),
        (["a.safetensors"], [["a.safetensors", "b.safetensors"]], ["b.safetensors"]),
        (["a.gguf"], [["a.safetensors"]], ["a.safetensors"]),
        ([], [], []),
    ],
)
def test_which_parts_lack(names: list[str], indexes: list[list[str]], missing: list[str]) -> None:
    assert missing_shards(names, indexes) == missing


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1, "b": "../x", "c": null}}', "{", ""],
)
def test_an_index_that_makes_no_sense(tmp_path: Path, content: str) -> None:
    whole = safetensors({"a": 2})
    assert (
        look(tmp_path, {"model.safetensors.index.json": content, "m.safetensors": whole}).missing
        == ()
    )


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_what_is_no_file_is_no_reason_to_end(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    look(tmp_path, {"extra.safetensors": safetensors({"a": 2})})
    (tmp_path / "pipe.safetensors").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "pipe.safetensors")
    look(tmp_path, {})


def test_a_longer_file_than_its_head_tells_is_whole(tmp_path: Path) -> None:
    assert not look(tmp_path, {"model.safetensors": safetensors({"a": 2}) + bytes(64)}).damaged


def test_hidden_files_are_not_loaded(tmp_path: Path) -> None:
    whole = safetensors({"a": 2})
    assert not look(tmp_path, {".a.safetensors": "", "b.safetensors": whole}).damaged


@pytest.mark.parametrize(
    "text",
    [
        pointer(1 << 40),
        "version https://git-lfs.github.com/spec/v1\next-0-x sha256:ab\noid sha256:ab\nsize 7\n",
    ],
)
def test_pointers(tmp_path: Path, text: str) -> None:
    (found,) = look(tmp_path, {"model.safetensors": text}).damaged
    assert found.damage == "pointer"
    assert found.wanted in (1 << 40, 7)


def test_templates_of_a_model(tmp_path: Path) -> None:
    assert not look(tmp_path, {"tokenizer_config.json": "{}"}).template
    brought = json.dumps({"chat_template": "{{ m }}"})
    assert look(tmp_path, {"tokenizer_config.json": brought}).template
