"""SELinux keeps TabbyAPI's container from the NVIDIA device nodes that it was given.

## What it checks
Where SELinux is in force: the label of TabbyAPI's process in its container, those of `/dev/nvidia*`
in it, and the booleans that open devices to containers.

## Why it matters
The nodes are there, and may not be opened: `nvidia-smi` says "Insufficient Permissions" inside, and
torch finds no CUDA device, whatever the modes of the nodes are.

## How it is told
From `/sys/fs/selinux`, `/proc/PID/attr/current` and the label of each node. A node that the engine
made or labelled for the container (`container_file_t`) is open to it; one of the machine
(`xserver_misc_device_t`, `device_t`) is not, to a process of type `container_t`. Where TabbyAPI's
log shows that CUDA fails it is an error, else a warning; where TabbyAPI uses the GPU, nothing.
Types of another policy are not judged.

## What to do
Open devices to containers by the boolean that is named, or switch the labels off for this one:
`--security-opt=label=disable`, `SecurityLabelDisable=true` in a quadlet, `security_opt:
[label:disable]` in a compose file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabbydoctor.api import Absent, Evidence, Finding, Remedy, Safety, Severity, Unknown, check
from tabbydoctor.deployment.container import Container
from tabbydoctor.deployment.container_labels import ContainerLabels
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.cuda_use import CudaUse
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.log import RunLog

from . import CONFINED, box_of, unlabelled

_XSERVER = "xserver_misc_device_t"
_OF_THE_MACHINE = (_XSERVER, "device_t")
_OPEN = ("container_file_t", "svirt_sandbox_file_t")
_SAID = re.compile(r"(?i)insufficient permissions|nvml.*no permission|cuda.*not permitted")
_LENGTH = 200


@check("CTR017", "container-selinux-devices", category="container", severity=Severity.ERROR)
def selinux_devices(
    instance: Instance, labels: ContainerLabels, use: CudaUse | None, log: RunLog | None
) -> Iterator[Finding]:
    box, own = box_of(instance), labels.process
    if own.type not in CONFINED:
        raise Absent(f"{box.label} runs as {own.type or own.text}, which is not container_t")
    if not labels.nodes or (use and use.works):
        return
    closed = {path: one for path, one in labels.nodes.items() if _is_closed(labels, one.type)}
    strange = [one.type for one in labels.nodes.values() if one.type not in _OF_THE_MACHINE]
    if not closed and any(one not in _OPEN for one in strange):
        raise Unknown(f"whether {own.type} may use nodes of {strange[0]} is this policy's own")
    if not closed:
        return
    path, label = next(iter(closed.items()))
    seen = _failure(use, log)
    yield Finding(
        f"SELinux keeps {box.label} from {path}",
        "The node is there, and a process of type container_t may not open it, whatever its mode: "
        "torch finds no CUDA device.",
        (
            Evidence(f"/proc/{box.pid}/attr/current", actual=own.text),
            Evidence(f"{box.root}{path}", "a node of container_file_t", label.text),
            *((seen,) if seen else ()),
        ),
        (_boolean(box, labels, {one.type for one in closed.values()}), unlabelled(box)),
        severity=None if seen else Severity.WARNING,
    )


def _is_closed(labels: ContainerLabels, kind: str) -> bool:
    by_xserver = kind == _XSERVER and labels.booleans.get("container_use_xserver_devices")
    opened = labels.booleans.get("container_use_devices") or by_xserver
    return kind in _OF_THE_MACHINE and not opened


def _failure(use: CudaUse | None, log: RunLog | None) -> Evidence | None:
    if use and use.failure:
        return Evidence(use.source, "a CUDA device", use.line)
    for line in reversed(log.lines) if log else ():
        if _SAID.search(line.text):
            return Evidence(log.source if log else "", actual=redact(line.text)[:_LENGTH])
    return None


def _boolean(box: Container, labels: ContainerLabels, kinds: set[str]) -> Remedy:
    """The narrower one, where the policy has it and it does."""
    narrow = "container_use_xserver_devices"
    name = narrow if kinds == {_XSERVER} and narrow in labels.booleans else "container_use_devices"
    return Remedy(
        "Open the devices that containers are given to all of them, then start it anew",
        Safety.MANUAL,
        (f"sudo setsebool -P {name} 1", *box.restart),
    )
