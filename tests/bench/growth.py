"""Prints how a check grows with what it looks at: `python -m tests.bench.growth` (root, minutes).

CPU time of whole processes, medians of runs in turn, in namespaces of their own. Each line is a
small amount, ten times as much, and a hundred times as much, as ratios to a check without any:
what is flat stays near 1, what is linear grows by the last ratio at most ten times.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from .cost import medians, of_children, show
from .peers import APART, ROOT, run, served

ROUNDS = 3
STEPS = (100, 10, 1)
"""By what the largest amount is divided."""


def keys(directory: Path, count: int) -> None:
    """API keys of a deployment."""
    listed = "".join(f"- {number:032x}\n" for number in range(count))
    (directory / "api_tokens.yml").write_text(f"api_key:\n{listed}admin_key: {'b2' * 16}\n")


def log(directory: Path, count: int) -> None:
    """Lines of a log in TabbyAPI's directory."""
    (directory / "logs").mkdir(exist_ok=True)
    line = 'INFO:     127.0.0.1:1 - "GET /health HTTP/1.1" 200\n'
    (directory / "logs" / "tabby.log").write_text(line * count)


def models(directory: Path, count: int) -> None:
    """Files in one model's directory, and a configuration that loads it."""
    model = directory / "models" / "many"
    model.mkdir(parents=True, exist_ok=True)
    (model / "config.json").write_text(json.dumps({"model_type": "llama"}))
    for number in range(count):
        (model / f"part-{number:06}.txt").touch()
    settings = (directory / "config.yml").read_text(encoding="utf-8")
    (directory / "config.yml").write_text(f"{settings}model: {{model_name: many}}\n")


def backends(directory: Path, count: int) -> None:
    """Upstreams of a router's nginx configuration; the deployment is the first."""
    settings = (directory / "config.yml").read_text(encoding="utf-8")
    port = int(settings.partition("port: ")[2].partition("}")[0])
    places = "".join(
        f"location /b{number}/ {{ proxy_pass http://127.0.0.1:{port if not number else 1}; }}\n"
        for number in range(count)
    )
    server = f"server {{ listen 127.0.0.1:8080;\n{places}}}\n"
    (directory / "nginx.conf").write_text(f"events {{}}\nhttp {{\n{server}}}\n")


def plugins(directory: Path, count: int) -> None:
    """Plug-ins of one check each."""
    for number in range(count):
        name = f"growth_{number}"
        (directory / "plugins").mkdir(exist_ok=True)
        (directory / "plugins" / f"{name}.py").write_text(PLUGIN.replace("NUMBER", f"{number:03}"))
        folder = directory / "plugins" / f"{name}-1.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (folder / "entry_points.txt").write_text(f"[tabbydoctor]\n{name} = {name}\n")


PLUGIN = '''"""A check of a plug-in."""
from collections.abc import Iterator

from tabbydoctor.api import Finding, check, hookimpl
from tabbydoctor.api.facts import Instance


@check("ZZZNUMBER", "growth-NUMBER", category="config")
def judge(instance: Instance) -> Iterator[Finding]:
    """Nothing."""
    return iter(())


@hookimpl
def tabbydoctor_checks():
    return [judge]
'''

GROWING: Mapping[str, tuple[Callable[[Path, int], None], int]] = {
    "keys": (keys, 10_000),
    "lines of a log": (log, 1_000_000),
    "files of a model": (models, 100_000),
    "backends of a router": (backends, 200),
    "plug-ins": (plugins, 50),
}
"""What grows, and the most of it."""


def command(directory: Path, url: str) -> str:
    """A check of a deployment, with what was put beside it."""
    path = f"env PYTHONPATH={directory / 'plugins'}:{ROOT}"
    router = directory / "nginx.conf"
    named = f" --router {router}" if router.exists() else ""
    return f"{path} {sys.executable} -m tabbydoctor check --dir {directory} --url {url}{named}"


def measure(what: str, scratch: Path) -> None:
    """In the namespaces: one line."""
    grow, most = GROWING[what]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    empty = scratch / "empty"
    empty.mkdir()
    with served(scratch / "TabbyAPI") as url:
        amounts = [0, *(max(1, most // step) for step in STEPS)]
        places = []
        for amount in amounts:
            place = scratch / f"of-{amount}"
            shutil.copytree(scratch / "TabbyAPI", place)
            if amount:
                grow(place, amount)
            places.append(place)
        runs = [partial(of_children, partial(run, command(one, url), empty)) for one in places]
        first, *rest = medians(runs, ROUNDS)
    told = ", ".join(
        f"{amount:,}: {cost / first:.2f}×" for amount, cost in zip(amounts[1:], rest, strict=True)
    )
    show(what, f"{first * 1000:.0f} ms", told)


def main(arguments: Sequence[str]) -> None:
    """Each in namespaces of its own."""
    if arguments[:1] == ["--in"]:
        measure(arguments[1], Path(arguments[2]))
        return
    for what in arguments or GROWING:
        with tempfile.TemporaryDirectory() as scratch:
            argv = [*APART, sys.executable, "-m", "tests.bench.growth", "--in", what, scratch]
            subprocess.run(argv, cwd=ROOT, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
