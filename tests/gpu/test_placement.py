"""Which GPU takes how much, what fits, and what each change would save."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tabbydoctor.gpu.byte_range import GIB, NOTHING, ByteRange
from tabbydoctor.gpu.cache_layout import NAMED_MODES, CacheLayout, KeptState, KeptTokens
from tabbydoctor.gpu.memory_need import LoadedModel, MemoryNeed
from tabbydoctor.gpu.memory_room import GpuRoom, MemoryRoom
from tabbydoctor.gpu.placement import fits, gpus_used, largest_weights, longest, placed, total
from tabbydoctor.gpu.savings import savings
from tests.gpu.test_memory_room import gpu

TOKENS = 8192
"""A GiB of cache in FP16."""


def need(weights: float, **more: Any) -> MemoryNeed:
    """So many GiB of weights, a GiB of cache; CUDA takes 0.25 to 1.4 GiB on a GPU."""
    size = ByteRange(int(weights * GIB), int(weights * GIB))
    layout = CacheLayout(32, (KeptTokens(32, 1024),), more.pop("states", ()), 131072)
    return MemoryNeed(LoadedModel("big", "/m", size, layout, None), (TOKENS, TOKENS), **more)


def room(*free: float, reserve: float = 0, **more: Any) -> MemoryRoom:
    """GPUs of 24 GiB of which so much is free."""
    gpus = tuple(gpu(index, 24, one) for index, one in enumerate(free))
    each = tuple(
        GpuRoom(one, 24 * GIB, one.free_bytes or 0, reserve=int(reserve * GIB)) for one in gpus
    )
    size = len(gpus) * 24 * GIB
    return MemoryRoom(gpus, size, int(sum(free) * GIB), 0, each=each, **more)


def parts(need: MemoryNeed, room: MemoryRoom) -> list[tuple[float, float]]:
    return [
        (round(one.amount.low / GIB, 2), round(one.amount.high / GIB, 2))
        for one in placed(need, room)
    ]


def test_one_gpu_takes_all_of_it_where_it_has_the_room() -> None:
    assert gpus_used(need(10), room(24, 24)) == 1
    assert parts(need(10), room(24, 24)) == [(11.25, 12.4)]
    assert total(need(10), room(24, 24)).high == need(10).total(1).high


def test_one_is_filled_after_the_other() -> None:
    """30 + 1 GiB, and 0.25 to twice 1.4."""
    assert parts(need(30), room(24, 24)) == [(24, 24), (7.25, 9.8)]
    assert parts(need(30), room(20, 24, 24)) == [(20, 20), (11.25, 13.8)]


def test_what_the_split_keeps_is_not_taken() -> None:
    assert parts(need(30), room(24, 24, reserve=0.5)) == [(23.5, 23.5), (7.75, 10.3)]


def test_what_does_not_fit_stands_with_the_last() -> None:
    assert parts(need(60), room(24, 24)) == [(24, 24), (37.25, 39.8)]


def test_all_at_once_by_what_they_have_free() -> None:
    together = room(24, 12, together=True)
    assert gpus_used(need(10), together) == 2
    assert parts(need(10), together) == [(7.5, 9.2), (3.75, 4.6)]


@pytest.mark.parametrize(
    ("weights", "free", "answer"),
    [(10, 12.4, "yes"), (10, 12.3, "perhaps"), (10, 11.25, "perhaps"), (10, 11.2, "no")],
)
def test_whether_it_fits(weights: float, free: float, answer: str) -> None:
    assert fits(need(weights), room(free)) == answer


def test_a_layer_that_fits_on_neither() -> None:
    """30 + 1 GiB in 32 layers, and CUDA twice 1.4: 33.8 GiB, and a layer of 0.97."""
    assert fits(need(30), room(17.4, 17.4)) == "yes"
    assert fits(need(30), room(17.3, 17.3)) == "perhaps"
    assert fits(need(30), room(16.95, 16.95, together=True)) == "yes"


def test_what_the_split_keeps_leaves_it_open() -> None:
    assert fits(need(10), room(12.4, reserve=0.1)) == "perhaps"


def test_the_largest_cache_that_fits() -> None:
    """Of 24 GiB, 10 are weights and 0.25 to 1.4 CUDA: 12.6 to 13.75 GiB, at 8192 tokens each."""
    assert longest(need(10), room(24), None) == (int(12.6 * 32) * 256, int(13.75 * 8192))
    # In Q8 all of the model's context is 8.5 GiB.
    assert longest(need(10), room(24), NAMED_MODES["Q8"]) == (131072, 131072)
    assert longest(need(30), room(24), None) == (0, 0)


def saved(need: MemoryNeed) -> dict[str, float]:
    return {
        " ".join(f"{section}.{key}={value}" for section, key, value in one.settings): round(
            one.saves.low / GIB, 3
        )
        for one in savings(need)
    }


def test_what_each_mode_and_half_the_tokens_save() -> None:
    assert saved(need(10)) == {
        "model.cache_mode=Q8": 0.469,  # 1 - 2.125 / 4
        "model.cache_mode=Q6": 0.594,  # 1 - 1.625 / 4
        "model.cache_mode=Q4": 0.719,  # 1 - 1.125 / 4
        "model.cache_size=4096 model.max_seq_len=4096": 0.5,
    }


def test_a_milder_mode_than_the_present_one_is_no_saving() -> None:
    one = need(10)
    quantised = replace(one, model=replace(one.model, bits=(6, 6)))
    assert list(saved(quantised)) == [
        "model.cache_mode=Q4",
        "model.cache_size=4096 model.max_seq_len=4096",
    ]


def test_what_drafting_vision_and_requests_cost() -> None:
    draft = LoadedModel(
        "small", "/s", ByteRange(GIB, GIB), CacheLayout(1, (KeptTokens(32, 1024),)), None
    )
    whole = need(
        10,
        draft=draft,
        draft_mode="model",
        drafted=4,
        vision=ByteRange(GIB, GIB),
        requests=4,
        states=(KeptState(1, GIB, GIB // 4),),
    )
    found = saved(whole)
    # One GiB and four quarters for each of four requests.
    assert found["model.max_batch_size=1"] == 3 * 2
    assert found["model.vision=False"] == 1
    assert found["draft_model.draft_cache_mode=Q8"] == 0.469
    # The draft model, its cache of a GiB, and the states of drafted tokens.
    assert found["draft_model.draft_mode=disabled"] == 1 + 1 + 4


def test_what_saves_nothing_is_not_told() -> None:
    small = replace(need(10), tokens=(256, 256), vision=NOTHING)
    assert "model.cache_size" not in " ".join(saved(small))


def test_weights_that_would_leave_room() -> None:
    """2048 tokens take 0.25 GiB, CUDA up to 1.4."""
    assert largest_weights(need(30), room(24)) / GIB == pytest.approx(24 - 0.25 - 1.4)
    assert largest_weights(need(30), room(1)) == 0
