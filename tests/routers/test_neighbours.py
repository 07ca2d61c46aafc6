"""What a router imports from the modules beside it: an address, and what becomes of headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers import Call, python
from tabbydoctor.routers.keys import CLIENT_OWN
from tabbydoctor.routers.neighbours import neighbours

URLS = ("http://127.0.0.1:5000",)
ROUTER = """\
import httpx
from {module} import {name}

def check():
    return httpx.get({use} + "/v1/models", headers={headers}).status_code == 200
"""


def calls(directory: Path, text: str, **modules: str) -> list[Call]:
    """The calls of a router with these modules beside it."""
    for name, source in modules.items():
        (directory / f"{name}.py").write_text(source)
    path = str(directory / "router.py")
    found = dict(neighbours(LocalHost(), path, text))
    return list(python.read(path, text, URLS, files=found).calls)


def router(module: str = "settings", name: str = "BASE", use: str = "", headers: str = "{}") -> str:
    return ROUTER.format(module=module, name=name, use=use or name, headers=headers)


BASE = 'BASE = "http://127.0.0.1:5000"\n'
UPSTREAM = f"{BASE}def upstream():\n    return BASE\n"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (router(), BASE),
        (router(".settings"), BASE),
        (router(name="upstream", use="upstream()"), UPSTREAM),
        (router(name="upstream as place", use="place()"), UPSTREAM),
        (router(name="conf", use='conf["url"]'), 'conf = {"url": "http://127.0.0.1:5000"}\n'),
    ],
)
def test_an_address_from_a_module_beside_it(tmp_path: Path, text: str, settings: str) -> None:
    (call,) = calls(tmp_path, text, settings=settings)
    assert (call.line, call.certain, call.sends_key) == (5, True, False)


@pytest.mark.parametrize(
    "settings",
    [
        f"import httpx\n{BASE}",
        "BASE = (\n",
        "from router import BASE\n",
        'BASE = "http://127.0.0.1:9"\n',
        "",
    ],
    ids=["sends itself", "does not parse", "a circle", "another place", "nothing"],
)
def test_what_is_not_followed_or_leads_elsewhere_is_not_certain(
    tmp_path: Path, settings: str
) -> None:
    assert not any(call.certain for call in calls(tmp_path, router(), settings=settings))


@pytest.mark.parametrize("module", ["pkg.settings", "..settings", "json"])
def test_other_modules_are_left_alone(tmp_path: Path, module: str) -> None:
    (tmp_path / "json.txt").write_text(BASE)
    assert not any(call.certain for call in calls(tmp_path, router(module), settings=BASE))


COPIES = """\
import httpx

BASE = "http://127.0.0.1:5000"

def cleaned(headers):
    result = {first}
    for name, value in headers.items():
        if name.lower() in ("host", "content-length"):
            continue
        result[name] = value
    return result

async def forward(request):
    {given}
    async with httpx.AsyncClient() as client:
        return await client.post(BASE + "/v1/completions", headers=cleaned({source}))
"""


def copied(first: str = "{}", source: str = "request.headers", given: str = "pass") -> str:
    return COPIES.replace("{first}", first).replace("{source}", source).replace("{given}", given)


def test_headers_that_are_copied_one_by_one_are_the_caller_s(tmp_path: Path) -> None:
    (call,) = calls(tmp_path, copied())
    assert call.key_from == CLIENT_OWN
    (call,) = calls(tmp_path, copied('{"Accept": "application/json"}'))
    assert call.key_from == CLIENT_OWN


def test_a_key_beside_what_is_copied_is_seen(tmp_path: Path) -> None:
    (call,) = calls(tmp_path, copied('{"Authorization": "Bearer " + open("/k").read()}'))
    assert call.sends_key is True


def test_what_is_copied_from_elsewhere_is_not_known(tmp_path: Path) -> None:
    text = copied(source="extra", given="from elsewhere import extra")
    (call,) = calls(tmp_path, text)
    assert call.sends_key is None
