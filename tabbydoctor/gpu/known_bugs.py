"""Bugs of released packages that TabbyAPI runs on, and the releases that mend them: data.

Each was read in the thread or commit it names, and the releases that have it in the sources of
their tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from tabbydoctor.documents import whole_number
from tabbydoctor.records import dataclass, field

LOOKED_UP = "2026-11-27"
BugCondition = Literal["", "tensor_parallel", "drafting", "embeddings"]
_EXL3 = "https://github.com/turboderp-org/exllamav3"
_TABBY = "https://github.com/theroyallab/tabbyAPI"
_RECURRENT = frozenset(
    {
        "NemotronHForCausalLM",
        "OlmoHybridForCausalLM",
        "Qwen3NextForCausalLM",
        "Qwen3_5ForCausalLM",
        "Qwen3_5ForConditionalGeneration",
        "Qwen3_5MoeForCausalLM",
        "Qwen3_5MoeForConditionalGeneration",
    }
)


@dataclass(frozen=True, slots=True)
class KnownBug:
    """One bug."""

    package: str
    first: str
    """The first release that has it."""
    last: str
    """The last release that has it."""
    symptom: str
    """What is seen of it: one sentence, without a full stop."""
    source: str
    """The thread or commit that tells of it."""
    mended: str
    """What mends it: a release, or a bound on another package."""
    when: BugCondition = ""
    """What of the configuration it shows with; empty: anything."""
    architectures: frozenset[str] = frozenset()
    """The architectures it shows with; empty: all."""
    rope: str = ""
    """The key of `rope_scaling` in its config.json that it shows with; empty: any."""
    gpus: int = 0
    """How many GPUs it takes; 0: any, and none that is seen."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Other packages that it needs, each from that release on."""
    hurts: bool = True
    """Whether it ends requests or spoils what they give; else it is rare or mild."""


KNOWN_BUGS: tuple[KnownBug, ...] = (
    KnownBug(
        "exllamav3", "0.0.15", "0.0.15",
        "Tensor parallelism ends in `CPU reduce wait timeout`",
        f"{_TABBY}/issues/399", "0.0.16", "tensor_parallel",
    ),
    KnownBug(
        "exllamav3", "0.0.6", "0.0.43",
        "Tensor parallelism gathers the output at a wrong place where the first GPU of the split "
        "does not collect it",
        f"{_EXL3}/issues/233", "1.0.0", "tensor_parallel", hurts=False,
    ),
    KnownBug(
        "exllamav3", "0.0.23", "0.0.23",
        "Tensor parallelism splits norms that belong on every GPU whole",
        f"{_EXL3}/issues/165", "0.0.24", "tensor_parallel",
    ),
    KnownBug(
        "exllamav3", "1.2.0", "1.2.1",
        "Drafting with a model of linear attention on several GPUs ends in `an illegal memory "
        "access was encountered`",
        f"{_EXL3}/issues/260", "1.3.0", "drafting", _RECURRENT, gpus=2,
    ),
    KnownBug(
        "exllamav3", "1.0.0", "1.2.1",
        "Mistral's models with YaRN lose their attention factor: long contexts get worse",
        f"{_EXL3}/issues/259", "1.3.0", rope="mscale_all_dim",
    ),
    KnownBug(
        "exllamav3", "0.0.32", "1.4.0",
        "Ministral 3 scales its queries wrongly in long contexts",
        f"{_EXL3}/commit/c2519f7", "1.4.1", rope="llama_4_scaling_beta", hurts=False,
    ),
    KnownBug(
        "exllamav3", "0.0.1", "1.2.0",
        "Streams may show a replacement character in place of one that spans tokens",
        f"{_EXL3}/issues/255", "1.2.1", hurts=False,
    ),
    KnownBug(
        "exllamav3", "0.0.5", "0.0.16",
        "A JSON schema or grammar goes wrong beside other requests at the same time",
        f"{_EXL3}/issues/118", "0.0.17", hurts=False,
    ),
    KnownBug(
        "exllamav3", "0.0.3", "0.0.7",
        "Contexts of some 300,000 tokens end in a RecursionError of the page table",
        f"{_EXL3}/issues/78", "0.0.8", hurts=False,
    ),
    KnownBug(
        "infinity-emb", "0.0.1", "0.0.77",
        "It cannot be imported with huggingface_hub 1.0 or newer: no embeddings, and a TabbyAPI "
        "from before 2026-08-08 does not start",
        f"{_TABBY}/issues/414", "huggingface_hub < 1.0", "embeddings",
        beside={"huggingface-hub": "1.0"},
    ),
)  # fmt: skip


def release(version: str) -> tuple[int, ...]:
    """The numbers a version begins with, without zeros at the end: 1.4 is 1.4.0."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [whole_number(number) or 0 for number in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def bugs_of(packages: Mapping[str, str]) -> Iterator[tuple[KnownBug, str]]:
    """The bugs that installed versions have (distribution -> version), each with that version.

    A version that cannot be read has none.
    """
    for bug in KNOWN_BUGS:
        version = packages.get(bug.package, "")
        own = release(version)
        if not own or not release(bug.first) <= own <= release(bug.last):
            continue
        if all(release(packages.get(one, "")) >= release(low) for one, low in bug.beside.items()):
            yield bug, version
