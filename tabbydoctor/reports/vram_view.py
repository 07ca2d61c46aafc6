"""A model's memory for people: terms, GPUs with bars, what fits, what each change would save."""

from __future__ import annotations

from typing import Any, TextIO

from tabbydoctor.gpu.byte_range import ByteRange, gib
from tabbydoctor.gpu.memory_need import TERMS
from tabbydoctor.gpu.memory_picture import MemoryPicture
from tabbydoctor.gpu.memory_room import MemoryHolder
from tabbydoctor.gpu.placement import Fit, gpus_used
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.redaction import redact
from tabbydoctor.reports.page import Page, page_for, write_page
from tabbydoctor.reports.vram_bars import Bars, bars_for
from tabbydoctor.reports.vram_words import assumed, verdict

_STYLES = {"yes": "bold green", "perhaps": "bold yellow", "no": "bold red", None: "bold"}
_NAME = 17
_AMOUNT = 19
_HANG = 2
_HOLDERS = 4
_FITTING = {"yes": "green", "no": "dim"}
_ANSWERS = {
    "yes": "it fits then",
    "perhaps": "it may fit then",
    "no": "not enough alone",
    None: "",
}


def as_json(picture: MemoryPicture) -> dict[str, Any]:
    """The document of `vram --format json`."""
    from tabbydoctor.reports.documents.base import plain
    from tabbydoctor.reports.vram_document import vram_document

    return plain(vram_document(picture))


def write_picture(picture: MemoryPicture, stream: TextIO) -> None:
    """The whole page, as suits the stream."""
    page = on_page(picture, page_for(stream), bars_for(stream))
    page.lines = [[(redact(text), style) for text, style in line] for line in page.lines]
    write_page(page, stream)


def on_page(picture: MemoryPicture, page: Page, bars: Bars) -> Page:
    """The page from the verdict to what was taken for granted."""
    _Writer(picture, page, bars).write()
    return page


class _Writer:
    def __init__(self, picture: MemoryPicture, page: Page, bars: Bars) -> None:
        self.picture, self.page, self.bars = picture, page, bars

    def write(self) -> None:
        self.page.flow((verdict(self.picture), _STYLES[self.picture.fit]))
        self.page.flow((self.picture.path, "dim"), indent=_HANG)
        self._terms()
        self._gpus()
        self._order()
        self._longest()
        self._savings()
        self._assumed()

    def _heading(self, text: str) -> None:
        self.page.blank()
        self.page.flow((text, "bold"))

    def _terms(self) -> None:
        need, room = self.picture.need, self.picture.room
        if need is None:
            if self.picture.known:
                self._heading("Known all the same")
                self.page.flow((", ".join(self.picture.known), ""), indent=_HANG)
            return
        gpus = gpus_used(need, room) if room else 1
        on = f" on {gpus} GPUs" if gpus > 1 else ""
        self._heading(f"It needs{on}")
        for term in need.terms(gpus):
            self._row(TERMS[term.kind], term.amount, term.says)
        self._row("total", need.total(gpus), "")
        for what in need.left_out:
            self.page.flow((f"not counted: {what}", "yellow"), indent=_HANG, hang=2 * _HANG)

    def _row(self, name: str, amount: ByteRange, says: str) -> None:
        self.page.flow(
            (name.ljust(_NAME), ""),
            (str(amount).ljust(_AMOUNT), "bold" if name == "total" else ""),
            (says, "dim"),
            indent=_HANG,
            hang=_HANG + _NAME + _AMOUNT,
        )

    def _gpus(self) -> None:
        room, order = self.picture.room, self.picture.order
        if room is None and order is None:
            return
        self._heading("GPUs")
        self.page.flow((self.bars.legend, "dim"), indent=_HANG)
        each = room.each if room else ()
        shown = [one.gpu for one in each] or list(order.gpus if order else ())
        for gpu in shown:
            self._gpu(gpu)
        if room and room.together:
            self.page.flow(
                ("tensor_parallel divides each layer over all of them: parts are averages", "dim"),
                indent=_HANG,
            )

    def _gpu(self, gpu: NvmlGpu) -> None:
        room = self.picture.room
        at = next((one for one in room.each if one.gpu == gpu), None) if room else None
        takes = next((one.amount for one in self.picture.placed if one.room is at), None)
        total = gpu.total_bytes or 0
        free = at.free if at else gpu.free_bytes or 0
        own = at.own if at else 0
        number = self.picture.order.number(gpu) if self.picture.order else None
        other = f", {number} to TabbyAPI" if number not in (None, gpu.index) else ""
        self.page.flow(
            (f"GPU {gpu.index}", "bold"),
            (f"  {gpu.name or 'without a name'}, {gib(total)} GiB{other}", ""),
            indent=_HANG,
        )
        held = max(total - (gpu.free_bytes or 0) - own, 0)
        needed = takes or ByteRange(0, 0)
        self.page.flow(*self.bars.spans(total, held, needed, free), indent=2 * _HANG)
        self._says(takes, free, own, at.reserve if at else 0)
        if room and room.limits and at:
            self._line(f"gpu_split leaves {gib(at.total)} GiB of it, CUDA's context included")
        holders = [one for one in room.holders if one.gpu == gpu.index] if room else []
        for holder in holders[:_HOLDERS]:
            self._line(f"held by {_who(holder)}")
        if len(holders) > _HOLDERS:
            self._line(f"and by {len(holders) - _HOLDERS} more")

    def _says(self, takes: ByteRange | None, free: int, own: int, reserve: int) -> None:
        of_its_own = f", {gib(own)} of them held by TabbyAPI itself" if own else ""
        kept = f", of which the split keeps {gib(reserve, 2)} GiB" if reserve and takes else ""
        part = f"would take {takes} of " if takes else ""
        self._line(f"{part}{gib(free)} GiB free{of_its_own}{kept}")

    def _line(self, text: str) -> None:
        self.page.flow((text, ""), indent=2 * _HANG, hang=3 * _HANG)

    def _order(self) -> None:
        order = self.picture.order
        if order is None:
            return
        if order.visible is not None:
            source = f" ({order.told_by})" if order.told_by else ""
            self.page.flow(
                (f"CUDA_VISIBLE_DEVICES is {order.visible or 'empty'}{source}", ""), indent=_HANG
            )
        if order.certain:
            return
        self._heading("Which GPU is which")
        self.page.flow(
            (
                "CUDA numbers the fastest GPU first, NVML (and nvidia-smi) by the bus: as these "
                "differ, the numbers above need not be TabbyAPI's. Two variables make them so:",
                "",
            ),
            indent=_HANG,
        )
        for variable in order.variables:
            self.page.command(f"Environment={'='.join(variable)}", indent=2 * _HANG)
        if self.picture.order_commands:
            self.page.flow(("as a drop-in, which restarts TabbyAPI:", ""), indent=_HANG)
        for command in self.picture.order_commands:
            self.page.command(command, indent=2 * _HANG)

    def _longest(self) -> None:
        found = self.picture.longest
        if not found:
            return
        self._heading("The largest cache that fits (cache_size, in tokens)")
        if not any(one.perhaps for one in found):
            weights = self.picture.largest_weights
            instead = (
                f" (weights of {gib(weights)} GiB would leave room for one)" if weights else ""
            )
            self.page.flow((f"none in any mode{instead}", ""), indent=_HANG)
            return
        need = self.picture.need
        most = need.model.layout.max_tokens if need else None
        for one in found:
            perhaps = f", perhaps {one.perhaps}" if one.perhaps > one.surely else ""
            full = " (all that the model can take)" if one.surely == most else ""
            surely = f"{one.surely}" if one.surely else "none for sure"
            self.page.flow(
                (one.mode.ljust(_NAME), ""), (f"{surely}{perhaps}{full}", ""), indent=_HANG
            )

    def _savings(self) -> None:
        split = self.picture.without_split
        if split:
            self._heading("Without gpu_split")
            where = f", without {split.where}" if split.where else ""
            text = f"are free on {split.room.where}{where}"
            self._change(f"{gib(split.free)} GiB", text, split.fits)
        saved = self.picture.saved
        if saved:
            files = {one.where.rpartition(":")[0] for one in saved if one.where}
            where = f", in {files.pop()}" if len(files) == 1 else ""
            self._heading(f"What each change would save{where}")
        for one in saved:
            settings = (_setting(*setting) for setting in one.saving.settings)
            self._change(f"{one.saving.saves}", ", ".join(settings), one.fits)

    def _change(self, amount: str, text: str, fits: Fit | None) -> None:
        answer = _ANSWERS[fits] if self.picture.fit != "yes" else ""
        self.page.flow(
            (amount.ljust(_NAME), "bold"),
            (text, ""),
            (f"  ({answer})" if answer else "", _FITTING.get(fits or "", "")),
            indent=_HANG,
            hang=_HANG + _NAME,
        )

    def _assumed(self) -> None:
        lines = assumed(self.picture)
        if lines:
            self._heading("Taken for granted")
        for line in lines:
            self.page.flow((line, ""), indent=_HANG, hang=2 * _HANG)


def _setting(section: str, key: str, value: object) -> str:
    return f"{section}.{key}: {str(value).lower() if isinstance(value, bool) else value}"


def _who(holder: MemoryHolder) -> str:
    name = f"{holder.name}, process {holder.pid}" if holder.name else f"process {holder.pid}"
    unit = f", of {holder.unit}" if holder.unit else ""
    container = f", in the container {holder.container}" if holder.container else ""
    amount = f": {gib(holder.used_bytes)} GiB" if holder.used_bytes else ""
    return f"{name}{unit}{container}{amount}"
