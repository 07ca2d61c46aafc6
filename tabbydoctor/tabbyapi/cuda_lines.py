"""The lines of TabbyAPI's log in which CUDA refuses a GPU: data, each seen in reports."""

from __future__ import annotations

from tabbydoctor.tabbyapi.known_line import KnownLine, line

MEMORY_LINES: tuple[KnownLine, ...] = (
    line(
        "allocator",
        r"OutOfMemoryError: Allocation on device",
        "the GPU's memory did not suffice, as CUDA's asynchronous allocator puts it",
        "error",
        ("GPU008",),
    ),
    line(
        "out-of-memory",
        r"OutOfMemoryError|CUDA out of memory",
        "the GPU's memory did not suffice",
        "error",
        ("GPU008",),
    ),
)
"""The allocator's own words come first: its other wording is torch's."""

CUDA_LINES: tuple[KnownLine, ...] = (
    line(
        "one-gpu",
        r"Disabling GPU split because one GPU is in use",
        "TabbyAPI is shown one GPU",
    ),
    line(
        "chunk-size",
        r"max_chunk_size must be (?:a )?multiple of 256",
        "model.max_seq_len or chunk_size below 2048 is no multiple of 256, which its exllama needs",
        "error",
    ),
    line(
        "fabric-manager",
        r"system not yet initialized|CUDA_ERROR_SYSTEM_NOT_READY",
        "GPUs with an NVSwitch wait for the fabric manager, which does not run",
        "error",
    ),
    line(
        "driver-combination",
        r"Error 80[34]: (?:system has unsupported|forward compatibility)",
        "CUDA's library and the kernel module are not of the same driver, or a compatibility "
        "package is in the way",
        "error",
        ("GPU002", "GPU004"),
    ),
    line(
        "toolkit-older",
        r"Error 500: named symbol not found",
        "CUDA's library does not match the driver: the NVIDIA Container Toolkit is older than it",
        "error",
        ("GPU002", "GPU004"),
        hides=("cuda-unusable",),
    ),
    line(
        "devices-busy",
        r"CUDA-capable device(?:s|\(s\))? (?:is/are|is|are) busy or unavailable",
        "the GPU takes no further program: its compute mode, or a process that holds it",
        "error",
        ("GPU011", "GPU010", "GPU003", "GPU007", "GPU012"),
    ),
    line(
        "no-such-device",
        r"invalid device ordinal",
        "TabbyAPI asked for a GPU that CUDA does not show it",
        "error",
        ("GPU003", "GPU010", "CFG015"),
    ),
    line(
        "memory-error",
        r"uncorrectable (?:ECC|NVLink) error",
        "the memory of the GPU, or its link, has an error that could not be corrected",
        "error",
        ("GPU012", "GPU007", "GPU003"),
    ),
)
