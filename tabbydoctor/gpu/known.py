"""What the config.json of a model tells whose need cannot be estimated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tabbydoctor.documents import json_of
from tabbydoctor.gpu.model_shape import ModelShape
from tabbydoctor.host import Host


def known_of(host: Host, path: str) -> tuple[str, ...]:
    """In words; nothing where it cannot be read."""
    try:
        found = json_of(host.read(path, limit=32 << 20).data)
    except (OSError, ValueError):
        return ()
    return tuple(_told(ModelShape(found))) if isinstance(found, dict) else ()


def _told(shape: ModelShape) -> Iterator[str]:
    for key, what in (("num_hidden_layers", "layers"), ("max_position_embeddings", "tokens")):
        if (count := shape.count(key)) is not None:
            yield f"{count} {what}" + (" of context" if what == "tokens" else "")
    quantised = shape.value("quantization_config")
    if isinstance(quantised, Mapping) and quantised.get("quant_method"):
        bits = quantised.get("bits")
        amount = f" of {bits:g} bits" if isinstance(bits, int | float) else ""
        yield f"quantised by {quantised['quant_method']}{amount}"
