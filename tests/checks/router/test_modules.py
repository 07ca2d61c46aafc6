"""What stands in a module of the router's program is named with that module."""

from __future__ import annotations

from typing import Any

import pytest

from checks.endpoint.inline_admin import inline_admin
from checks.router import wire_key
from checks.router.admin_key import admin_key
from checks.router.env_unset import env_unset
from checks.router.forward_no_key import forward_no_key
from checks.router.impatient import impatient
from checks.router.key_leaks import key_leaks
from checks.router.list_key import list_key
from checks.router.masks_401 import masks_401
from checks.router.probe_hopeless import probe_hopeless
from checks.router.probe_no_key import probe_no_key
from checks.router.rewrites_config import rewrites_config
from checks.router.unready import unready
from tabbydoctor.api import Check, Unknown
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.remedies.router_variables import left_alone
from tabbydoctor.routers import Call, RouterReading
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.site.environment import set_by_itself
from tabbydoctor.routers.site.keys import RouterKey, router_keys
from tabbydoctor.routers.unread import unread_of, vague_of
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tests.routers.programs import merged
from tests.scratch_host import ScratchHost

from .scene import config, endpoint, judge, site, tokens

MAIN, INNER = "/srv/pkg/main.py", "/srv/pkg/inner.py"


def program(**given: Any) -> RouterReading:
    """A program whose entry file does nothing; its inner module does what is given."""
    inner = RouterReading(INNER, "python", **given)
    return merged([RouterReading(MAIN, "python"), inner])


def call(purpose: Any, sends_key: bool | None = False, **given: Any) -> Call:
    asked = {"method": "GET", "path": "/v1/models", "file": INNER, **given}
    return Call(7, purpose, sends_key=sends_key, **asked)


KEYED = (call("forward", sends_key=True),)
ASKED = (config(), endpoint(True))


@pytest.mark.parametrize(
    ("check", "reading", "facts"),
    [
        (probe_no_key, program(calls=(call("probe"),)), (*ASKED, site())),
        (forward_no_key, program(calls=(call("forward"),)), (*ASKED, site())),
        (masks_401, program(calls=KEYED, accepts_401=(7,)), (*ASKED, site())),
        (admin_key, program(calls=KEYED, uses_admin_key=(7,)), (*ASKED, site())),
        (list_key, program(calls=KEYED, assumes_key_string=(7,)), (tokens(), site())),
        (key_leaks, program(calls=KEYED, leaks=(7,)), ()),
        (
            rewrites_config,
            program(calls=KEYED, writes_files={"/srv/tabby/config.yml": 7}),
            (None, None),
        ),
        (
            probe_hopeless,
            program(calls=(call("probe", True, method="HEAD", path="/health"),)),
            (config(), endpoint(True)),
        ),
    ],
)
def test_evidence_and_title_name_the_module(
    check: Check, reading: RouterReading, facts: tuple[Any, ...]
) -> None:
    (finding,) = judge(check, reading, *facts)
    assert f"{INNER}:7" in [each.source for each in finding.evidence]
    assert "inner.py" in finding.title
    assert "main.py" not in finding.title


def test_a_variable_is_read_where_the_module_reads_it() -> None:
    sent = call("forward", True, key_from="environment TABBY_KEY")
    reading = program(calls=(sent,), reads_environment={"TABBY_KEY": 3})
    (finding,) = judge(env_unset, reading, site(), *ASKED)
    assert f"{INNER}:3" in [each.source for each in finding.evidence]
    assert f"in lines 3, 7 of {INNER}" in left_alone(reading, "TABBY_KEY", "why")


def test_what_sets_a_variable_is_the_module() -> None:
    reading = program(sets_environment={"TABBY_KEY": 4})
    assert set_by_itself(site(), reading, "TABBY_KEY") == f"{INNER}:4"


def test_the_limit_of_a_wait_is_the_module_s() -> None:
    log = RunLog("the log", (LogLine("start", 1.0), LogLine("Uvicorn running on", 90.0)))
    (finding,) = judge(impatient, program(calls=KEYED, timeouts=((9, 30.0),)), log)
    assert f"{INNER}:9" in [each.source for each in finding.evidence]


def test_inline_loading_names_the_call_s_module() -> None:
    found = judge(inline_admin, config(inline=True), program(calls=KEYED))
    assert f"{INNER}:7" in [each.source for each in found[0].evidence]


def test_a_module_that_does_not_parse_is_the_reason() -> None:
    reading = program(problem="not valid Python: invalid syntax", line=3)
    assert unread_of(reading) == f"{INNER}:3: not valid Python: invalid syntax"
    unit = site(ActiveState="failed", Result="exit-code")
    (finding,) = judge(unready, unit, None, reading)
    assert f"{INNER}:3 is not Python" in finding.title


def test_a_call_that_cannot_be_told_is_named_with_its_module() -> None:
    reading = program(calls=(call("probe", None), call("forward", None)))
    assert f"{INNER}:7" in vague_of(reading, reading.calls)
    for check in (probe_no_key, forward_no_key):
        with pytest.raises(Unknown, match=f"{INNER}:7"):
            judge(check, reading, *ASKED, site())


def test_the_change_by_hand_names_each_module() -> None:
    entry = RouterReading(MAIN, "python", calls=(call("forward", file=MAIN),))
    inner = RouterReading(INNER, "python", calls=(call("probe"),), accepts_401=(9,))
    stored = RouterSite("/nix/store/0123456789abcdfghijklmnpqrsvwxyz-r/main.py", "python")
    title = wire_key(stored, merged([entry, inner])).title
    assert f"let line 7 of it, line 7 of {INNER} send" in title
    assert f"let line 9 of {INNER} take no 401" in title


def test_a_key_in_a_module_is_told_of_that_module(tmp_path: Any) -> None:
    reading = program(calls=KEYED, literal_keys=("abc",))
    (key,) = router_keys(ScratchHost(tmp_path), site(), reading).keys
    assert isinstance(key, RouterKey)
    assert key.where == INNER


def test_all_modules_are_sources_the_entry_first() -> None:
    files = {INNER: "inner", "/srv/pkg/conf.toml": "a = 1"}
    inputs = RouterInputs(program(), (), files, {}, text="main")
    assert list(inputs.sources.items()) == [(MAIN, "main"), (INNER, "inner")]
