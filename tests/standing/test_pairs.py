"""TabbyAPI on one address, on the same port a stranger that copies its words on another."""

from __future__ import annotations

import itertools
import socket
from collections import Counter
from pathlib import Path

import pytest

from tabbydoctor.tabbyapi.probing import PERMISSION
from tests.sampling import sampled
from tests.standing.program import ADMIN_KEY, API_KEY
from tests.standing.scene import as_nobody, configured, look, running

pytestmark = pytest.mark.root(reason="root is to see whose socket it is")

BOUND = ("127.0.0.1", "::1", "0.0.0.0", "::")
LOOPBACKS = ("127.0.0.1", "::1")
URLS = {  # -> the addresses it may lead to
    "http://localhost:{}": LOOPBACKS,
    "http://127.0.0.1:{}": ("127.0.0.1",),
    "http://[::1]:{}": ("::1",),
    "http://0.0.0.0:{}": LOOPBACKS,
    "http://[::]:{}": LOOPBACKS,
    "http://[::ffff:127.0.0.1]:{}": ("127.0.0.1",),
    "http://[::ffff:7f00:1]:{}": ("127.0.0.1",),
    "http://127.1:{}": ("127.0.0.1",),
    f"http://{socket.gethostname()}:{{}}": (),
    "": (),
}


def closeness(bound: str, address: str) -> int:
    """How much the kernel prefers a listener for a connection to an address; 0: never."""
    if bound == address:
        return 3
    if bound == "0.0.0.0" and ":" not in address:
        return 2
    return {"::": 2 if ":" in address else 1}.get(bound, 0)


def keys(received: list[dict[str, object]]) -> str:
    """Everything that could hold a key."""
    return repr([one["headers"] for one in received])


@pytest.mark.parametrize(("tabby", "stranger"), sampled(itertools.product(BOUND, BOUND), 5))
def test_no_stranger_gets_a_key(tabby: str, stranger: str, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    with (
        running(tmp_path, "plain", tabby) as own,
        running(tmp_path, "plain", stranger, own.port) as other,
    ):
        config = configured(tabby, own.port)
        for pattern, reached in URLS.items():
            url = pattern.format(own.port) or None
            found = look(own.instance(), url, config)
            seen = other.received()
            assert "authorization" not in keys(seen), (url, seen)
            assert all(one["line"].startswith("GET ") for one in seen)
            mine = keys(own.received())
            near = [(closeness(tabby, one), closeness(stranger, one)) for one in reached]
            if any(t > s for t, s in near):
                assert found.identity == "tabbyapi", url
                answer = found.answer(PERMISSION, "admin_key")
                assert answer, (url, found.admin_withheld)
                assert answer.status == 200
                assert API_KEY in mine
                counts["judged"] += 1
            elif near and all(s > t for t, s in near):
                assert (found.identity, found.answers) == ("other", {}), url
                assert f"pid {other.pid}" in found.address.holder
                counts["told apart"] += 1

            blind = as_nobody(lambda: look(own.instance(), url, config))  # noqa: B023
            got = keys(other.received()) + keys(own.received())
            assert ADMIN_KEY not in got, url
            assert (PERMISSION, "admin_key") not in blind.answers
            if blind.identity == "tabbyapi":
                assert "root" in blind.admin_withheld
                counts["by its word"] += 1
    print(f"{tabby} beside {stranger}:", dict(counts))
    assert counts["judged"] or counts["told apart"] or tabby == stranger


@pytest.mark.parametrize(("tabby", "stranger"), list(itertools.product(LOOPBACKS, BOUND)))
def test_without_an_url_tabbyapi_is_judged_beside_any_stranger(
    tabby: str, stranger: str, tmp_path: Path
) -> None:
    if tabby == stranger:
        pytest.skip("whose connection it is, is the kernel's throw")
    with (
        running(tmp_path, "plain", tabby) as own,
        running(tmp_path, "plain", stranger, own.port),
    ):
        found = look(own.instance(), None, configured(tabby, own.port))
    assert (found.identity, found.withheld, found.admin_withheld) == ("tabbyapi", "", "")
