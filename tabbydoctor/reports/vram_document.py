"""From a picture of a model's memory to the document of `vram`."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.gpu.byte_range import ByteRange
from tabbydoctor.gpu.memory_picture import MemoryPicture, SavedPlace
from tabbydoctor.gpu.memory_room import GpuRoom, MemoryHolder
from tabbydoctor.gpu.placement import gpus_used
from tabbydoctor.host.data import NvmlGpu
from tabbydoctor.reports.documents.vram import (
    AmountPart,
    GpuPart,
    HolderPart,
    LongestPart,
    OrderPart,
    SavingPart,
    SettingChangePart,
    TermPart,
    VramDocument,
    WithoutSplitPart,
)
from tabbydoctor.reports.vram_words import assumed, verdict


def vram_document(picture: MemoryPicture) -> VramDocument:
    """The document of `vram --format json`."""
    need, room = picture.need, picture.room
    gpus = gpus_used(need, room) if need and room else 1
    return VramDocument(
        model=picture.name,
        path=picture.path,
        verdict=verdict(picture),
        fits=picture.fit,
        unknown=picture.unknown or None,
        at_most=picture.at_most,
        known=list(picture.known),
        total=_amount(need.total(gpus)) if need else None,
        terms=[
            TermPart(kind=term.kind, amount=_amount(term.amount), says=term.says)
            for term in (need.terms(gpus) if need else ())
        ],
        cache_tokens=list(need.tokens) if need else [],
        draft_mode=(need.draft_mode or None) if need else None,
        assumed=list(assumed(picture)),
        left_out=list(need.left_out) if need else [],
        no_gpu=picture.no_room or None,
        gpus=list(_gpus(picture)),
        gpu_split=room.limits if room else False,
        without_split=_without_split(picture),
        tensor_parallel=room.together if room else False,
        holders=[_holder(one) for one in room.holders] if room else [],
        order=_order(picture),
        longest=[
            LongestPart(cache_mode=one.mode, surely=one.surely, perhaps=one.perhaps)
            for one in picture.longest
        ],
        largest_weights=picture.largest_weights,
        savings=[_saving(one) for one in picture.saved],
    )


def _amount(amount: ByteRange) -> AmountPart:
    return AmountPart(low=amount.low, high=amount.high)


def _gpus(picture: MemoryPicture) -> Iterator[GpuPart]:
    takes = {one.room.gpu.index: one.amount for one in picture.placed}
    each = picture.room.each if picture.room else ()
    for room in each:
        yield _gpu(picture, room.gpu, room, takes.get(room.gpu.index))
    if not each and picture.order:
        yield from (_gpu(picture, gpu) for gpu in picture.order.gpus)


def _gpu(
    picture: MemoryPicture,
    gpu: NvmlGpu,
    room: GpuRoom | None = None,
    takes: ByteRange | None = None,
) -> GpuPart:
    own = room.own if room else 0
    split = picture.room is not None and picture.room.limits
    return GpuPart(
        index=gpu.index,
        cuda=picture.order.number(gpu) if picture.order else None,
        name=gpu.name,
        uuid=gpu.uuid,
        total=gpu.total_bytes,
        free=None if gpu.free_bytes is None else gpu.free_bytes + own,
        own=own,
        reserve=room.reserve if room else 0,
        limit=room.total if room and split else None,
        takes=_amount(takes) if takes else None,
    )


def _holder(holder: MemoryHolder) -> HolderPart:
    return HolderPart(
        gpu=holder.gpu,
        pid=holder.pid,
        name=holder.name,
        used=holder.used_bytes,
        unit=holder.unit,
        container=holder.container,
    )


def _without_split(picture: MemoryPicture) -> WithoutSplitPart | None:
    found = picture.without_split
    return WithoutSplitPart(free=found.free, fits=found.fits, where=found.where) if found else None


def _order(picture: MemoryPicture) -> OrderPart | None:
    order = picture.order
    if order is None:
        return None
    return OrderPart(
        certain=order.certain,
        visible=order.visible,
        told_by=order.told_by or None,
        environment=["=".join(one) for one in order.variables],
        commands=list(picture.order_commands),
    )


def _saving(place: SavedPlace) -> SavingPart:
    return SavingPart(
        settings=[
            SettingChangePart(section=section, key=key, value=value)
            for section, key, value in place.saving.settings
        ],
        where=place.where,
        saves=_amount(place.saving.saves),
        fits=place.fits,
    )
