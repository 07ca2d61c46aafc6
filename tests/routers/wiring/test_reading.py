"""A wired router is read as healthy, and as fast as it was before."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from checks.router.admin_key import admin_key
from checks.router.env_unset import env_unset
from checks.router.forward_no_key import forward_no_key
from checks.router.key_leaks import key_leaks
from checks.router.list_key import list_key
from checks.router.masks_401 import masks_401
from checks.router.probe_hopeless import probe_hopeless
from checks.router.probe_no_key import probe_no_key
from tabbydoctor.api import Finding, Severity
from tabbydoctor.routers import RouterReading, python
from tabbydoctor.routers.keys import CLIENT_OWN
from tabbydoctor.routers.marked_block import legible, marked_block
from tabbydoctor.routers.probes import is_open
from tabbydoctor.routers.wiring import CannotWire, WiringStrategy, wire
from tabbydoctor.source.engine import Engine
from tests.checks.router.scene import config, endpoint, judge, site, tokens
from tests.routers.cases import FILES, TABBY_URLS
from tests.sampling import sampled

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

TESTS = Path(__file__).parents[2]
PATHS = [
    *(TESTS / "routers/data").glob("*.txt"),
    *(TESTS / "routers/wiring/data").glob("*.txt"),
    *(TESTS / "lab/data").glob("router-*.txt"),
]
TEXTS = {path.name.partition(".")[0]: path.read_text(encoding="utf-8") for path in PATHS}
REFUSED = {"syntax_error"}
"""What `wire` does not accept."""
OWN_AUTH = {"auth_hook"}
"""Where a key cannot be replaced: `auth=` names an object of its own, left to a person."""
NAMES = sorted(TEXTS.keys() - REFUSED)
FAULTY = {
    "probe_no_key": "per_call_client",
    "forward_no_key": "per_call_client",
    "masks_401": "below_500",
    "admin_key": "admin_key",
    "key_leaks": "key_to_everyone",
    "probe_hopeless": "head_health",
}
"""What each check does find in a source before it is wired."""
STRATEGIES: tuple[WiringStrategy, ...] = ("router-tokens", "router-env")
TOKENS_PATH = "/srv/tabbyAPI/api_tokens.yml"
SLACK = 100
"""Steps that the smallest sources may take beyond twice as many."""


@cache
def wired(name: str, strategy: WiringStrategy = "router-tokens", replace: bool = False) -> str:
    result = wire(
        TEXTS[name].encode(),
        tabby_urls=TABBY_URLS,
        strategy=strategy,
        tokens_path=TOKENS_PATH,
        files=FILES,
        replace_own_key=replace,
    )
    assert result.leftovers == ()
    return result.source.decode()


def read(text: str, urls: tuple[str, ...] = TABBY_URLS) -> RouterReading:
    return python.read("/opt/router/router.py", text, urls, files=FILES)


def findings(reading: RouterReading) -> dict[str, list[Finding]]:
    """What is wrong with a reading, where TabbyAPI asks for a key and no model is configured."""
    asked = config(), endpoint(enforces=True)
    every = {
        "probe_no_key": judge(probe_no_key, reading, *asked, None),
        "forward_no_key": judge(forward_no_key, reading, *asked, None),
        "masks_401": judge(masks_401, reading, *asked, None),
        "admin_key": judge(admin_key, reading, *asked, None),
        "probe_hopeless": judge(probe_hopeless, reading, config(model=""), asked[1]),
        "key_leaks": judge(key_leaks, reading),
        "list_key": judge(list_key, reading, tokens("a" * 32, "b" * 32), None),
    }
    return {
        check: bad
        for check, found in every.items()
        if (bad := [one for one in found if one.severity is not Severity.INFO])
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("name", "replace"),
    sampled(
        [
            *((name, False) for name in NAMES),
            *((name, True) for name in NAMES if name not in OWN_AUTH),
        ],
        4,
    ),
)
def test_a_wired_router_is_healthy(name: str, replace: bool, strategy: WiringStrategy) -> None:
    reading = read(wired(name, strategy, replace))
    assert not reading.problem
    assert reading.calls
    for call in reading.calls:
        # What is open needs no key, and what the client sends is the client's affair.
        assert call.sends_key or is_open(call.path) or call.key_from == CLIENT_OWN
        assert not call.sends_key_to_others
    assert reading.leaks == reading.accepts_401 == ()
    assert reading.uses_admin_key == reading.assumes_key_string == ()
    assert findings(reading) == {}


@pytest.mark.parametrize("check", FAULTY)
def test_the_same_checks_find_the_faults_of_the_unwired(check: str) -> None:
    assert check in findings(read(TEXTS[FAULTY[check]]))


def test_a_list_of_keys_is_found_in_the_unwired() -> None:
    source = (
        "import httpx, yaml\n\nKEY = yaml.safe_load(open('/srv/api_tokens.yml'))['api_key']\n\n\n"
        "def healthy():\n    headers = {'Authorization': f'Bearer {KEY}'}\n"
        "    r = httpx.get('http://localhost:5000/v1/models', headers=headers)\n"
        "    return r.status_code == 200\n"
    )
    assert "list_key" in findings(read(source))
    result = wire(
        source.encode(), tabby_urls=TABBY_URLS, strategy="router-tokens", tokens_path=TOKENS_PATH
    )
    assert findings(read(result.source.decode())) == {}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_not_accepted_is_not_wired(name: str) -> None:
    with pytest.raises(CannotWire):
        wired(name)


@pytest.mark.parametrize("name", sorted(OWN_AUTH))
def test_a_key_in_an_auth_of_its_own_gives_way_at_tabbyapi(name: str) -> None:
    text = wired(name, replace=True)
    assert "auth=_tabby_beside(" in text
    assert findings(read(text)) == {}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", sampled(NAMES, 4))
def test_reading_a_wired_router_is_no_more_work(
    name: str, strategy: WiringStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    spend = Engine.spend

    def counted(run: Engine) -> bool:
        nonlocal steps
        steps += 1
        return spend(run)

    after = wired(name, strategy)
    monkeypatch.setattr(Engine, "spend", counted)
    monkeypatch.setattr(python, "_followed", python._followed.__wrapped__)  # else read once
    monkeypatch.setattr(python, "_read", python._read.__wrapped__)
    read(TEXTS[name])
    before, steps = steps, 0
    read(after)
    assert before > 0
    assert 0 < steps <= 2 * before + SLACK


def test_the_strategy_tells_where_the_key_is_from() -> None:
    by_file, by_environment = (read(wired("per_call_client", each)) for each in STRATEGIES)
    assert {call.key_from for call in by_file.calls} == {"api_tokens.yml api_key"}
    assert TOKENS_PATH in by_file.reads_files
    assert {call.key_from for call in by_environment.calls} == {"environment TABBY_API_KEY"}
    assert {"TABBY_API_KEY", "CREDENTIALS_DIRECTORY"} <= by_environment.reads_environment.keys()
    assert TOKENS_PATH not in by_environment.reads_files


def test_a_replaced_key_is_not_what_is_sent() -> None:
    assert {call.key_from for call in read(wired("requests_variable")).calls} != {
        "api_tokens.yml api_key"
    }
    replaced = read(wired("requests_variable", replace=True))
    assert {call.key_from for call in replaced.calls} == {"api_tokens.yml api_key"}


def test_a_block_for_another_address_sends_no_key_there() -> None:
    text = wired("per_call_client").replace('{("localhost", 5000)}', '{("localhost", 5001)}')
    assert {call.sends_key for call in read(text).calls} == {False}
    assert "probe_no_key" in findings(read(text))


def test_a_router_led_astray_is_not_called_keyless() -> None:
    """Its address is the fault; once that is mended, the block knows the server again."""
    text = wired("per_call_client").replace("http://127.0.0.1:5000", "http://127.0.0.1:5999")
    text = text.replace("http://localhost:5000", "http://localhost:5999")
    calls = read(text).calls
    assert calls
    assert {call.sends_key for call in calls} == {True}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_keep_their_numbers(newline: str) -> None:
    text = wired("hopeless_completion").replace("\n", newline)
    block = marked_block(text)
    assert block is not None
    assert "_TABBY_TOKENS" in text.split(newline)[block.line - 1]
    assert block.tokens_path == TOKENS_PATH
    assert block.addresses == {("localhost", 5000)}
    assert "_tabby_async_probe" in block.functions
    short = legible(text)
    assert "def _tabby_" not in short
    assert short.split(newline)[-20:] == text.split(newline)[-20:]
    assert short.count(newline) == text.count(newline)


@pytest.mark.parametrize(
    ("properties", "missing"),
    [
        ({}, True),
        ({"LoadCredential": "tabby_api_key:/etc/key"}, False),
        ({"LoadCredential": "other:/etc/key"}, True),
        ({"Environment": "TABBY_API_KEY=abc"}, False),
    ],
)
def test_the_key_of_the_environment_may_be_a_credential(
    properties: dict[str, str], missing: bool
) -> None:
    environment = properties.get("Environment", "")
    here = site(environment, LoadCredential=properties.get("LoadCredential", ""))
    reading = read(wired("per_call_client", "router-env"))
    assert bool(judge(env_unset, reading, here, config(), endpoint(enforces=True))) is missing


def test_reading_loads_no_editor() -> None:
    script = "import sys, tabbydoctor.routers.site.finding; print('libcst' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "False"
