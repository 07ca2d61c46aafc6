"""What is followed again, and what is not: a function called twice finds what stands there then."""

from __future__ import annotations

from collections import Counter

import pytest

from tabbydoctor.routers import RouterReading, python
from tabbydoctor.source import calling
from tabbydoctor.source.engine import EvaluatedCall
from tabbydoctor.source.values import Function
from tests.bench.routers import notes_router

TABBY = "http://127.0.0.1:5000"
OTHER = "http://127.0.0.1:8001"

NAME = """
BASE = "{other}"
def ask():
    return httpx.post(BASE + "/v1/chat/completions", json={{}})
ask()
BASE = "{tabby}"
ask()
"""
ATTRIBUTE = """
class Upstream:
    def __init__(self):
        self.base = "{other}"
    def ask(self):
        return httpx.post(self.base + "/v1/chat/completions", json={{}})
upstream = Upstream()
upstream.ask()
upstream.base = "{tabby}"
upstream.ask()
"""
CLASS = """
class Upstream:
    base = "{other}"
    def ask(self):
        return httpx.post(self.base + "/v1/chat/completions", json={{}})
upstream = Upstream()
upstream.ask()
Upstream.base = "{tabby}"
upstream.ask()
"""
ENTRY = """
PLACES = {{"base": "{other}"}}
def ask():
    return httpx.post(PLACES["base"] + "/v1/chat/completions", json={{}})
ask()
PLACES["base"] = "{tabby}"
ask()
"""
STATE = """
app = fastapi.FastAPI()
app.state.base = "{other}"
def ask():
    return httpx.post(app.state.base + "/v1/chat/completions", json={{}})
ask()
app.state.base = "{tabby}"
ask()
"""
WITHIN = """
BASE = "{other}"
def ask():
    return httpx.post(BASE + "/v1/chat/completions", json={{}})
def twice():
    ask()
twice()
BASE = "{tabby}"
twice()
"""
MADE = """
class Upstream:
    def __init__(self, base):
        self.base = base
@app.post("/v1/chat/completions")
def ask(upstream: Upstream):
    return httpx.post(upstream.base + "/v1/chat/completions", json={{}})
@app.on_event("startup")
def start():
    return [Upstream("{other}"), Upstream("{tabby}")]
"""
CHANGED = {
    "a name": NAME, "an attribute": ATTRIBUTE, "an attribute of its class": CLASS,
    "an entry": ENTRY, "the state of an application": STATE, "within another": WITHIN,
    "the objects of a class": MADE,
}  # fmt: skip


def read(text: str, **given: str) -> RouterReading:
    source = "import os\nimport fastapi\nimport httpx\nimport yaml\n" + text
    return python.read("/srv/router.py", source, (TABBY,), environment=given)


@pytest.mark.parametrize("text", CHANGED.values(), ids=CHANGED)
def test_what_changed_meanwhile_is_found(text: str) -> None:
    (call,) = read(text.format(tabby=TABBY, other=OTHER)).calls
    assert call.certain
    assert call.reaches_others


def test_what_did_not_change_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """In both passes over a router, a function is followed a few times for what it is given."""
    followed: Counter[object] = Counter()
    follow = calling._followed

    def counted(function: Function, call: EvaluatedCall) -> object:
        followed[function.node, calling._given_with(call)] += 1
        return follow(function, call)

    with monkeypatch.context() as patch:
        patch.setattr(calling, "_followed", counted)
        assert python.read("/srv/notes.py", notes_router(), (TABBY,)).calls
    assert followed.total() <= 1.3 * len(followed)


def test_what_is_put_into_a_file_s_data_is_not_a_request_s() -> None:
    (call,) = read(
        """
def write():
    with open("config.yml") as file:
        settings = yaml.safe_load(file)
    settings["base"] = "http://127.0.0.1:8001"
    return settings
@app.post("/v1/chat/completions")
async def ask(request):
    body = await request.json()
    write()
    base = body.get("base") or "http://127.0.0.1:5000"
    return httpx.post(base + "/v1/chat/completions", json={})
"""
    ).calls
    assert call.certain
    assert not call.reaches_others


def test_an_address_that_it_puts_into_its_environment_is_read() -> None:
    (call,) = read(
        """
os.environ["UPSTREAM"] = "http://127.0.0.1:5000"
def ask():
    return httpx.post(os.environ["UPSTREAM"] + "/v1/chat/completions", json={})
""",
        UPSTREAM=OTHER,
    ).calls
    assert call.certain


def test_a_call_that_nothing_given_leads_to_is_told() -> None:
    lines = {
        call.line
        for call in read(
            f"""
def ask(name):
    if name == "sglang":
        return httpx.get("{OTHER}/v1/models")
    return httpx.get("{TABBY}/v1/models")
ask("sglang")
"""
        ).calls
    }
    assert lines == {9}


def test_a_backend_is_not_named_by_how_the_script_is_started() -> None:
    found = read(
        f"""
if __name__ == "__main__":
    httpx.get("{TABBY}/v1/models")
"""
    )
    assert found.backends == {"tabbyapi": TABBY}
