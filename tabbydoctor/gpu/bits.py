"""How many bits each number of a model has whose weights are not there, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabbydoctor.facts import Unknown
from tabbydoctor.gpu.parameters import parameters
from tabbydoctor.gpu.weights import Weights, weights_of_bits
from tabbydoctor.records import dataclass

_UNQUANTISED = 16.0
_HEAD = 6.0
"""Of the output layer: the default of exllamav3's convert.py."""
_MOST = 64.0


@dataclass(frozen=True, slots=True)
class FileBits:
    """What the weights will take, and what that rests on."""

    weights: Weights
    says: str


def bits_of(config: Mapping[str, Any], given: float | None) -> FileBits:
    """By the bits that were given, else by config.json's `quantization_config`.

    Raises Unknown where neither tells, or the parameters cannot be counted.
    """
    counted = parameters(config)
    told = config.get("quantization_config")
    quantised: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    method = str(quantised.get("quant_method") or "")
    if method not in ("", "exl3", "fp8", "mxfp4") and given is None:
        raise Unknown(f"exllamav3 does not load {method}: name the bits of an EXL3 with --bpw")
    bits, source = _bits(quantised, method, given)
    head = _number(quantised.get("head_bits")) if given is None else None
    if head is None:
        head = bits if bits >= _UNQUANTISED else max(bits, _HEAD)
    drafting = _number(quantised.get("mtp_bits")) or bits
    says = (
        f"no weights are there: {bits:g} bits for each of {counted.layers / 1e9:.1f} billion "
        f"numbers in the layers, {head:g} for the output layer ({source})"
    )
    return FileBits(weights_of_bits(counted, bits, head, drafting), says)


def _bits(quantised: Mapping[str, Any], method: str, given: float | None) -> tuple[float, str]:
    if given is not None:
        return given, "--bpw"
    if method == "exl3":
        bits = _number(quantised.get("bits"))
        if bits is None:
            raise Unknown("its quantization_config names no bits: name them with --bpw")
        return bits, "quantization_config of config.json"
    # What is not EXL3 is loaded as FP16, whatever it is in the files.
    return _UNQUANTISED, "no EXL3 by its config.json: loaded as FP16"


def _number(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MOST
    return float(value) if usable else None  # type: ignore[arg-type]
