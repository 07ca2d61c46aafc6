"""What a replaying host says of what the recorded one was never asked."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any

from tabbydoctor.host.data import CommandResult, HttpAnswer, NvmlState


def unrecorded(call: str, arguments: Sequence[Any]) -> Any:
    """What stands for an answer that was never given. Raises OSError for a file."""
    if call in ("read", "way", "status", "names"):
        raise OSError(errno.ENODATA, "not in the bundle", arguments[0])
    if call == "run":
        return CommandResult(tuple(map(str, arguments[:-2])), 127, stderr="not in the bundle")
    defaults = {
        "nvml": NvmlState(not_tried="not in the bundle"),
        "environment": {},
        "account": None,
        "real_path": (*arguments, "")[0],
        "ask_engine": HttpAnswer("", error="unreachable", detail="not in the bundle"),
    }
    return defaults.get(call, 0 if call in ("effective_uid", "boot_time", "now") else ())
