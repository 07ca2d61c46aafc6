"""The files of a front, each with its content and mode."""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.front import fence
from tabbydoctor.front.design import (
    CONFIG_PATH,
    DESIGN_PATH,
    FENCE_PATH,
    KEY_PATH,
    UNIT_PATH,
    DamagedDesign,
    FrontDesign,
)
from tabbydoctor.front.programs import program_named
from tabbydoctor.front.service import unit_text
from tabbydoctor.records import dataclass, field


@dataclass(frozen=True, slots=True)
class FrontFile:
    """One file."""

    content: bytes = field(repr=False)
    mode: int = 0o644


def files_of(design: FrontDesign, key: str) -> Mapping[str, FrontFile]:
    """Path -> file. Raises DamagedDesign for a program that is none of them."""
    program = program_named(design.program)
    if program is None:
        raise DamagedDesign(f"no program {design.program}")
    made = {
        DESIGN_PATH: FrontFile(design.to_json()),
        KEY_PATH: FrontFile(program.key_file(key).encode(), 0o600),
        CONFIG_PATH: FrontFile(program.configuration(design).encode()),
        UNIT_PATH: FrontFile(unit_text(design, program).encode()),
    }
    if design.nft:
        made[FENCE_PATH] = FrontFile(fence.rules(design).encode())
    return made
