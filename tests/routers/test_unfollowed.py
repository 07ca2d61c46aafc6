"""Clients by which nothing was seen to be sent, and keys that could not be compared."""

from __future__ import annotations

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.routers import RouterReading, python
from tabbydoctor.routers.judged import router_judgement
from tabbydoctor.routers.own_keys import unknown_key
from tabbydoctor.routers.site.keys import RouterKey, RouterKeys
from tabbydoctor.routers.unread import RouterRead
from tabbydoctor.routers.wiring import wire
from tabbydoctor.routers.witness import RouterWitness

URLS = ("http://127.0.0.1:5000",)
SITE = RouterSite("/srv/router.py", "python", None, None, None)
FORWARD = """\
import httpx
from elsewhere import registered, vault

client = httpx.Client()
{more}

def forward(body):
    headers = {{"Authorization": "Bearer " + {key}}}
    return client.post("http://localhost:5000/v1/chat/completions", json=body, headers=headers)
"""
UNSEEN = "registered(lambda: httpx.AsyncClient(base_url='http://localhost:5000'))"


def read(more: str = "", key: str = "vault()") -> RouterReading:
    return python.read("/srv/router.py", FORWARD.format(more=more, key=key), URLS)


@pytest.mark.parametrize(
    "more",
    [
        UNSEEN,
        UNSEEN.replace("httpx.AsyncClient", "C").replace("lambda: C", "lambda: Made"),
    ],
    ids=["by its name", "no client"],
)
def test_a_client_by_which_nothing_is_seen_to_be_sent(more: str) -> None:
    reading = read(more)
    assert bool(reading.unfollowed) is ("AsyncClient" in more)
    assert reading.certain is not bool(reading.unfollowed)


def test_once_it_has_the_hook_it_may_send_what_it_will() -> None:
    source = FORWARD.format(more=UNSEEN, key="vault()").encode()
    wired = wire(
        source, tabby_urls=URLS, strategy="router-tokens", tokens_path="/t.yml", throughout=True
    )
    assert "httpx.AsyncClient(base_url='http://localhost:5000', auth=_tabby_auth)" in (
        wired.source.decode()
    )
    after = python.read("/srv/router.py", wired.source.decode(), URLS)
    assert after.unfollowed == ()
    assert after.certain


def witness(verdict: str) -> RouterWitness:
    return RouterWitness("http://127.0.0.1:8000/v1/models", verdict)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "keys", "verdict", "known"),
    [
        ("vault()", RouterKeys(), "nothing", False),
        ("vault()", RouterKeys(), "wrong sent", False),
        ("vault()", RouterKeys(), "keyed", True),
        (repr("9" * 32), RouterKeys(), "nothing", True),
        ("''", RouterKeys(), "nothing", True),
    ],
)
def test_a_key_that_could_not_be_compared(
    key: str, keys: RouterKeys, verdict: str, known: bool
) -> None:
    said = unknown_key(keys, SITE, read(key=key), witness(verdict))
    assert (said == "") is known


def test_nothing_is_proven_by_such_a_key() -> None:
    reading, whole = read(), RouterRead()
    found = router_judgement(SITE, whole, None, reading, RouterKeys())
    assert not found.proven
    assert "/srv/router.py:9" in found.needed
    accepted = router_judgement(SITE, whole, witness("keyed"), reading, RouterKeys())
    assert accepted.proven


def test_nor_by_a_program_of_which_a_client_was_not_seen_to_send() -> None:
    found = router_judgement(SITE, RouterRead(), witness("keyed"), read(UNSEEN), RouterKeys())
    assert "/srv/router.py:5" in found.needed


def test_a_key_of_the_environment_is_compared_where_its_value_is_known() -> None:
    reading = read("import os", "os.environ['TABBY_API_KEY']")
    key = RouterKey("environment TABBY_API_KEY", "unit x", "9" * 32)
    assert unknown_key(RouterKeys((key,)), SITE, reading, None) == ""
    assert unknown_key(RouterKeys(), SITE, reading, None)
