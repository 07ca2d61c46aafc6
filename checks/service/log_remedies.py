"""What to do about the known lines of TabbyAPI's log: data, by the name of the line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping

from tabbydoctor.api import Remedy, Safety
from tabbydoctor.deployment.nixos import edit_lasts
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.gpu.torch import PythonEnvironment
from tabbydoctor.invocation import invocation
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig

from .. import python_packages as packages
from ..python_packages import own_extra, pip_install


@dataclass(frozen=True, slots=True)
class LoggedServer:
    """The TabbyAPI whose log it is, as far as it is known."""

    instance: Instance
    config: EffectiveConfig | None = None
    environment: PythonEnvironment | None = None

    @property
    def python_headers(self) -> str:
        """Debian's package of the headers for its interpreter."""
        known = (self.instance.python, *(self.environment.directories if self.environment else ()))
        found = next((m for path in known if (m := re.search(r"python(3\.\d+)", path or ""))), None)
        return f"python{found[1] if found else '3'}-dev"

    @property
    def directory(self) -> str:
        """Its working directory, to paste."""
        return shlex.quote(self.instance.directory)

    @property
    def config_edit(self) -> tuple[str, ...]:
        """The command that edits its file; none where NixOS writes that anew at each start."""
        setting = self.config.setting("model", "gpu_split") if self.config else None
        own = self.instance.outside(self.instance.path("config.yml"))
        path = (setting.origin.path if setting else None) or own
        return (f"sudoedit {shlex.quote(path)}",) if edit_lasts(path, self.instance) else ()

    @property
    def model(self) -> str:
        """The directory of its model, to paste."""
        names = ("model_dir", "model_name")
        words = (
            [str(self.config.value("model", name) or "") for name in names] if self.config else []
        )
        directory, name = words or ["models", ""]
        return shlex.quote(f"{self.instance.directory}/{directory or 'models'}/{name}".rstrip("/"))


Steps = Callable[[LoggedServer], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class WayOut:
    """A way out. A restart follows where the unit is known."""

    title: str
    commands: Steps = lambda place: ()
    safety: Safety = Safety.MANUAL
    restarts: bool = True


def update(place: LoggedServer) -> tuple[str, ...]:
    return packages.update(place.instance, keeps_exl2=packages.only_exl2(place.environment))


UPDATE = "update TabbyAPI and exllamav3 (cu13 for drivers from 580, else cu12)"
_LIBRARIES = ("ldconfig -p | grep libcuda.so.1",)
_UVM = ("sudo modprobe -r nvidia_uvm", "sudo modprobe nvidia_uvm")

_LESS = WayOut(
    "See what each setting would save, take less (cache_mode, or max_seq_len with cache_size), and "
    "restart it",
    lambda place: (invocation("vram", root=True), *place.config_edit),
)

WAYS: Mapping[str, tuple[WayOut, ...]] = {
    "generation-fatal": (
        WayOut("Restart it: /health stays at 503 until then", safety=Safety.UNSAFE),
        WayOut(f"If it comes again, {UPDATE}", update),
    ),
    "architecture-unknown": (WayOut(f"{UPDATE[0].upper()}{UPDATE[1:]}, restart it", update),),
    "exllama-old": (WayOut(f"{UPDATE[0].upper()}{UPDATE[1:]}, restart it", update),),
    "wheel-mismatch": (
        WayOut(
            "Install TabbyAPI's extra again, which brings a torch and an exllama that fit each "
            "other (cu13 for drivers from 580, else cu12); restart it",
            lambda place: (pip_install(place.instance, own_extra(place.instance, "cu12")),),
        ),
    ),
    "out-of-memory": (_LESS,),
    "chunk-size": (
        WayOut(
            "Set max_seq_len (and chunk_size, where it is set) to a multiple of 256 under model:, "
            "2048 say; restart it",
            lambda place: place.config_edit,
        ),
        WayOut(f"Or {UPDATE}, which makes it one by itself", update),
    ),
    "allocator": (
        WayOut(
            "Where it should fit, set memory.cuda_malloc_async: false (known since 2026-04-17), "
            "which takes torch's own allocator; restart it",
            lambda place: place.config_edit,
        ),
        _LESS,
    ),
    "request-too-long": (
        WayOut(
            "Let the client send less: its context and the tokens it asks for within max_seq_len",
            restarts=False,
        ),
        WayOut(
            "Or raise model.max_seq_len and model.cache_size, which take GPU memory; restart it",
            lambda place: place.config_edit,
        ),
    ),
    "context-limited": (
        WayOut(
            "Ask for a cache_size of at least max_seq_len where the model is loaded (the request, "
            "its tabby_config.yml or config.yml), and load it again",
            lambda place: place.config_edit,
        ),
    ),
    "no-python-headers": (
        WayOut(
            "Install the headers of its Python's version, and restart it",
            lambda place: (f"sudo apt-get install {place.python_headers}",),
        ),
    ),
    "no-compiler": (
        WayOut(
            "Install a C compiler, or add its directory to the unit's PATH; then restart it",
            lambda place: ("sudo apt-get install gcc",),
        ),
    ),
    "no-embeddings": (
        WayOut(
            "Install TabbyAPI's extras into its environment, and restart it",
            lambda place: (pip_install(place.instance, own_extra(place.instance, "extras")),),
        ),
        WayOut("Or take embeddings.embedding_model_name out", restarts=False),
    ),
    "split-too-small": (
        WayOut(
            "Raise the shares of model.gpu_split, or take it out for gpu_split_auto; restart it",
            lambda place: place.config_edit,
        ),
    ),
    "weights-damaged": (
        WayOut(
            "See which file is too small, and download it anew (git lfs pull); then restart it",
            lambda place: (f"ls -l {place.model}",),
        ),
    ),
    "weights-lacking": (
        WayOut(
            "See which part lacks, and download it anew; then restart it",
            lambda place: (f"ls -l {place.model}",),
        ),
    ),
    "no-tokenizer": (
        WayOut(
            "See what lacks, and download it anew; then restart it",
            lambda place: (f"ls -l {place.model}",),
        ),
    ),
    "cuda-unknown-error": (
        WayOut("Stop what uses the GPU, load nvidia_uvm anew, restart it", lambda place: _UVM),
    ),
    "fabric-manager": (
        WayOut(
            "Start the fabric manager (of exactly the driver's version; it is to start at boot, "
            "too), and restart it",
            lambda place: ("sudo systemctl start nvidia-fabricmanager.service",),
            Safety.UNSAFE,
        ),
    ),
    "driver-combination": (
        WayOut(
            "Take CUDA's compatibility directory out of LD_LIBRARY_PATH, or reboot after an "
            "upgrade of the driver",
            lambda place: ("cat /proc/driver/nvidia/version", *_LIBRARIES),
        ),
    ),
    "devices-busy": (
        WayOut(
            "See what holds the GPU, and its compute mode",
            lambda place: ("nvidia-smi -q -d COMPUTE,PIDS",),
        ),
    ),
    "toolkit-older": (
        WayOut(
            "Update nvidia-container-toolkit, then the engine and the container anew",
            lambda place: ("nvidia-ctk --version", *_engine_anew(place)),
        ),
    ),
    "no-such-device": (
        WayOut("See which GPUs it is shown", lambda place: _shown(place, "Environment")),
    ),
    "one-gpu": (
        WayOut(
            "It was shown one GPU, and this machine has more: see CUDA_VISIBLE_DEVICES, or what "
            "its container asks for, and show it the others",
            lambda place: _given_gpus(place),
        ),
        _LESS,
    ),
    "no-libcuda": (
        WayOut(
            "See where libcuda.so.1 is, and put its directory in LD_LIBRARY_PATH of the unit",
            lambda place: _LIBRARIES,
        ),
    ),
    "no-gpus": (
        WayOut(
            "See what hides them: CUDA_VISIBLE_DEVICES, the unit's PrivateDevices=, DeviceAllow=",
            lambda place: _shown(place, "Environment,PrivateDevices,DevicePolicy,DeviceAllow"),
        ),
    ),
    "disk-full": (
        WayOut(
            "Make room on the disk, and restart it",
            lambda place: (f"df -h {place.directory}", f"du -xsh {place.directory}/logs"),
        ),
    ),
}


def _shown(place: LoggedServer, properties: str) -> tuple[str, ...]:
    unit = place.instance.unit
    if unit is None:
        return ()
    user = " --user" if unit.user_manager else ""
    return (f"systemctl{user} show {shlex.quote(unit.name)} -p {properties}",)


def _engine_anew(place: LoggedServer) -> tuple[str, ...]:
    box = place.instance.contained
    return ("sudo systemctl restart docker",) if box and box.engine == "docker" else ()


def _given_gpus(place: LoggedServer) -> tuple[str, ...]:
    box = place.instance.contained
    if box is None:
        return _shown(place, "Environment")
    if not box.client:
        return ()
    request = shlex.quote("{{json .HostConfig.DeviceRequests}} {{json .Config.Env}}")
    return (f"{box.client} inspect -f {request} {box.called}",)


def ways_out(slug: str, place: LoggedServer | None) -> Iterator[Remedy]:
    """The remedies for a line; none where none is known, or nothing is of whose log it is."""
    for way in WAYS.get(slug, ()) if place else ():
        assert place is not None
        restart = place.instance.restart if way.restarts else ()
        old = way.commands is update and packages.only_exl2(place.environment)
        title = f"{way.title}{packages.UNTIL_EXL2_ENDED if old else ''}"
        yield Remedy(title, way.safety, (*way.commands(place), *restart))
