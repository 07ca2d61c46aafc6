"""`tabbydoctor vram` from end to end: every way to name a model, every end, both formats."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.cli.app import run
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.facts import Facts
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.memory_need import TERMS
from tabbydoctor.host.data import NvmlGpu, NvmlState
from tabbydoctor.host.local import LocalHost
from tests.gpu.models import LLAMA, write_model
from tests.gpu.shapes import DEEPSEEK_V4, LLAMA_8B, QWEN3_5_27B, exl3
from tests.gpu.test_memory_room import gpu

OTHER = replace(gpu(1, 12, 11), name="NVIDIA Stub 4070")


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A TabbyAPI of which `big` is configured: 9 GiB of weights, 4 GiB of cache."""
    directory = tmp_path / "TabbyAPI"
    directory.mkdir()
    (directory / "main.py").touch()
    configure(directory)
    write_model(directory / "models/big")
    return directory


def configure(directory: Path, text: str = "", name: str = "big") -> None:
    """Write config.yml, with further lines of `model:`."""
    usual = f"model:\n  model_dir: models\n  model_name: {name}\n  max_seq_len: 32768\n"
    (directory / "config.yml").write_text(usual + text)


def with_gpus(monkeypatch: pytest.MonkeyPatch, *gpus: NvmlGpu) -> None:
    state = NvmlState(driver="580.95.05", cuda=(13, 0), gpus=gpus)
    monkeypatch.setattr(LocalHost, "nvml", lambda self: state)


def without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    state = NvmlState(error=12, error_text="NVML Shared Library Not Found")
    monkeypatch.setattr(LocalHost, "nvml", lambda self: state)


class Told:
    """What the command says."""

    def __init__(self, capsys: pytest.CaptureFixture[str], server: Path) -> None:
        self.capsys, self.given = capsys, ["--dir", str(server)]

    def text(self, *words: str) -> str:
        assert run(["vram", *words, *self.given]) == 0
        said = self.capsys.readouterr()
        assert said.err == ""
        assert all(len(line) <= 80 for line in said.out.splitlines() if " " in line.strip())
        return said.out

    def document(self, *words: str) -> dict[str, Any]:
        assert run(["vram", *words, "--format", "json", *self.given]) == 0
        found: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return found

    def error(self, *words: str) -> str:
        """Exit 2: in words and as one document, the same."""
        assert run(["vram", *words, *self.given]) == 2
        said = self.capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        assert run(["vram", *words, "--format", "json", *self.given]) == 2
        document = json.loads(self.capsys.readouterr().out)
        assert document["exit_code"] == 2
        assert document["error"]["hint"]
        return said.err


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], server: Path) -> Told:
    return Told(capsys, server)


def test_a_model_that_fits(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, gpu(0, 24, 20))
    text = told.text()
    assert text.startswith("big fits: it needs 13.2 to 14.6 GiB, 20.0 GiB are free on GPU 0\n")
    assert "  cache            4.0 GiB            32768 tokens in FP16\n" in text
    assert "GPU 0  NVIDIA Stub 3090, 24.0 GiB" in text
    assert "    would take 13.2 to 14.6 GiB of 20.0 GiB free" in text
    assert "model.cache_mode: Q8" in text
    document = told.document()
    assert document["fits"] == "yes"
    assert document["verdict"] == text.partition("\n")[0]
    assert document["cache_tokens"] == [32768, 32768]
    parts = {term["kind"]: term["amount"]["low"] for term in document["terms"]}
    assert parts == {"weights": 9 * GIB, "cache": 4 * GIB, "overhead": GIB // 4}
    assert document["total"]["low"] == sum(parts.values())
    (only,) = document["gpus"]
    assert only["takes"] == document["total"]
    assert (only["reserve"], only["limit"]) == (96 << 20, None)


def test_one_that_does_not_names_what_would_do(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, gpu(0, 24, 13, {99999999: 11}))
    text = told.text()
    assert text.startswith("big does not fit: it needs 13.2 GiB or more, 13.0 GiB are free")
    assert "held by process 99999999: 11.0 GiB" in text
    assert "  1.9 GiB          model.cache_mode: Q8  (it fits then)" in text
    document = told.document()
    assert document["fits"] == "no"
    assert document["holders"][0]["used"] == 11 * GIB
    saving = document["savings"][0]
    assert saving["settings"] == [{"section": "model", "key": "cache_mode", "value": "Q8"}]
    assert saving["fits"] == "yes"
    modes = {one["cache_mode"]: one["surely"] for one in document["longest"]}
    assert 0 < modes["FP16"] < modes["Q8"] < modes["Q4"]


def test_one_that_may_fit(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, gpu(0, 24, 14))
    assert told.text().startswith("big may or may not fit: it needs 13.2 to 14.6 GiB, 14.0 GiB")


def test_without_a_gpu_the_need_alone(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    without_gpus(monkeypatch)
    text = " ".join(told.text().split())
    assert text.startswith("big needs 13.2 to 14.6 GiB; there is no GPU to hold it against: ")
    assert "NVML Shared Library Not Found" in text
    document = told.document()
    assert (document["fits"], document["gpus"], document["order"]) == (None, [], None)
    assert document["no_gpu"]


def test_what_gpu_split_leaves(told: Told, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(server, "  gpu_split: [5, 5]\n")
    with_gpus(monkeypatch, gpu(0, 24, 23.4), gpu(1, 24, 23.4))
    text = " ".join(told.text().split())
    assert "big does not fit: it needs 13.2 GiB or more, gpu_split leaves it 12.0 GiB" in text
    assert f"46.8 GiB are free on GPUs 0, 1, without {server}/config.yml:5 (it fits then)" in text
    document = told.document()
    assert document["gpu_split"]
    assert document["without_split"] == {
        "free": 2 * int(23.4 * GIB),
        "fits": "yes",
        "where": f"{server}/config.yml:5",
    }
    assert [one["limit"] for one in document["gpus"]] == [6 * GIB, 6 * GIB]


def test_unlike_gpus_need_an_order(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, gpu(0, 24, 20), OTHER)
    text = told.text()
    assert "Which GPU is which" in text
    assert "    Environment=CUDA_DEVICE_ORDER=PCI_BUS_ID\n" in text
    assert "    Environment=CUDA_VISIBLE_DEVICES=0,1\n" in text
    configure(server, "  gpu_split: [10, 10]\n")
    document = told.document()
    assert document["fits"] is None
    assert document["order"]["certain"] is False
    assert document["order"]["environment"][0] == "CUDA_DEVICE_ORDER=PCI_BUS_ID"


def test_gpus_alike_need_none(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, gpu(0), gpu(1))
    assert "Which GPU is which" not in told.text()
    assert told.document()["order"]["environment"] == []


def test_the_gpus_that_are_visible(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA numbers anew what it shows."""
    with_gpus(monkeypatch, gpu(0), gpu(1))
    seen = replace_environment({"CUDA_VISIBLE_DEVICES": "1"}, {"CUDA_VISIBLE_DEVICES": "process 7"})
    monkeypatch.setattr(Facts, "named", seen)
    text = told.text()
    assert "GPU 1  NVIDIA Stub 3090, 24.0 GiB, 0 to TabbyAPI" in text
    assert "GPU 0" not in text
    assert "CUDA_VISIBLE_DEVICES is 1 (process 7)" in text
    (only,) = told.document()["gpus"]
    assert (only["index"], only["cuda"]) == (1, 0)


def replace_environment(environment: dict[str, str], sources: dict[str, str]) -> Any:
    """Facts in which TabbyAPI has that environment."""
    named = Facts.named

    async def told(self: Facts, name: str) -> Any:
        found = await named(self, name)
        if isinstance(found, Instance):
            return replace(found, environment=environment, environment_sources=sources)
        return found

    return told


# How a model is named.
def test_a_name_below_the_models_directory(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_gpus(monkeypatch)
    write_model(server / "models/other", LLAMA, {"model.layers.0.a": GIB})
    assert told.document("other")["terms"][0]["amount"]["low"] == GIB


def test_paths(told: Told, server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_gpus(monkeypatch)
    coming = tmp_path / "coming"
    coming.mkdir()
    (coming / "config.json").write_text(json.dumps(exl3(LLAMA_8B, 4)))
    monkeypatch.chdir(tmp_path)
    expected = told.document(str(coming))
    assert (expected["model"], expected["path"]) == ("coming", str(coming))
    for word in ("coming", "./coming", "coming/config.json", f"{coming}/config.json"):
        assert told.document(word) == expected
    shutil.copy(coming / "config.json", tmp_path / "llama.json")
    assert told.document("llama.json")["total"] == expected["total"]
    assert "no weights are there: 4 bits" in expected["assumed"][0]
    assert "Taken for granted" in told.text("coming")


def test_bits_that_are_given(told: Told, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_gpus(monkeypatch)
    four = told.document("--bpw", "4")["terms"][0]["amount"]["low"]
    eight = told.document("--bpw", "8")["terms"][0]["amount"]["low"]
    assert four < eight < 2.1 * four


@pytest.fixture
def counted(server: Path) -> None:
    """The configured model's numbers can be counted."""
    (server / "models/big/config.json").write_text(json.dumps(exl3(LLAMA_8B, 4)))


pytestmark = pytest.mark.usefixtures("counted")


def test_a_machine_without_tabbyapi(
    capsys: pytest.CaptureFixture[str], server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TabbyAPI's defaults: all that the model can take."""
    without_gpus(monkeypatch)
    monkeypatch.setattr(LocalHost, "processes", lambda self: ())
    monkeypatch.setattr(LocalHost, "run", _no_systemd)
    assert run(["vram", str(server / "models/big"), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["cache_tokens"] == [131072, 131072]
    assert "no TabbyAPI" in document["assumed"][0]
    assert run(["vram"]) == 2
    said = capsys.readouterr().err
    assert "no TabbyAPI" in said
    assert "config.json" in said


def _no_systemd(self: LocalHost, argv: Sequence[str], **more: Any) -> Any:
    from tabbydoctor.host.data import CommandResult

    return CommandResult(tuple(argv), 127)


def test_a_kind_that_is_not_known(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, with what is known."""
    with_gpus(monkeypatch, gpu(0))
    write_model(server / "models/v4", exl3(DEEPSEEK_V4, 4), {"model.layers.0.a": 100 * GIB})
    text = " ".join(told.text("v4").split())
    assert text.startswith(
        "What v4 needs is not known: how large the cache of a DeepseekV4ForCausalLM is; its "
        "weights take 100.0 GiB at most"
    )
    assert "43 layers, 1048576 tokens of context, quantised by exl3 of 4 bits" in text
    document = told.document("v4")
    assert document["unknown"]
    assert document["total"] is None
    assert document["fits"] is None
    assert document["at_most"] // GIB == 100


def test_a_model_with_states_and_drafting(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_gpus(monkeypatch)
    tensors = {"model.layers.0.a": 10 * GIB, "mtp.layers.0.a": GIB, "model.visual.a": GIB}
    write_model(server / "models/hybrid", exl3(QWEN3_5_27B, 4), tensors)
    configure(server, "  vision: true\ndraft_model:\n  draft_mode: mtp\n", "hybrid")
    document = told.document()
    assert document["draft_mode"] == "mtp"
    assert [term["kind"] for term in document["terms"]] == [
        *("weights", "cache", "states", "draft-weights", "draft-cache", "vision", "overhead")
    ]
    keys = {one["settings"][0]["key"] for one in document["savings"]}
    assert keys >= {"max_batch_size", "cache_mode", "cache_size", "draft_mode", "vision"}


# What it cannot.
@pytest.mark.parametrize("bpw", ["0", "-4", "33", "nan", "inf"])
def test_bits_that_cannot_be(told: Told, bpw: str) -> None:
    assert f"--bpw {float(bpw):g} is no number of bits" in told.error("--bpw", bpw)


def test_no_such_model(told: Told, server: Path) -> None:
    said = told.error("nowhere")
    assert "there is no model nowhere" in said
    assert f"in {server}/models there are big" in said
    (server / "models/empty").mkdir()
    assert "has no config.json" in told.error("empty")
    assert "no name or path" in _usage(told)


def test_a_model_that_may_not_be_read(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = LocalHost.status

    def denied(self: LocalHost, path: str, follow: bool = True) -> Any:
        if path.endswith("/secret"):
            raise PermissionError(13, "Permission denied", path)
        return status(self, path, follow)

    monkeypatch.setattr(LocalHost, "status", denied)
    said = told.error("secret")
    assert "may not be read" in said
    assert "rights of TabbyAPI's account" in said


def _usage(told: Told) -> str:
    assert run(["vram", "", *told.given]) == 2
    return told.capsys.readouterr().err


def test_no_model_configured(told: Told, server: Path) -> None:
    (server / "config.yml").write_text("model: {}\n")
    assert "no model is configured" in told.error()
    configure(server, name="elsewhere")
    assert "the model elsewhere cannot be loaded" in told.error()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 5000])
def test_a_config_json_that_is_none(told: Told, server: Path, content: bytes) -> None:
    path = server / "models/big/config.json"
    path.write_bytes(content)
    assert str(path) in told.error()
    assert str(path) in told.error(str(path))


def test_weights_that_are_none(told: Told, server: Path) -> None:
    path = server / "models/big/model.safetensors"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert f"{path} is no safetensors file" in told.error()


# One computation.
def test_the_check_and_the_command_agree(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, gpu(0, 10, 9), gpu(1, 2, 1))
    given = ["--only", "GPU008", "--format", "json", *told.given]
    assert run(["check", *given]) == 1
    (result,) = json.loads(told.capsys.readouterr().out)["checks"]
    (finding,) = result["findings"]
    document = told.document()
    for term in document["terms"]:
        amount = ByteRange(term["amount"]["low"], term["amount"]["high"])
        assert f"{TERMS[term['kind']]} {amount}: {term['says']}" in finding["detail"]
    whole = ByteRange(document["total"]["low"], document["total"]["high"])
    assert f"Estimate for big: {whole} (" in finding["detail"]
    assert finding["title"].startswith(f"The model needs {str(whole).partition(' ')[0]} GiB")
    seen = {one["source"]: one.get("actual") for one in finding["evidence"]}
    for one in document["gpus"]:
        free, total = one["free"] / GIB, one["total"] / GIB
        assert seen[f"NVML, GPU {one['index']}"] == f"{free:.1f} of {total:.1f} GiB free"


def test_a_known_key_is_not_shown(
    told: Told, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_gpus(monkeypatch)
    key = "Zx9plantedkeyofthismodel41"
    (server / "api_tokens.yml").write_text(f"api_key: {key}\nadmin_key: {key}b\n")
    shown = {"architectures": [f"{key}ForCausalLM"], "num_hidden_layers": 3}
    write_model(server / "models/named", {**LLAMA, **shown})
    assert "is not known" in " ".join(told.text("named").split())
    from tabbydoctor.redaction import remember

    remember(key)
    assert key not in told.text("named")
    assert key not in json.dumps(told.document("named"))
