"""RTR004 to RTR009, RTR011 and RTR014: each fires on its fault and is silent beside it."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import pytest

from checks.router.admin_key import admin_key
from checks.router.env_unset import env_unset
from checks.router.impatient import impatient
from checks.router.key_differs import key_differs
from checks.router.key_leaks import key_leaks
from checks.router.list_key import list_key
from checks.router.probe_hopeless import probe_hopeless
from checks.router.rewrites_config import rewrites_config
from checks.router.wrong_address import wrong_address
from tabbydoctor.api import Absent, Finding, Safety, Severity, Unknown
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.data import Process
from tabbydoctor.routers import llama_swap
from tabbydoctor.routers.site.health import RouterTargets
from tabbydoctor.routers.site.keys import RouterKey, RouterKeys, router_keys
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tests.routers.cases import CASES
from tests.scratch_host import ScratchHost

from .scene import ADMIN_KEY, API_KEY, config, endpoint, judge, read, reading, site, tokens

HEALTHY = [case.name for case in CASES if case.healthy and case.name != "admin_key"]


def test_admin_key() -> None:
    found = judge(admin_key, reading("admin_key"), config(), None, None)
    assert found[0].evidence[0].source == "/opt/router/admin_key.py:13"
    assert not judge(admin_key, reading("shared_client_keyed"), config(), None, None)


@pytest.mark.parametrize("value", [API_KEY, ADMIN_KEY])
def test_key_differs_accepts_the_files_keys(value: str) -> None:
    keys = RouterKeys((RouterKey("environment TABBY_API_KEY", "unit llm-router.service", value),))
    assert not judge(key_differs, keys, site(), tokens(), config(), None)


def test_key_differs_after_a_rotation() -> None:
    keys = RouterKeys((RouterKey("environment TABBY_API_KEY", "process 42", "9" * 32),))
    (finding,) = judge(key_differs, keys, site(), tokens(), config(), None)
    assert finding.evidence[0].source == "process 42"
    assert "9" * 32 not in repr(finding)


def test_key_differs_without_a_copy_is_skipped() -> None:
    with pytest.raises(Absent):
        judge(key_differs, RouterKeys(), site(), tokens(), config(), None)


READS_FILE = """import httpx, yaml

def check():
    headers = {}
    try:
        with open("/etc/nope.yml") as file:
            headers["Authorization"] = f"Bearer {yaml.safe_load(file)['api_key']}"
    except OSError:
        pass
    return httpx.get("http://127.0.0.1:5000/v1/models", headers=headers).status_code == 200
"""


def test_a_key_file_that_is_not_there(tmp_path: Path) -> None:
    source = read(READS_FILE)
    host = ScratchHost(tmp_path)
    keys = router_keys(host, site(), source)
    (finding,) = judge(key_differs, keys, site(), tokens(), config(), None)
    assert finding.title == "/etc/nope.yml, from which the router reads its key, is not there"
    assert finding.evidence[0].source == "/opt/router/router.py:6"
    assert finding.remedies[0].commands[0] == "sudoedit /opt/router/router.py"
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nope.yml").write_text(f"api_key: {API_KEY}\n")
    assert not router_keys(host, site(), source).missing


REWRITES = """import httpx, yaml
TABBY_CONFIG = "/srv/tabby/config.yml"

def load(name):
    with open(TABBY_CONFIG, "w") as file:
        yaml.safe_dump({"model": {"model_name": name}}, file)
    return httpx.post("http://127.0.0.1:5000/v1/completions")
"""


def test_rewrites_config() -> None:
    instance = Instance("/srv/tabby")
    (finding,) = judge(rewrites_config, read(REWRITES), config(), instance)
    assert finding.evidence[0].source == "/opt/router/router.py:5"
    other = Instance("/srv/another")
    assert not judge(rewrites_config, read(REWRITES), config(), other)


@pytest.mark.parametrize(
    ("model", "inline", "fires"), [("", False, True), ("Big", True, True), ("Big", False, False)]
)
def test_probe_hopeless_completion(model: str, inline: bool, fires: bool) -> None:
    facts = (reading("probe_fixed_only"), config(model=model, inline=inline), None)
    assert bool(judge(probe_hopeless, *facts)) is fires


def test_probe_hopeless_keyed_check_of_llama_swap() -> None:
    text = "models:\n  t:\n    cmd: x\n    proxy: http://127.0.0.1:5000\n    checkEndpoint: {}\n"
    urls = ("http://127.0.0.1:5000",)
    keyed = llama_swap.read("/c.yaml", text.format("/v1/models"), urls)
    assert judge(probe_hopeless, keyed, config(), None)
    assert not judge(probe_hopeless, keyed, config(auth=False), None)
    assert not judge(
        probe_hopeless, llama_swap.read("/c.yaml", text.format("/health"), urls), config(), None
    )


def test_key_leaks() -> None:
    (finding,) = judge(key_leaks, reading("key_to_everyone"))
    assert len(finding.evidence) == 2
    assert not judge(key_leaks, reading("own_keys"))
    assert not judge(key_leaks, reading("auth_hook"))


def test_env_unset() -> None:
    facts = (reading("per_call_client_keyed"), site(), config(), None)
    (finding,) = judge(env_unset, *facts)
    assert "TABBY_API_KEY" in finding.title
    given = site(f"TABBY_API_KEY={API_KEY}")
    assert not judge(env_unset, reading("per_call_client_keyed"), given, config(), None)


def test_env_set_and_unused() -> None:
    given = site(f"TABBY_API_KEY={API_KEY}")
    (finding,) = judge(env_unset, reading("per_call_client"), given, config(), None)
    assert finding.title.endswith("never reads")
    assert [remedy.safety for remedy in finding.remedies] == [Safety.MANUAL]


def test_env_unset_of_a_router_without_a_unit() -> None:
    source, place = reading("per_call_client_keyed"), replace(site(), unit=None)

    def judged(process: Process | None) -> list[Finding]:
        return judge(env_unset, source, replace(place, process=process), config(), None)

    (finding,) = judged(Process(42, ("python",), environment={}))
    assert finding.title.startswith("Process 42 does not have TABBY_API_KEY")
    assert not judged(Process(42, ("python",), environment={"TABBY_API_KEY": API_KEY}))
    with pytest.raises(Absent):
        judged(None)
    with pytest.raises(Unknown, match="sudo"):
        judged(Process(42, ("python",)))


def test_list_key() -> None:
    (remark,) = judge(list_key, reading("probe_fixed_only"), tokens(), None)
    assert remark.severity is Severity.INFO
    (fault,) = judge(list_key, reading("probe_fixed_only"), tokens(API_KEY, "8" * 32), None)
    assert fault.severity is None
    assert not judge(list_key, reading("requests_session_keyed"), tokens(API_KEY, "8" * 32), None)


WAITS = """import time, httpx
LIMIT = 60

def wait_ready():
    start = time.time()
    while time.time() - start < LIMIT:
        if httpx.get("http://127.0.0.1:5000/health").status_code == 200:
            return True
    return False
"""


@pytest.mark.parametrize(("took", "fires"), [(90.0, True), (30.0, False)])
def test_impatient(took: float, fires: bool) -> None:
    lines = (
        LogLine("INFO:     Loading model", 1000.0),
        LogLine("INFO:     Uvicorn running on http://127.0.0.1:5000", 1000.0 + took),
    )
    found = judge(impatient, read(WAITS), RunLog("journalctl -u tabbyapi", lines))
    assert bool(found) is fires


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_router_is_left_alone(name: str) -> None:
    source = reading(name)
    given = (
        site(f"TABBY_API_KEY={API_KEY} VLLM_API_KEY=x")
        if "TABBY" in str(source.reads_environment)
        else site()
    )
    assert not judge(admin_key, source, config(), None, None)
    assert not judge(rewrites_config, source, config(), Instance("/srv/tabby"))
    assert not judge(probe_hopeless, source, config(), None)
    assert not judge(key_leaks, source)
    assert not judge(env_unset, source, given, config(), None)
    assert not judge(list_key, source, tokens(API_KEY, "8" * 32), None)
    assert not judge(wrong_address, source, given, endpoint(True), RouterTargets({}), None, None)


CUT = "it takes too many steps to be followed"


def test_what_a_cut_reading_does_not_hold_proves_nothing() -> None:
    """A source of which nothing was reached may call TabbyAPI after all, and read any variable."""
    nothing = replace(reading("shared_client_keyed"), calls=(), cuts=(CUT,))
    for check in (key_leaks, list_key, rewrites_config, probe_hopeless):
        facts = (None,) * (len(inspect.signature(check.judge).parameters) - 1)
        with pytest.raises(Unknown, match=CUT):
            judge(check, nothing, *facts)
    given, whole = site(f"TABBY_API_KEY={API_KEY}"), reading("per_call_client")
    assert judge(env_unset, whole, given, config(), None)
    assert not judge(env_unset, replace(whole, cuts=(CUT,)), given, config(), None)
