"""RTR014, RTR016: values of LiteLLM's and llama-swap's YAML, set where they stand."""

from __future__ import annotations

from functools import partial

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.routers import ValueMend
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.tabbyapi.load_time import load_time
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.yaml.edit import CannotEdit, remove_key, set_value

PATIENCE = 600
"""Seconds: what clients of OpenAI's own wait by default."""
_LEAST_ANSWER = 120


def mend_path(draft: Draft, site: RouterSite, inputs: RouterInputs) -> None:
    """RTR016: the address or the model as the router's own rules want it."""
    values = inputs.reading.mends("path")
    if not values and inputs.reading.misses:
        raise CannotFix("it is changed by hand: see the lines that `check` prints")
    put(draft, site, inputs, values, "RTR016", "let the router ask for what TabbyAPI serves")


def mend_wait(draft: Draft, site: RouterSite, inputs: RouterInputs, log: RunLog | None) -> None:
    """RTR014: a limit that is long enough."""
    if inputs.reading.kind not in ("litellm", "llama-swap"):
        raise CannotFix("its limit is changed by hand: see the lines that `check` prints")
    took = load_time(log) if log else None
    put(draft, site, inputs, _waits(inputs, took), "RTR014", "let the router wait for long enough")


def _waits(inputs: RouterInputs, took: float | None) -> tuple[ValueMend, ...]:
    found = []
    for wait in inputs.reading.waits:
        if wait.until == "answered" and wait.seconds < _LEAST_ANSWER and wait.place:
            found.append(ValueMend("wait", wait.place, PATIENCE))
        elif wait.until == "loaded" and took is not None and wait.seconds < took and wait.place:
            raised = (int(took * 2) // 60 + 1) * 60
            found.append(ValueMend("wait", wait.place, raised))
    return tuple(found)


def put(
    draft: Draft,
    site: RouterSite,
    inputs: RouterInputs,
    values: tuple[ValueMend, ...],
    why: str,
    title: str,
) -> None:
    """Set the values, and start the router anew. Raises CannotFix."""
    path = inputs.reading.path
    if not values:
        return
    nixos.refuse_store(path, "")
    set_values(draft, path, values, why)
    draft.title = draft.title or title
    if draft.changes_files and site.unit is not None:
        draft.restart(site.unit, why)
    elif draft.changes_files:
        draft.manual.append("restart the router: it runs under no unit")


def set_values(draft: Draft, path: str, values: tuple[ValueMend, ...], why: str) -> None:
    """Set values of a YAML file. Raises CannotFix where one cannot be set."""
    for one in values:
        try:
            draft.edit(path, partial(_edited, one), why)
        except CannotEdit as error:
            raise CannotFix(f"{path}:{error.line or 1}: {error.message}") from error


def _edited(mend: ValueMend, content: bytes) -> bytes:
    if mend.value is None:
        return remove_key(content, mend.place)
    return set_value(content, mend.place, mend.value)
