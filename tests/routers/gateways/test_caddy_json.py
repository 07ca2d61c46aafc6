"""Caddy's JSON is read as the Caddyfile that it was made from, and its lines help the real one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tabbydoctor.routers import RouterReading, caddy
from tabbydoctor.routers.kinds import BUILT_IN
from tests.routers.gateways.agreement import lines_help, text_of
from tests.routers.gateways.caddyfiles import CADDYFILES
from tests.routers.gateways.running import program, running
from tests.routers.gateways.sites import Site

URLS = ("http://127.0.0.1:5000",)
CONCERNS = {"RTR002": "key", "RTR005": "key", "RTR004": "key", "RTR014": "wait", "RTR001": "probe"}
MENDED = tuple(site for site in CADDYFILES if site.roots[:1] and site.roots[0] in CONCERNS)


def adapted(text: str, directory: Path, *, pretty: bool = True) -> str:
    """What Caddy itself makes of a Caddyfile."""
    path = directory / "Caddyfile"
    path.write_text(text)
    argv = [program("caddy"), "adapt", "--config", str(path), "--adapter", "caddyfile"]
    argv += ["--pretty"] if pretty else []
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def seen(reading: RouterReading) -> set[tuple[object, ...]]:
    calls = {(c.purpose, c.method, c.path, c.sends_key, c.key_from) for c in reading.calls}
    waits = {(wait.setting, wait.seconds) for wait in reading.waits}
    told = {("misses", bool(reading.misses)), ("leaks", bool(reading.leaks))}
    return {*calls, *waits, *told, ("401", bool(reading.accepts_401))}


@contextmanager
def native(directory: Path, config: str, port: int) -> Iterator[None]:
    """Caddy with JSON."""
    path = directory / "caddy.json"
    path.write_text(config)
    homes = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "TABBY_API_KEY": "k-env"}
    argv = [program("caddy"), "run", "--config", str(path)]
    with running(argv, port, {**homes, "XDG_CONFIG_HOME": str(directory)}):
        yield


@pytest.mark.parametrize("pretty", [True, False])
@pytest.mark.parametrize("site", CADDYFILES, ids=lambda site: site.name)
def test_it_is_read_as_its_caddyfile(site: Site, pretty: bool, tmp_path: Path) -> None:
    text = text_of(site)
    made = adapted(text, tmp_path, pretty=pretty)
    assert BUILT_IN.of("/var/lib/caddy/.config/caddy/autosave.json", made) == "caddy"
    reading = caddy.read("/etc/caddy/caddy.json", made, URLS)
    assert not reading.problem
    assert not reading.cuts
    assert seen(reading) == seen(caddy.read("/etc/caddy/Caddyfile", text, URLS))


@pytest.mark.parametrize("site", MENDED, ids=lambda site: site.name)
def test_the_lines_help(site: Site, tmp_path: Path) -> None:
    made = Site(site.name, adapted(text_of(site), tmp_path), site.roots, site.host)
    concern = CONCERNS[site.roots[0]]
    lines_help(caddy, native, "/etc/caddy/caddy.json", made, concern, tmp_path, whole=True)


@pytest.mark.parametrize(
    "text",
    [
        '{"apps": {"http": {"servers": {"a": {"routes": [{"handle": [{"handler": "x"}]}]}}}},'
        ' "reverse_proxy"',
        '{"apps": ["reverse_proxy"]}',
        '{"apps": {"http": {"servers": {"a": {"routes": {"handle": "reverse_proxy"}}}}}}',
    ],
)
def test_odd_json_is_no_traceback(text: str) -> None:
    reading = caddy.read("/c.json", text.replace('"reverse_proxy"', '"reverse_proxy": 1')
                         if text.endswith('"reverse_proxy"') else text, URLS)  # fmt: skip
    assert not reading.calls
