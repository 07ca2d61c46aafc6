"""Lines in which CUDA refuses a GPU: as torch words them, and near misses."""

from __future__ import annotations

import pytest

from tabbydoctor import plugins
from tabbydoctor.tabbyapi.cuda_lines import CUDA_LINES
from tabbydoctor.tabbyapi.log import LogLine
from tabbydoctor.tabbyapi.log_lines import known


@pytest.mark.parametrize(
    ("line", "slug"),
    [
        ("RuntimeError: Unexpected error. Error 802: system not yet initialized", "fabric-manager"),
        (
            "Error 803: system has unsupported display driver / cuda driver combination",
            "driver-combination",
        ),
        (
            "Error 804: forward compatibility was attempted on non supported HW",
            "driver-combination",
        ),
        (
            "CUDA error: all CUDA-capable devices are busy or unavailable",
            "devices-busy",
        ),
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", "devices-busy"),
        ("CUDA error: invalid device ordinal", "no-such-device"),
        ("CUDA error: uncorrectable ECC error encountered", "memory-error"),
        ("CUDA error: uncorrectable NVLink error detected during the execution", "memory-error"),
        ("RuntimeError: CUDA driver is a stub library", "no-libcuda"),
    ],
)
def test_what_torch_says(line: str, slug: str) -> None:
    kind = known(LogLine(line))
    assert kind is not None
    assert kind.slug == slug


@pytest.mark.parametrize(
    "line",
    [
        "INFO:     the port is busy or unavailable",
        'INFO: 127.0.0.1 - "GET /v1/models?q=invalid device ordinal HTTP/1.1" 200',
        "12 correctable ECC errors were corrected",
    ],
)
def test_near_misses(line: str) -> None:
    assert known(LogLine(line)) is None


def test_their_causes_are_checks() -> None:
    ids = {check.id for check in plugins.checks()}
    assert {cause for kind in CUDA_LINES for cause in kind.causes} <= ids
