"""How CUDA serves TabbyAPI itself, whatever NVML says to the doctor.

Both are asked of the same driver, by other accounts, from other control groups, with other
libraries: so NVML may work where CUDA does not, and refuse the doctor where CUDA works.
"""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.gpu.driver import Driver
from tabbydoctor.records import dataclass
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.answers import model_name
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.log_lines import known, says
from tabbydoctor.tabbyapi.log_text import message
from tabbydoctor.tabbyapi.probes import CREDENTIALS, Endpoint

_NO_CUDA = ("cuda-unusable", "cuda-unknown-error", "no-libcuda", "no-gpus")
"""The known lines that say that CUDA could not be begun."""
_BY_THE_CARD = "no kernel image"
"""CUDA was begun, and has nothing for this card."""
_LENGTH = 200


@dataclass(frozen=True, slots=True)
class CudaUse:
    """Whether TabbyAPI itself can use CUDA; neither is said where nothing shows it."""

    works: str = ""
    """What shows that it does."""
    failure: str = ""
    """The kind of line in its log that shows that it does not (a slug of the known lines)."""
    line: str = ""
    """That line, redacted."""
    source: str = ""
    """What shows its log."""


def cuda_use(
    instance: Instance,
    machine: Machine,
    driver: Driver,
    log: RunLog | None,
    endpoint: Endpoint | None,
) -> CudaUse:
    """A model that is loaded, memory that its process holds, or else the last line that fits."""
    model = _loaded(endpoint)
    if model:
        return CudaUse(works=f"it has loaded {model}")
    if instance.process and not machine.container:
        pid = instance.process.pid
        held = [gpu.index for gpu in driver.nvml.gpus for one in gpu.processes if one.pid == pid]
        if held:
            return CudaUse(works=f"its process holds memory of GPU {held[0]}")
    if log is None or (not log.present and says(log, "stopping")):
        return CudaUse()
    for line in reversed(log.lines):
        kind = known(line)
        if kind and kind.slug in _NO_CUDA and _BY_THE_CARD not in line.text:
            return CudaUse(failure=kind.slug, line=_words(line), source=log.source)
    return CudaUse()


def _loaded(endpoint: Endpoint | None) -> str:
    if endpoint is None or not endpoint.reached:
        return ""
    names = (model_name(endpoint.answer("/v1/model", credential)) for credential in CREDENTIALS)
    return next((name for name in names if name), "")


def _words(line: LogLine) -> str:
    return redact(message(line.text))[:_LENGTH]


GATHERERS = (cuda_use,)
