"""The page of `tabbydoctor vram`: bars, widths, what is said of the order."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.examination.vram import ordering
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.cuda_order import CudaOrder
from tabbydoctor.gpu.memory_picture import MemoryPicture
from tabbydoctor.gpu.memory_room import MemoryHolder, MemoryRoom
from tabbydoctor.reports.page import Page
from tabbydoctor.reports.vram_bars import Bars, bars_for
from tabbydoctor.reports.vram_view import on_page, write_picture
from tests.gpu.test_memory_room import gpu
from tests.gpu.test_placement import need, room

PLAIN = Bars(24)
"""A character for each GiB."""
UNCERTAIN = CudaOrder((gpu(0), gpu(1)), False, "0", "unit tabbyapi.service")
SERVICE = Unit("tabbyapi.service", {"ActiveState": "active"})


def bar(held: float, low: float, high: float, free: float, bars: Bars = PLAIN) -> str:
    takes = ByteRange(int(low * GIB), int(high * GIB))
    spans = bars.spans(24 * GIB, int(held * GIB), takes, int(free * GIB))
    return "".join(text for text, _ in spans)


@pytest.mark.parametrize(
    ("held", "low", "high", "free", "shown"),
    [
        (4, 10, 12, 20, "[xxxx##########++........]"),
        (0, 0, 0, 24, "[........................]"),
        (4, 24, 28, 20, "[xxxx####################]!!!!"),
        # A split leaves 6 GiB of it.
        (2, 10, 12, 6, "[xx######!!!!!!..........]"),
        (24, 0, 0, 0, "[xxxxxxxxxxxxxxxxxxxxxxxx]"),
    ],
)
def test_a_bar(held: float, low: float, high: float, free: float, shown: str) -> None:
    assert bar(held, low, high, free) == shown


def test_a_gpu_whose_memory_is_not_told() -> None:
    spans = PLAIN.spans(0, 0, ByteRange(0, 0), 0)
    assert "".join(text for text, _ in spans) == f"[{'.' * 24}]"


class Terminal(io.StringIO):
    """One of 120 columns."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_blocks_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    assert "█" in bars_for(Terminal()).marks
    assert bars_for(io.StringIO()).marks == PLAIN.marks
    monkeypatch.setenv("TERM", "dumb")
    assert bars_for(Terminal()).marks == PLAIN.marks
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert bars_for(Terminal()).marks == PLAIN.marks


def picture(room: MemoryRoom | None, weights: float = 10, **more: Any) -> MemoryPicture:
    return MemoryPicture("big", "/srv/tabby/models/big", need(weights), room=room, **more)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_no_line_is_too_long(width: int) -> None:
    holder = MemoryHolder(0, 77, "python3", GIB, "a-service-of-a-very-long-name.service")
    shown = picture(room(12, 24, holders=(holder,)), 30, order=UNCERTAIN, notes=("a note " * 30,))
    lines = on_page(shown, Page(width), Bars(width - 10)).text().splitlines()
    assert all(len(line) <= width for line in lines if " " in line.strip())


def test_plain_text_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    write_picture(picture(room(12, 24)), stream)
    assert stream.getvalue().isascii()


def test_who_holds_the_rest() -> None:
    holders = tuple(MemoryHolder(0, pid, "python3", GIB, "sglang.service") for pid in range(1, 7))
    inside = MemoryHolder(1, 9, None, None, None, "docker 4b1d4b1d4b1d")
    text = on_page(picture(room(12, 24, holders=(*holders, inside))), Page(), PLAIN).text()
    assert "    held by python3, process 1, of sglang.service: 1.0 GiB\n" in text
    assert "    and by 2 more\n" in text
    assert "    held by process 9, in the container docker 4b1d4b1d4b1d\n" in text


def test_tensor_parallel_parts_are_averages() -> None:
    text = on_page(picture(room(12, 24, together=True)), Page(), PLAIN).text()
    assert "tensor_parallel divides each layer" in text


def test_an_order_for_a_unit_is_a_drop_in_to_paste() -> None:
    commands = ordering(UNCERTAIN, Instance("/srv/tabby", unit=SERVICE), Machine(systemd=True))
    assert commands[1] == (
        "printf '%s\\n' '[Service]' Environment=CUDA_DEVICE_ORDER=PCI_BUS_ID "
        "Environment=CUDA_VISIBLE_DEVICES=0 | sudo tee -a "
        "/etc/systemd/system/tabbyapi.service.d/zz-tabbydoctor-cuda-order.conf"
    )
    assert commands[-1].startswith("sudo systemctl restart")
    text = on_page(picture(None, order=UNCERTAIN, order_commands=commands), Page(), PLAIN).text()
    assert "    Environment=CUDA_DEVICE_ORDER=PCI_BUS_ID\n" in text
    assert "    sudo systemctl daemon-reload\n" in text
    assert "CUDA_VISIBLE_DEVICES is 0 (unit tabbyapi.service)" in text


def test_an_order_on_nixos_is_lines_of_its_configuration() -> None:
    nixos = Machine(systemd=True, nixos=True)
    lines = ordering(UNCERTAIN, Instance("/srv/tabby", unit=SERVICE), nixos)
    assert lines == (
        'systemd.services.tabbyapi.environment.CUDA_DEVICE_ORDER = "PCI_BUS_ID";',
        'systemd.services.tabbyapi.environment.CUDA_VISIBLE_DEVICES = "0";',
    )
    assert ordering(UNCERTAIN, Instance("/srv/tabby"), nixos) == ()
