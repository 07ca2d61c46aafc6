"""Wired routers, run: TabbyAPI accepts them, nobody else gets the key, a new key is noticed."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabbydoctor.routers.wiring import wire
from tests.contract.server import ADMIN_KEY, bearer, poll
from tests.routers.cases import CASES, FILES
from tests.routers.wiring.deployment import Deployment, deployment, load

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
NEW_KEY = "another-key-of-the-test"
ROTATED = f"api_key:\n- {NEW_KEY}\n- a-third-key\nadmin_key: {ADMIN_KEY}\n"
BODIES = [json.dumps({"model": m, "messages": []}).encode() for m in ("none", "a-awq", "b.gguf")]
NO_KEY_SET = ("TABBY_API_KEY", "VLLM_API_KEY", "OPENAI_API_KEY")
DATA = Path(__file__).parent / "data"
OWN_ROUTERS = {path.name.partition(".")[0]: path.read_text() for path in DATA.glob("*.py.txt")}
NEEDS_VARIABLE = re.compile(r"environ\[['\"]TABBY_API_KEY")
SOURCES = {
    **{
        case.name: case.text
        for case in CASES
        if case.parses and "def forward(" in case.text and not NEEDS_VARIABLE.search(case.text)
    },
    **OWN_ROUTERS,
}
RUN = sorted(SOURCES)
READ_ONCE = ("shared_client_keyed", "requests_session_keyed")
OWN_KEY = [name for name in RUN if "TABBY_API_KEY" in SOURCES[name] or name in READ_ONCE]
"""Those that have a key of their own: in a variable that is not set here, or read but once."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """TabbyAPI and two other backends."""
    files = {
        p: t.replace(", api_key: 1f2e3d4c5b6a79880123456789abcdef", "") for p, t in FILES.items()
    }
    with deployment(tmp_path_factory.mktemp("deployment"), files) as made:
        yield made


@pytest.fixture(scope="module")
def routers(running: Deployment) -> Iterator[dict[str, types.ModuleType]]:
    """Every router, wired and loaded where no variable holds a key."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NO_KEY_SET:
            patch.delenv(name, raising=False)
        yield {
            name: load(running.wired(text, replace_own_key=name in OWN_KEY).source, f"wired_{name}")
            for name, text in SOURCES.items()
        }


@pytest.mark.parametrize("name", sorted(OWN_ROUTERS))
def test_wiring_twice_is_wiring_once(name: str, running: Deployment) -> None:
    once = running.wired(SOURCES[name])
    again = wire(
        once.source,
        tabby_urls=(running.url,),
        strategy="router-tokens",
        tokens_path=str(running.tokens),
    )
    assert again.source == once.source
    assert once.leftovers == again.leftovers == ()


def forwarded(router: types.ModuleType) -> list[int]:
    """The statuses of a request for each backend."""
    return [router.forward(body)[0] for body in BODIES]


@pytest.mark.parametrize("name", RUN)
def test_tabbyapi_accepts_the_probe_and_what_is_forwarded(
    name: str, routers: dict[str, types.ModuleType], running: Deployment
) -> None:
    assert routers[name].healthy()
    statuses = forwarded(routers[name])
    assert 401 not in statuses
    assert running.sglang.keys == running.llama.keys == []


@pytest.fixture(scope="module")
def rotated(routers: dict[str, types.ModuleType], running: Deployment) -> Iterator[None]:
    """The key is another, and a list, after every router has used the old one."""
    for router in routers.values():
        router.healthy()
    before = running.tokens.read_bytes()
    running.tokens.write_text(ROTATED)
    poll(lambda: running.tabby.accepts(NEW_KEY), "the new key")
    yield
    running.tokens.write_bytes(before)


@pytest.mark.usefixtures("rotated")
@pytest.mark.parametrize("name", RUN)
def test_a_rotated_key_works_without_a_restart(
    name: str, routers: dict[str, types.ModuleType], running: Deployment
) -> None:
    assert not running.tabby.accepts("user-key-of-the-test")
    assert routers[name].healthy()
    assert 401 not in forwarded(routers[name])
    assert running.sglang.keys == running.llama.keys == []


@pytest.fixture(scope="module")
def unreadable(rotated: None, running: Deployment) -> Iterator[None]:
    """The tokens file is gone; TabbyAPI keeps the keys it has."""
    before = running.tokens.read_bytes()
    running.tokens.unlink()
    yield
    running.tokens.write_bytes(before)


@pytest.mark.usefixtures("unreadable")
@pytest.mark.parametrize("name", sorted({*RUN} - {"admin_key"}))  # opens the file by itself
def test_without_a_tokens_file_no_key_is_sent_and_nothing_breaks(
    name: str, routers: dict[str, types.ModuleType], running: Deployment
) -> None:
    assert running.tabby.request("/v1/models", headers=bearer(NEW_KEY)).status == 200
    assert routers[name].healthy() in (True, False)
    assert routers[name].forward(BODIES[0])[0] == (200 if name == "registry_file" else 401)
