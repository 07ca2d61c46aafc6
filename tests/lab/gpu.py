"""A GPU for the lab: a stand-in NVML library, device nodes, and the metadata of a torch.

The doctor looks at it through the real pynvml. What the library says comes from the
environment the doctor is run with; tests/stub_nvml/nvml.c.txt lists its knobs.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.lab.deployment import Deployment
from tests.stub_nvml import build_cuda, build_library

LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05"
CUDA = "/usr/lib/x86_64-linux-gnu/libcuda.so.1"
NODES = {"nvidiactl": (195, 255), "nvidia0": (195, 0), "nvidia-uvm": (511, 0)}
MODEL = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "quantization_config": {"quant_method": "exl3"},
}
"""Its cache in FP16 takes 128 KiB for each token: 1 GiB for all of its context."""
TEMPLATE = "chat_template.jinja"


_KERNEL_LOG = """\
#!/bin/sh
# The machine has no kernel log of its own.
case " $* " in
*" -k "*) echo '{lines}' ;;
*) exec /usr/bin/journalctl.real "$@" ;;
esac
"""


def kernel_says(d: Deployment, *lines: str, seconds_ago: int = 0) -> None:
    """The kernel has logged these lines."""
    when = int(d.machine.run(["date", "+%s"]).stdout) - seconds_ago
    said = "\n".join(f"{when}.000000 lab kernel: {line}" for line in lines)
    d.machine.run(["mv", "/usr/bin/journalctl", "/usr/bin/journalctl.real"])
    d.machine.write("/usr/bin/journalctl", _KERNEL_LOG.format(lines=said), mode=0o755)


def give_gpu(d: Deployment) -> None:
    """A driver, one GPU, its nodes open to all as the driver makes them, and a fitting torch."""
    with tempfile.TemporaryDirectory() as scratch:
        library = build_library(Path(scratch)).resolve().read_bytes()
        cuda = build_cuda(Path(scratch)).read_bytes()
    d.machine.write(LIBRARY, library, mode=0o755)
    d.machine.write(CUDA, cuda, mode=0o755)
    d.machine.run(["ln", "-sf", LIBRARY, "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"])
    for name, (major, minor) in NODES.items():
        d.machine.run(["mknod", "-m", "666", f"/dev/{name}", "c", str(major), str(minor)])
    d.machine.run(["ldconfig"])
    _torch(d)


def give_work(d: Deployment) -> None:
    """All of it, and a model configured: this TabbyAPI needs its GPU."""
    give_gpu(d)
    give_model(d)
    config = d.machine.read(d.config).replace("model_dir: models", "model_name: tiny-exl3")
    d.machine.write(d.config, config, owner=f"{d.user}:{d.user}")


def give_model(d: Deployment, name: str = "tiny-exl3", gib: int = 0) -> None:
    """A model that the stand-in loads, with weights of that size that take no room on the disk.

    Small where a repair is tried: what it may touch is read whole, before and after.
    """
    owner = f"{d.user}:{d.user}"
    directory = d.directory / "models" / name
    files = {"config.json": json.dumps(MODEL), "tokenizer.json": "{}", TEMPLATE: "{{ messages }}\n"}
    for file, content in files.items():
        d.machine.write(directory / file, content, owner=owner)
    place = {"dtype": "I16", "shape": [gib << 29], "data_offsets": [0, gib << 30]}
    head = json.dumps({"model.layers.0.mlp.up_proj.trellis": place}).encode()
    weights = directory / "model.safetensors"
    d.machine.write(weights, len(head).to_bytes(8, "little") + head, owner=owner)
    d.machine.run(["truncate", f"--size={(gib << 30) + 8 + len(head)}", weights])


def site_packages(d: Deployment) -> str:
    """Where the packages of TabbyAPI's environment are."""
    return f"{d.directory}/venv/lib/python3.11/site-packages"


def give_exllamav3(d: Deployment, *architectures: str) -> None:
    """The sources of an exllamav3 that loads these, and the part of TabbyAPI that drives it."""
    for name in architectures:
        source = f'class Config:\n    arch_string = "{name}"\n'
        d.machine.write(f"{site_packages(d)}/exllamav3/architecture/{name.lower()}.py", source)
    d.machine.write(d.directory / "backends/exllamav3/model.py", "")


def _torch(d: Deployment) -> None:
    library = site_packages(d)
    d.machine.write(f"{library}/torch/version.py", "__version__ = '2.9.0+cu128'\ncuda = '12.8'\n")
    for package in ("torch-2.9.0+cu128", "exllamav3-1.4.1+cu128.torch2.9.0"):
        name, _, version = package.partition("-")
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        d.machine.write(f"{library}/{package}.dist-info/METADATA", metadata)
