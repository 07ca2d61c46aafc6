"""Prints what a whole check costs beside two peers: `python -m tests.bench.peers`.

CPU time of whole processes, medians of runs in turn, in namespaces of their own (as root): no
network, and no processes of the machine to look at. The peers diagnose GPUs and servers; they are
installed for this alone, with the doctor, in two environments that go away again.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tabbydoctor.demo import standin
from tabbydoctor.demo.deployment import RunningProgram

from .cost import medians, of_children, show

ROOT = Path(__file__).parents[2]
ROUTER = Path(__file__).with_name("data") / "notes_like.py.txt"
PEERS = ("env-doctor==0.3.5", "inferdoctor==0.8.0")
LIBRARIES = "typer, rich.console, httpx, yaml, ruamel.yaml, pydantic, psutil, pynvml, pluggy"
ROUNDS = 9
APART = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")


def installed(place: Path, packages: Sequence[str]) -> Path:
    """An environment with these; the directory of its commands."""
    venv.create(place, with_pip=True)
    pip = [str(place / "bin" / "pip"), "install", "--quiet", *packages]
    subprocess.run(pip, check=True, stdout=subprocess.DEVNULL)
    return place / "bin"


def run(command: str, empty: Path) -> None:
    """To its end, whatever it says; in an empty directory, since one of the peers reads it."""
    compiled = {name: one for name, one in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        shlex.split(command), cwd=empty, env=compiled, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """A stand-in TabbyAPI with keys; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    directory.mkdir()
    standin.install(directory)
    settings = f"network: {{host: 127.0.0.1, port: {port}}}\ndeveloper: {{unsafe_launch: true}}\n"
    (directory / "config.yml").write_text(settings)
    tokens = directory / "api_tokens.yml"
    tokens.touch(mode=0o600)
    tokens.write_text(f"api_key: {'a1' * 16}\nadmin_key: {'b2' * 16}\n")
    url = f"http://127.0.0.1:{port}"
    with RunningProgram("main.py", directory, f"{url}/health"):
        yield url


def measure(ours: Path, theirs: Path, scratch: Path) -> None:
    """In the namespaces: a line each, and against the peers."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    empty, router, directory = scratch / "empty", scratch / "router.py", scratch / "TabbyAPI"
    empty.mkdir()
    router.write_text(ROUTER.read_text(encoding="utf-8"), encoding="utf-8")
    with served(directory) as url:
        check = f"{ours}/tabbydoctor check --dir {directory} --url {url}"
        commands = {
            "python -c pass": f"{ours}/python -c pass",
            "import of the required libraries": f"{ours}/python -c 'import {LIBRARIES}'",
            "env-doctor check": f"{theirs}/env-doctor check",
            "inferdoctor check": f"{theirs}/inferdoctor check",
            "check, healthy, no router": check,
            "check, a router of 500 lines": f"{check} --router {router}",
            "list": f"{ours}/tabbydoctor list",
            "--help": f"{ours}/tabbydoctor --help",
        }
        runs = [partial(of_children, partial(run, one, empty)) for one in commands.values()]
        costs = dict(zip(commands, medians(runs, ROUNDS), strict=True))
    first, second = costs["env-doctor check"], costs["inferdoctor check"]
    for name, cost in costs.items():
        show(name, f"{cost * 1000:.0f} ms", f"{cost / first:.2f}× / {cost / second:.2f}×")
    own = costs["check, healthy, no router"] - costs["import of the required libraries"]
    show("own share of the healthy check", f"{own * 1000:.0f} ms", f"{own / first:.2f}×")


def main(arguments: Sequence[str]) -> None:
    """Install, go apart, measure."""
    if arguments:
        measure(*map(Path, arguments))
        return
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        bins = installed(scratch / "ours", [str(ROOT)]), installed(scratch / "theirs", PEERS)
        argv = [*APART, sys.executable, "-m", "tests.bench.peers", *map(str, bins), name]
        subprocess.run(argv, cwd=ROOT, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
