"""`tabbydoctor vram [MODEL]`: what a model needs against what the GPUs have."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.format_option import Format, FormatOption
from tabbydoctor.cli.options import Given, with_targets
from tabbydoctor.cli.showing import TIME_LIMIT, show_json

if TYPE_CHECKING:
    from tabbydoctor.gpu.memory_picture import MemoryPicture

_MOST_BITS = 32.0


@with_targets
def vram(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A name below model_dir, or the path of a model's directory or config.json "
            "(default: the configured model).",
        ),
    ] = None,
    *,
    given: Given,
    bpw: Annotated[
        float | None,
        typer.Option(
            "--bpw",
            metavar="BITS",
            help="Bits per weight, for a model whose weights are not there.",
        ),
    ] = None,
    format: FormatOption = Format.TEXT,
) -> int:
    """Estimate what a model, its cache and its draft need, against each GPU. Loads nothing."""
    from tabbydoctor.reports import vram_view

    picture = _picture(given, model, _bits(bpw))
    if format == Format.JSON:
        return show_json(vram_view.as_json(picture))
    vram_view.write_picture(picture, sys.stdout)
    return 0


def _picture(given: Given, model: str | None, bits: float | None) -> MemoryPicture:
    from tabbydoctor.examination.vram import NoSuchModel, vram_picture
    from tabbydoctor.host.local import LocalHost

    if model is not None and (not model or "\0" in model):
        raise CommandError(f"{model!r} is no name or path of a model")
    try:
        return asyncio.run(
            vram_picture(LocalHost(), given.targets, model, bits, os.getcwd(), TIME_LIMIT)
        )
    except NoSuchModel as error:
        raise CommandError(error.message, hint=error.hint) from error
    except TimeoutError as error:
        raise CommandError(f"no answer within {TIME_LIMIT:g} seconds") from error


def _bits(bpw: float | None) -> float | None:
    if bpw is None or (math.isfinite(bpw) and 0 < bpw <= _MOST_BITS):
        return bpw
    raise CommandError(
        f"--bpw {bpw:g} is no number of bits: above 0, at most {_MOST_BITS:g}",
        hint="for example --bpw 4.0; the name of an EXL3 model usually tells it",
    )
