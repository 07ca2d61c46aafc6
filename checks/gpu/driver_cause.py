"""Why there is no usable NVIDIA driver: one cause, the nearest to the root."""

from __future__ import annotations

from collections.abc import Callable

from tabbydoctor.api import Evidence, Finding, Remedy, Safety
from tabbydoctor.nixos.by_rebuild import by_rebuild

from .access_refused import by_container, by_system
from .card_refused import refusal
from .driver_scene import Scene

_REJECTED = (
    *("Loading of unsigned module is rejected", "Required key not available"),
    *("Loading of module with unavailable key is rejected", "Key was rejected by service"),
    "unsigned module loading is restricted",
)
_KERNEL_LOG = "journalctl -k -b"
_REBOOT = "sudo systemctl reboot"
_NIXOS_DRIVER = Remedy(
    'Set hardware.graphics.enable = true; and services.xserver.videoDrivers = [ "nvidia" ]; in '
    "configuration.nix",
    Safety.MANUAL,
    ("sudo nixos-rebuild switch", _REBOOT),
)


def cause(scene: Scene) -> Finding | None:
    """The first cause that fits, or None where the driver is there after all."""
    return next((found for judge in _CAUSES if (found := judge(scene))), None)


def _wsl(scene: Scene) -> Finding | None:
    if not scene.machine.wsl:
        return None
    return Finding(
        "WSL shows no usable NVIDIA driver",
        "Under WSL the driver is the one of Windows; Linux only gets its library, in "
        "/usr/lib/wsl/lib. Never install a Linux driver here.",
        (scene.nvml, Evidence("/usr/lib/wsl/lib/libnvidia-ml.so.1", "the library of Windows")),
        (
            Remedy("On Windows: install or update the NVIDIA driver, then run: wsl --shutdown"),
            Remedy("On Windows: WSL 1 has no GPU; see the version with wsl -l -v, and set it to 2"),
        ),
    )


def _library(scene: Scene) -> Finding | None:
    if not (scene.no_library and scene.driver.module_live):
        return None
    version = scene.driver.module_version or "the module's version"
    missing = "cannot open shared object" in scene.driver.nvml.load_error
    if scene.machine.nixos:
        remedy = _NIXOS_DRIVER
    else:
        remedy = Remedy(
            f"Install the driver's user libraries in version {version}, from where the module came",
            commands=("ldconfig -p | grep libnvidia-ml",),
        )
    state = "is missing" if missing else "cannot be loaded"
    return Finding(
        f"The NVIDIA driver's library libnvidia-ml.so.1 {state}",
        f"The kernel module {version} is loaded, but programs reach it only through the user "
        "libraries of the same version.",
        (scene.nvml, Evidence("/sys/module/nvidia/version", actual=version)),
        (remedy,),
    )


def _no_gpu(scene: Scene) -> Finding | None:
    if scene.driver.module_live or scene.driver.pci_gpus != ():
        return None
    return Finding(
        "This machine has no NVIDIA GPU on its PCI bus",
        "TabbyAPI is set up to load a model here, and no driver can help without a GPU: it is "
        "not plugged in, switched off in the firmware, or not passed to this virtual machine.",
        (Evidence("/sys/bus/pci/devices", "a display controller of vendor 0x10de", "none"),),
        (Remedy("Look for the GPU", commands=("lspci -nn | grep -i nvidia",)),),
    )


def _nouveau(scene: Scene) -> Finding | None:
    if scene.driver.module_live or not scene.driver.nouveau:
        return None
    line = scene.log.first("probe routine was not called") if scene.log else None
    remedy = Remedy(
        "Keep nouveau from loading, and reboot (the NVIDIA driver must be installed)",
        Safety.UNSAFE,
        (
            "printf '%s\\n' 'blacklist nouveau' 'options nouveau modeset=0'"
            " | sudo tee /etc/modprobe.d/blacklist-nouveau.conf",
            "sudo update-initramfs -u || sudo dracut --force",
            _REBOOT,
        ),
    )
    return Finding(
        "nouveau holds the GPU, so the NVIDIA driver cannot",
        "The kernel loaded the free driver nouveau, which knows no CUDA.",
        (
            Evidence("/sys/module/nouveau", "not loaded", "loaded"),
            *([Evidence(_KERNEL_LOG, actual=line.text)] if line else []),
            scene.nvml,
        ),
        (_NIXOS_DRIVER if scene.machine.nixos else remedy,),
    )


def _refused_card(scene: Scene) -> Finding | None:
    """The module was loaded, took no card and went."""
    return None if scene.driver.module_live else refusal(scene.log, scene.machine)


def _secure_boot(scene: Scene) -> Finding | None:
    driver = scene.driver
    line = scene.log.first(*_REJECTED) if scene.log else None
    if driver.module_live or line is None or driver.module_file is False:
        return None
    if driver.signing_key:
        enrol = Remedy(
            "Enrol the key that signs the module, reboot and confirm in the MOK screen",
            Safety.UNSAFE,
            (f"sudo mokutil --import {driver.signing_key}", _REBOOT),
        )
    else:
        enrol = Remedy(
            "Sign the module with a key of your own and enrol it (mokutil --import), and reboot",
            commands=("mokutil --sb-state", "modinfo -F signer nvidia"),
        )
    return Finding(
        "Secure Boot refused the NVIDIA kernel module",
        "The module is not signed with a key this machine trusts, so the kernel does not load it.",
        (Evidence(_KERNEL_LOG, actual=line.text), scene.nvml),
        (enrol, Remedy("Or switch Secure Boot off in the firmware")),
    )


def _not_loaded(scene: Scene) -> Finding | None:
    if scene.driver.module_live or scene.driver.module_file is not True:
        return None
    hint = " Secure Boot is on and may be why." if scene.driver.secure_boot else ""
    return Finding(
        "The NVIDIA kernel module is installed and not loaded",
        f"The module is there for kernel {scene.driver.kernel}, and nothing loaded it.{hint}",
        (Evidence("/sys/module/nvidia", "loaded", "not loaded"), scene.nvml),
        (
            Remedy(
                "Load the module; if that fails the kernel log says why",
                Safety.UNSAFE,
                ("sudo modprobe nvidia", "sudo journalctl -k -b -g NVRM --no-pager"),
            ),
        ),
    )


def _not_installed(scene: Scene) -> Finding | None:
    driver = scene.driver
    if driver.module_live:
        return None
    evidence = (
        Evidence(f"/lib/modules/{driver.kernel}", "nvidia.ko", "none found"),
        Evidence("/sys/module/nvidia", "loaded", "not loaded"),
        scene.nvml,
    )
    if scene.machine.nixos:
        remedies: tuple[Remedy, ...] = (_NIXOS_DRIVER,)
    elif scene.no_library:
        remedies = (Remedy("Install your distribution's NVIDIA driver, and reboot"),)
    else:
        remedies = (
            Remedy(
                f"Build the module for kernel {driver.kernel} (with its headers installed), "
                "or boot the kernel it was built for",
                Safety.UNSAFE,
                ("sudo dkms autoinstall", "sudo modprobe nvidia"),
            ),
        )
    if scene.no_library:
        return Finding(
            "No NVIDIA driver is installed",
            "Neither the kernel module nor the user libraries are there.",
            evidence,
            remedies,
        )
    return Finding(
        f"The NVIDIA module is not loaded in kernel {driver.kernel or 'now running'}",
        "The user libraries are installed; the kernel has no module to go with them, as after a "
        "kernel upgrade for which it was not built.",
        evidence,
        remedies,
    )


def _no_nodes(scene: Scene) -> Finding | None:
    if scene.driver.nvml.error != 9:
        return None
    stale = scene.nodes.stale("/dev/nvidiactl")
    if "/dev/nvidiactl" in scene.nodes.nodes and not stale:
        return None
    return Finding(
        f"/dev/nvidiactl is {'stale' if stale else 'missing'} although the NVIDIA module is loaded",
        "Programs reach the driver through its device nodes; nothing created them since boot.",
        (Evidence("/dev/nvidiactl", "a node of major 195", "stale" if stale else "missing"),),
        _make_nodes(scene),
    )


def _make_nodes(scene: Scene) -> tuple[Remedy, ...]:
    make = "sudo nvidia-modprobe -c 0 -u"
    if scene.machine.nixos:
        lasting = by_rebuild(
            "Keep them by the driver's own service", "hardware.nvidia.nvidiaPersistenced = true;"
        )
        return Remedy("Create the nodes", Safety.SAFE, (make,)), lasting
    keep = "sudo systemctl enable --now nvidia-persistenced.service"
    title = "Create the nodes, and keep them with the driver's own service"
    return (Remedy(title, Safety.SAFE, (make, keep)),)


_CAUSES: tuple[Callable[[Scene], Finding | None], ...] = (
    _wsl,
    by_system,
    by_container,
    _library,
    _no_gpu,
    _nouveau,
    _secure_boot,
    _refused_card,
    _not_loaded,
    _not_installed,
    _no_nodes,
)
