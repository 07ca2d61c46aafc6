"""GPU008: by real model directories, made-up GPUs, and what the server answers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checks.gpu.vram import vram
from tabbydoctor.api import Finding, Safety, Severity, Unknown
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.gpu.byte_range import GIB, ByteRange
from tabbydoctor.gpu.cache_layout import CacheLayout, KeptTokens
from tabbydoctor.gpu.memory_need import LoadedModel, MemoryNeed
from tabbydoctor.gpu.memory_room import MemoryHolder, MemoryRoom
from tabbydoctor.host.data import HttpAnswer, Process
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tests.checks.gpu.machine_tree import LINUX, NEED
from tests.gpu.test_memory_room import gpu

FILE = Origin("working-directory", "/srv/tabby/config.yml:9", "/srv/tabby/config.yml", 9)
CONFIG = EffectiveConfig(
    "/srv/tabby",
    {
        ("model", key): Setting("model", key, value, FILE if value else Origin("default", "x"))
        for key, value in {"model_name": "big", "cache_mode": None, "cache_size": 32768}.items()
    },
)
SERVER = Process(42, ("python", "main.py"))
HOLDER = MemoryHolder(0, 77, "python3", 20 * GIB, "sglang.service")


def need(weights: float = 9, tokens: int = 32768) -> MemoryNeed:
    """So many GiB of weights; 32768 tokens take 4 GiB, and CUDA 0.25 to 1.4 GiB."""
    size = ByteRange(int(weights * GIB), int(weights * GIB))
    layout = CacheLayout(32, (KeptTokens(32, 1024),), (), 131072)
    model = LoadedModel("big", "/srv/tabby/models/big", size, layout, None)
    return MemoryNeed(model, (tokens, tokens))


def room(
    total: float, free: float, own: float | None = 0, holders: tuple[MemoryHolder, ...] = ()
) -> MemoryRoom:
    """One GPU of so many GiB."""
    mine = None if own is None else int(own * GIB)
    return MemoryRoom((gpu(0, total, free),), int(total * GIB), int(free * GIB), mine, holders)


def unit(state: str) -> Instance:
    """TabbyAPI's unit in that state, without a process."""
    return Instance("/srv/tabby", unit=Unit("tabbyapi.service", {"ActiveState": state}))


def running() -> Instance:
    """The unit with its process."""
    return replace(unit("active"), process=SERVER)


def answering(status: int, body: Mapping[str, Any]) -> Endpoint:
    """The server as /v1/model answers to the api_key."""
    address = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "test")
    said = HttpAnswer(f"{address.url}/v1/model", status=status, body=json.dumps(body).encode())
    cells = {("/v1/model", "api_key"): said}
    return Endpoint(address, True, "tabbyapi", said, cells)  # type: ignore[arg-type]


LOADED = answering(200, {"id": "big"})
OTHER = answering(200, {"id": "other"})
EMPTY = answering(503, {"detail": {"error": {"message": "No models are currently loaded."}}})


def findings(
    need: MemoryNeed,
    room: MemoryRoom,
    instance: Instance | None = None,
    endpoint: Endpoint | None = None,
    machine: Machine = LINUX,
) -> list[Finding]:
    server = instance or unit("failed")
    return list(vram.judge(NEED, need, room, server, CONFIG, machine, endpoint))


def test_more_than_the_whole_gpu() -> None:
    """9 + 4 + 0.25 GiB."""
    (finding,) = findings(need(), room(12, 11.5))
    assert finding.severity is Severity.ERROR
    assert finding.title == "The model needs 13.2 GiB or more, GPU 0 has 12.0 GiB"
    assert (
        "13.2 to 14.4 GiB (weights 9.0 GiB: layers and output layer; cache 4.0 GiB: 32768 tokens "
        "in FP16; overhead 0.2 to 1.4 GiB: CUDA context and workspace)"
    ) in finding.detail
    assert finding.evidence[1].source == "/srv/tabby/config.yml:9"


def test_it_is_an_error_whether_it_runs_or_not() -> None:
    for instance in (running(), unit("inactive"), unit("failed"), Instance("/srv/tabby")):
        assert len(findings(need(), room(12, 12), instance)) == 1
    assert len(findings(need(), room(12, 12), running(), OTHER)) == 1


@pytest.mark.parametrize("state", ["failed", "activating", "active"])
def test_more_than_is_free(state: str) -> None:
    (finding,) = findings(need(), room(24, 3, holders=(HOLDER,)), unit(state))
    assert finding.severity is Severity.WARNING
    assert finding.title == "The model needs 13.2 GiB or more, 3.0 GiB are free on GPU 0"
    told = [evidence.actual for evidence in finding.evidence]
    assert "python3, process 77 of sglang.service, holds 20.0 GiB" in told


def test_just_enough() -> None:
    assert findings(need(), room(24, 13.25)) == []
    assert len(findings(need(), room(24, 13.24))) == 1


def test_amounts_that_look_alike_get_more_decimals() -> None:
    """13.25 GiB are needed."""
    (finding,) = findings(need(), room(13.24, 13.24))
    assert finding.title == "The model needs 13.25 GiB or more, GPU 0 has 13.24 GiB"
    (finding,) = findings(need(), room(24, 13.2499))
    assert finding.title == "The model needs 13.2500 GiB or more, 13.2499 GiB are free on GPU 0"
    one_byte_less = replace(room(24, 24), free=int(13.25 * GIB) - 1)
    (finding,) = findings(need(), one_byte_less)
    assert "needs 13.250000000 GiB" in finding.title
    assert "13.249999999 GiB are free" in finding.title


def test_a_loaded_model_fits_whatever_is_free() -> None:
    assert findings(need(), room(24, 0.1), running(), LOADED) == []
    assert findings(need(), room(12, 0.1), running(), LOADED) == []
    assert findings(need(), room(24, 0.1), running(), OTHER) == []
    assert findings(need(), room(12, 12, own=13.5), running()) == []


def test_a_server_without_its_model_wants_the_room() -> None:
    assert len(findings(need(), room(24, 3), running(), EMPTY)) == 1
    assert len(findings(need(), room(24, 3, holders=(HOLDER,)), running())) == 1
    assert len(findings(need(), room(24, 5, own=2), running())) == 1


def test_it_is_not_told_what_a_server_holds() -> None:
    for held in (room(24, 3), room(24, 3, own=None, holders=(HOLDER,))):
        with pytest.raises(Unknown, match="loaded already"):
            findings(need(), held, running())
    inside = replace(LINUX, container="docker")
    with pytest.raises(Unknown, match="loaded already"):
        findings(need(), room(24, 3, holders=(HOLDER,)), running(), machine=inside)


def test_a_process_that_may_be_there_and_not_be_seen() -> None:
    anyone = replace(LINUX, root=False)
    held = room(24, 3, holders=(HOLDER,))
    with pytest.raises(Unknown, match="loaded already"):
        findings(need(), held, unit("active"), machine=anyone)
    assert len(findings(need(), held, unit("failed"), machine=anyone)) == 1
    assert len(findings(need(), held, unit("active"), EMPTY, machine=anyone)) == 1


@pytest.mark.parametrize("instance", [unit("inactive"), Instance("/srv/tabby")])
def test_what_is_free_now_does_not_matter_to_a_stopped_server(instance: Instance) -> None:
    assert findings(need(), room(24, 3, holders=(HOLDER,)), instance) == []


def test_wsl_may_use_system_memory() -> None:
    with pytest.raises(Unknown, match="WSL"):
        findings(need(), room(12, 12), machine=replace(LINUX, wsl=True))


# What to do: 32768 tokens take 4, 2.125 + 0.125, 1.625 + 0.125 and 1.125 + 0.125 GiB at most.
def titles(need: MemoryNeed, room: MemoryRoom) -> list[str]:
    (finding,) = findings(need, room)
    return [remedy.title for remedy in finding.remedies]


@pytest.mark.parametrize(("free", "mode"), [(12.66, "Q8"), (12.6, "Q6"), (12.1, "Q4")])
def test_the_mildest_cache_mode_that_fits(free: float, mode: str) -> None:
    assert titles(need(), room(24, free))[0].startswith(f"Set cache_mode: {mode} under model:")


def test_the_largest_cache_that_fits() -> None:
    """1 GiB is left for tokens of 128 KiB."""
    found = titles(need(), room(24, 11.4))
    assert found == [
        "Set cache_size: 8192 and max_seq_len: 8192 under model: (then 10.2 to 11.4 GiB)"
    ]


def test_remedies_are_edits_of_the_file_that_configures_it() -> None:
    (finding,) = findings(need(), room(24, 12.7))
    for remedy in finding.remedies:
        assert remedy.safety is Safety.MANUAL
        assert remedy.commands[0] == "sudoedit /srv/tabby/config.yml"


NIXOS = Unit(
    "tabbyapi.service",
    {
        "ActiveState": "failed",
        "FragmentPath": "/etc/systemd/system/tabbyapi.service",
        "WorkingDirectory": "/var/lib/tabbyapi",
        "ExecStart": "{ path=/nix/store/x/bin/tabbyapi ; argv[]=/nix/store/x/bin/tabbyapi ; }",
        "ExecStartPre": "{ path=/nix/store/y/bin/pre ; argv[]=/nix/store/y/bin/pre ; }",
    },
)


def test_on_nixos_they_are_lines_of_configuration() -> None:
    """Q6 takes 1.625 + 0.125 GiB, 16384 tokens take 2."""
    path = "/var/lib/tabbyapi/config/config.yml"
    module = Instance("/var/lib/tabbyapi", ("--config", path), unit=NIXOS)
    written = Origin("config-file", f"{path}:1", path, 1)
    settings = {key: replace(one, origin=written) for key, one in CONFIG.settings.items()}
    config = replace(CONFIG, settings=settings)
    (finding,) = vram.judge(NEED, need(), room(12.4, 12.4), module, config, LINUX, None)
    mode, size = finding.remedies
    assert mode.nix == ('services.tabbyapi.cacheMode = "Q6";',)
    assert size.nix == (
        "services.tabbyapi.cacheSize = 16384;",
        "services.tabbyapi.maxSeqLen = 16384;",
    )


def test_others_can_be_stopped() -> None:
    holders = (HOLDER, MemoryHolder(0, 78, "python3", GIB), MemoryHolder(0, 79, None, None))
    (finding,) = findings(need(15), room(24, 0, holders=holders))
    stops = {remedy.title: (remedy.safety, remedy.commands) for remedy in finding.remedies[:3]}
    assert stops == {
        "Stop sglang.service, which holds 20.0 GiB": (
            Safety.UNSAFE,
            ("sudo systemctl stop sglang.service",),
        ),
        "Stop python3, process 78, which holds 1.0 GiB": (Safety.UNSAFE, ("sudo kill 78",)),
        "Stop process 79": (Safety.MANUAL, ()),
    }


DESKTOP = (
    ("Xorg", "display-manager.service"),
    ("gnome-shell", None),
    ("python3", "gdm.service"),
    ("dockerd", "docker.service"),
    ("python3", "docker.service"),
    ("python3", "dbus.service"),
    ("python3", "user@1000.service"),
    ("python3", "cron.service"),
    ("sshd", None),
    ("nvidia-persistenced", "nvidia-persistenced.service"),
)


@pytest.mark.parametrize(("name", "unit_name"), DESKTOP)
def test_no_command_for_what_others_stand_on(name: str, unit_name: str | None) -> None:
    holder = MemoryHolder(0, 900, name, GIB, unit_name)
    (finding,) = findings(need(15), room(24, 0, holders=(holder,)))
    told = finding.remedies[0]
    assert (told.safety, told.commands) == (Safety.MANUAL, ())
    assert name in told.title
    assert "holds 1.0 GiB" in told.title


def test_no_command_for_what_a_container_starts_anew() -> None:
    holder = MemoryHolder(0, 900, "python3", GIB, None, "docker 4b1d4b1d4b1d")
    (finding,) = findings(need(15), room(24, 0, holders=(holder,)))
    assert finding.remedies[0].commands == ()
    assert "docker 4b1d4b1d4b1d" in finding.remedies[0].title


@pytest.mark.parametrize(
    ("name", "unit_name"),
    [
        ("ollama", "ollama.service"),
        ("llama-server", "llamacpp-8085.service"),
        (".python3.11-wrapped", "comfyui.service"),
        ("VLLM::EngineCore", "my vllm.service"),
    ],
)
def test_a_server_of_models_can_be_stopped(name: str, unit_name: str) -> None:
    holder = MemoryHolder(0, 900, name, GIB, unit_name)
    (finding,) = findings(need(15), room(24, 0, holders=(holder,)))
    assert finding.remedies[0].commands == (f"sudo systemctl stop {shlex.quote(unit_name)}",)


def test_weights_that_leave_no_room_for_a_cache() -> None:
    """2048 tokens take 0.25 GiB, CUDA up to 1.4 GiB."""
    assert titles(need(30), room(24, 24)) == [
        "Take a smaller quantization or model of at most 22.4 GiB, or let TabbyAPI use more GPUs"
    ]


def test_every_remedy_fits() -> None:
    for free in (10.7, 11.0, 11.5, 12.3, 12.9, 13.1):
        for title in titles(need(), room(24, free)):
            if "(then " in title:
                high = float(title.rpartition(" to ")[2].split()[0])
                assert high <= free + 0.05
