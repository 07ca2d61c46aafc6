"""Settings that cancel or limit each other, and packages that a setting needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from checks.config.combination import combination
from checks.config.needs_package import needs_package
from checks.gpu.vram import vram
from tabbydoctor.api import Finding, Severity, Unknown
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.cache_layout import CacheLayout, KeptTokens
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.gpu.memory_need import LoadedModel, MemoryNeed
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.gpu.usable_room import UsableRoom, usable_room
from tabbydoctor.host.data import NvmlGpu, NvmlState
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.model_overrides import model_overrides
from tabbydoctor.targets import Targets
from tests.checks.config.conftest import Deployment
from tests.checks.gpu.machine_tree import LINUX, NEED
from tests.gpu.test_memory_room import gpu

DATA = Path(__file__).with_name("data")
ALIKE = (gpu(0, 24, 23.4), gpu(1, 24, 23.4))
UNLIKE = (gpu(0, 24, 23), replace(gpu(1, 12, 11), name="NVIDIA Stub 4070"))


def case(name: str) -> str:
    return (DATA / name / "config.yml").read_text()


def needed(gibibytes: float) -> MemoryNeed:
    """So much for the weights alone."""
    size = ByteRange(int(gibibytes * GIB), int(gibibytes * GIB))
    return MemoryNeed(
        LoadedModel("big", "/m/big", size, CacheLayout(1, (KeptTokens(1, 8),), (), 4096), None),
        (256, 256),
    )


class Judged:
    """What is found in one deployment with these GPUs and a model of that need."""

    def __init__(self, deployment: Deployment, text: str) -> None:
        deployment.write("config.yml", text)
        self.instance = Instance(str(deployment.directory))
        self.host = LocalHost()
        self.known = installation(self.host, self.instance)
        self.config: EffectiveConfig = effective_config(
            self.host, self.instance, self.known, Targets()
        )

    def room(self, gpus: Iterable[NvmlGpu]) -> UsableRoom:
        driver = Driver(NvmlState(gpus=tuple(gpus)))
        return usable_room(driver, self.instance, self.config, Machine(systemd=True), None)

    def combination(
        self, gpus: Iterable[NvmlGpu] = (), need: MemoryNeed | None = None
    ) -> list[Finding]:
        room = self.room(gpus) if gpus else None
        overrides = model_overrides(self.host, self.instance, self.config)
        return list(
            combination.judge(self.config, self.known, self.instance, overrides, need, room, LINUX)
        )

    def vram(self, gpus: Iterable[NvmlGpu], need: MemoryNeed) -> list[Finding]:
        room = self.room(gpus)
        return list(vram.judge(NEED, need, room, self.instance, self.config, LINUX, None))


# Inline loading.


def test_what_holds_for_the_first_model_only(deployment: Deployment) -> None:
    (found,) = Judged(deployment, case("inline-without-defaults")).combination()
    assert found.severity is None
    assert found.title == (
        "With inline loading max_seq_len, cache_size and cache_mode of config.yml hold for the "
        "first model only"
    )
    assert found.evidence[0].source.endswith("config.yml:5")
    assert found.evidence[1].expected == (
        'model.use_as_default: ["max_seq_len", "cache_size", "cache_mode"]'
    )
    assert found.remedies[0].title.startswith(
        'Set use_as_default: ["max_seq_len", "cache_size", "cache_mode"] under model:'
    )
    assert "tabby_config.yml" in found.remedies[0].title


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ("cache_mode: Q8", ["cache_mode"]),
        ("gpu_split: [20, 24], chunk_size: 512", ["gpu_split", "chunk_size"]),
        ("tensor_parallel: true, model_name: good", ["tensor_parallel"]),
        ("reasoning: true, tool_format: qwen3_5", ["reasoning", "tool_format"]),
    ],
)
def test_siblings_with_inline_loading(
    deployment: Deployment, settings: str, named: list[str]
) -> None:
    deployment.write("models/other/config.json", "{}")
    text = f"model: {{inline_model_loading: true, {settings}}}\n"
    (found,) = Judged(deployment, text).combination()
    assert [one.actual for one in found.evidence[2:]] != []
    assert all(name in found.title for name in named)


@pytest.mark.parametrize(
    "text",
    [
        "model: {inline_model_loading: true}\n",
        "model: {inline_model_loading: false, cache_mode: Q8}\n",
        "model: {inline_model_loading: true, cache_mode: FP16, gpu_split: [], chunk_size: 2048}\n",
        "model: {inline_model_loading: true, cache_mode: Q8, use_as_default: [cache_mode]}\n",
        "model: {inline_model_loading: true, vision: true, model_name: good}\n",
        "model: {inline_model_loading: true, cache_mode: Q8, model_name: good}\n",  # the only one
    ],
)
def test_healthy_with_and_without_inline_loading(deployment: Deployment, text: str) -> None:
    assert Judged(deployment, text).combination() == []


def test_models_that_set_it_themselves(deployment: Deployment) -> None:
    text = "model: {inline_model_loading: true, cache_mode: Q8}\n"
    deployment.write("models/good/tabby_config.yml", "model:\n  cache_mode: Q6\n")
    assert Judged(deployment, text).combination() == []
    deployment.write("models/other/config.json", "{}")
    assert len(Judged(deployment, text).combination()) == 1


def test_some_are_named_and_others_are_not(deployment: Deployment) -> None:
    text = (
        "model: {inline_model_loading: true, cache_mode: Q8, cache_size: 8192,\n"
        "  use_as_default: [cache_mode]}\n"
    )
    (found,) = Judged(deployment, text).combination()
    assert found.severity is Severity.INFO
    assert '["cache_mode", "cache_size"]' in found.remedies[0].title


def test_a_default_that_is_no_setting(deployment: Deployment) -> None:
    text = "model: {use_as_default: [cache_mode, draft_cache_mode, cache_mod]}\n"
    (found,) = Judged(deployment, text).combination()
    assert found.title == "use_as_default names cache_mod, which TabbyAPI does not know"


def test_a_default_that_is_set_and_dropped_is_one_cause(deployment: Deployment) -> None:
    text = "model: {use_as_default: [vision_offload], vision_offload: true}\n"
    (found,) = Judged(deployment, text).combination()
    assert found.caused_by == ("CFG003",)


# gpu_split.


def test_a_split_below_the_need_is_the_first_thing_said(deployment: Deployment) -> None:
    judged = Judged(deployment, case("split-too-small"))
    (found,) = judged.vram(ALIKE, needed(30))
    assert found.severity is Severity.ERROR
    assert "model.gpu_split leaves it 22.0 GiB" in found.title
    assert found.evidence[0].source.endswith("config.yml:7")
    assert found.evidence[0].actual == "model.gpu_split: [10.0, 10.0]"
    assert found.remedies[0].title == (
        "Raise model.gpu_split (GPUs 0, 1 have 46.8 GiB free), or take it out and let TabbyAPI "
        "split by itself (gpu_split_auto: true)"
    )
    (beside,) = judged.combination(ALIKE, needed(30))
    assert beside.caused_by == ("GPU008",)


def test_unlike_gpus_have_it_in_no_order(deployment: Deployment) -> None:
    judged = Judged(deployment, case("split-too-small"))
    (found,) = judged.vram(UNLIKE, needed(30))
    assert "model.gpu_split leaves it 22.0 GiB" in found.title
    with pytest.raises(Unknown, match="CUDA_DEVICE_ORDER"):
        judged.vram(UNLIKE, needed(15))


def test_a_card_too_small_for_its_share(deployment: Deployment) -> None:
    judged = Judged(deployment, "model: {model_name: big, gpu_split: [30, 20]}\n")
    (found,) = judged.combination(ALIKE)
    assert found.title == "gpu_split gives GPU 0 30 GiB, it has 24.0"
    assert found.evidence[0].expected == "24.0 GiB at most"


def test_more_shares_than_cards(deployment: Deployment) -> None:
    judged = Judged(deployment, "model: {model_name: big, gpu_split: [20, 20, 20]}\n")
    (found,) = judged.combination(ALIKE)
    assert found.title == "gpu_split has 3 shares, TabbyAPI sees 2 GPUs"


@pytest.mark.parametrize(
    ("split", "gpus"),
    [
        ("[22, 0]", ALIKE),
        ("[0, 22]", ALIKE),
        ("[24, 24]", (gpu(0, 23.99), gpu(1, 23.99))),
        ("[20.6, 24]", ALIKE),
        ("[20, 20, 0]", ALIKE),
        ("[10]", (gpu(0),)),
        ("[10, 10]", (gpu(0),)),  # TabbyAPI has no split on one GPU
        ("[]", ALIKE),
    ],
)
def test_a_split_that_is_right(
    deployment: Deployment, split: str, gpus: tuple[NvmlGpu, ...]
) -> None:
    judged = Judged(deployment, f"model: {{model_name: big, gpu_split: {split}}}\n")
    assert judged.combination(gpus, needed(5)) == []
    assert judged.vram(gpus, needed(5)) == []


# The context.


def test_a_cache_that_cuts_the_context(deployment: Deployment) -> None:
    judged = Judged(deployment, "model: {max_seq_len: 32768, cache_size: 16384}\n")
    (found,) = judged.combination()
    assert "limits requests to 16384 tokens" in found.title


@pytest.mark.parametrize(
    "text",
    [
        "{max_seq_len: 8192, cache_size: 8192}",
        "{cache_size: 8192}",
        "{max_seq_len: -1, cache_size: 8192}",
        "{max_seq_len: 99999}",
    ],
)
def test_a_cache_that_cuts_nothing(deployment: Deployment, text: str) -> None:
    assert Judged(deployment, f"model: {text}\n").combination() == []


# Packages.


def packages(*names: str, isolated: bool = True) -> PythonEnvironment:
    return PythonEnvironment(
        "/srv/venv/bin/python", ("/srv/venv/lib/site-packages",), dict.fromkeys(names, "1"),
        isolated=isolated,
    )  # fmt: skip


EMBEDDING = "embeddings: {embedding_model_name: good}\n"


def missing(deployment: Deployment, text: str, environment: PythonEnvironment) -> list[Finding]:
    judged = Judged(deployment, text)
    return list(needs_package.judge(judged.config, environment, judged.instance, LINUX))


def test_embeddings_without_their_package(deployment: Deployment) -> None:
    (found,) = missing(deployment, EMBEDDING, packages("torch", "sentence-transformers"))
    assert "needs infinity-emb, which" in found.title
    assert found.evidence[0].source.endswith("config.yml:1")
    assert found.remedies[0].commands[0].startswith("sudo -H /srv/venv/bin/python -m pip install")
    assert "[extras]" in found.remedies[0].commands[0]


def test_both_are_named(deployment: Deployment) -> None:
    (found,) = missing(deployment, EMBEDDING, packages("torch"))
    assert "infinity-emb and sentence-transformers" in found.title


def test_nothing_is_missing(deployment: Deployment) -> None:
    both = packages("infinity-emb", "sentence-transformers")
    assert missing(deployment, EMBEDDING, both) == []
    assert missing(deployment, "network: {port: 5000}\n", packages()) == []
    assert missing(deployment, EMBEDDING, packages(isolated=False)) == []
