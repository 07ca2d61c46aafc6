"""What a router imports: the modules of its own program, and what they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabbydoctor.host.data import Account
from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers import Call, python
from tabbydoctor.routers.keys import CLIENT_OWN
from tabbydoctor.routers.modules import MOST, Modules

from .programs import environment, place

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
    found = Modules.of(LocalHost(), path, text).files
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
        "BASE = (\n",
        "from router import BASE\n",
        'BASE = "http://127.0.0.1:9"\n',
        "",
    ],
    ids=["does not parse", "a circle", "another place", "nothing"],
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


@pytest.mark.parametrize(
    ("program", "entry", "root", "others"),
    [
        ("switchboard", "switchboard/app.py", ".",
         ["switchboard/__init__", "switchboard/upstream"]),
        ("gatehouse", "src/gatehouse/cli.py", "src",
         ["src/gatehouse/__init__", "src/gatehouse/web", "src/gatehouse/health",
          "src/gatehouse/tabby"]),
        ("relaydesk", "relaydesk/__main__.py", ".",
         ["relaydesk/__init__", "relaydesk/handler", "relaydesk/calls/__init__",
          "relaydesk/calls/forward", "relaydesk/calls/probe"]),
        ("frontdesk", "frontdesk/__init__.py", ".",
         ["frontdesk/views", "frontdesk/services/__init__", "frontdesk/services/tabby"]),
    ],
)  # fmt: skip
def test_the_modules_of_a_program(
    tmp_path: Path, program: str, entry: str, root: str, others: list[str]
) -> None:
    project = place(program, tmp_path)
    for roots in ((str(project / root),), ()):
        found = of(project / entry, *roots)
        assert sorted(found.files) == sorted(str(project / f"{path}.py") for path in others)
        assert found.cuts == []


def of(entry: Path, *roots: str, most: int = MOST) -> Modules:
    return Modules.of(LocalHost(), str(entry), entry.read_text(), roots, most)


def written(directory: Path, **modules: str) -> Path:
    """Modules by name, `__` for a dot; the path of the first."""
    paths = [directory / f"{name.replace('__', '/')}.py" for name in modules]
    for path, text in zip(paths, modules.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return paths[0]


@pytest.mark.parametrize(
    "text",
    [
        "import other",
        "import json, other as o",
        "from other import (\n    a,  # first\n    b,\n)",
        "from other import a, \\\n    b",
        "def late():\n    from other import a\n    return a",
        "try:\n    import other\nexcept ImportError:\n    other = None",
        "if True: import other",
        "x = 1; import other",
        "from importlib import import_module\nm = import_module('other')",
        "from . import other",
        "from .other import *",
        "\ufefffrom __future__ import annotations\r\nimport other\r\n",
    ],
)
def test_an_import_wherever_it_stands(tmp_path: Path, text: str) -> None:
    main = written(tmp_path, main=text, other="a = b = 1\n")
    assert list(of(main).files) == [str(tmp_path / "other.py")]


def test_nothing_that_is_installed_is_a_module_of_the_program(tmp_path: Path) -> None:
    venv = environment(tmp_path / "env", {})
    written(venv, dependency="import other\n")
    written(tmp_path, env__lib="", other="")
    main = written(tmp_path, main="import dependency, env.lib, sys, json, httpx\n")
    assert of(main, str(tmp_path), str(venv)).files == {}


def test_an_environment_in_the_project_s_own_directory_hides_nothing(tmp_path: Path) -> None:
    environment(tmp_path, {})
    main = written(tmp_path, main="import pkg.inner\n", pkg__inner="")
    assert list(of(main, str(tmp_path)).files) == [str(tmp_path / "pkg/inner.py")]


def test_a_script_that_adds_a_place_to_import_from(tmp_path: Path) -> None:
    adds = (
        "import sys\nsys.path.insert(0, str(Path(__file__).parent.parent))\nimport shared.tabby\n"
    )
    main = written(tmp_path, scripts__main=adds, shared__tabby="")
    assert list(of(main, str(tmp_path / "scripts")).files) == [str(tmp_path / "shared/tabby.py")]


def test_of_several_of_a_name_the_one_is_taken_that_python_takes(tmp_path: Path) -> None:
    main = written(tmp_path, one__main="import pkg", one__pkg="", two__pkg="")
    (tmp_path / "one/pkg").mkdir()
    (tmp_path / "one/pkg/__init__.py").write_text("")
    found = of(main, str(tmp_path / "one"), str(tmp_path / "two"))
    assert list(found.files) == [str(tmp_path / "one/pkg/__init__.py")]


def test_a_circle_ends(tmp_path: Path) -> None:
    main = written(tmp_path, main="import a", a="import b, main", b="import a, main")
    assert [Path(path).name for path in of(main, str(tmp_path)).files] == ["a.py", "b.py"]


def test_what_is_too_much_is_told(tmp_path: Path) -> None:
    chain = {f"m{n}": f"import m{n + 1}\n" for n in range(9)}
    main = written(tmp_path, **chain, m9="")
    assert of(main).cuts == []
    found = of(main, most=4)
    assert [Path(path).name for path in found.files] == ["m1.py", "m2.py", "m3.py", "m4.py"]
    assert found.cuts == [f"{tmp_path}/m5.py and what it needs are not read: there is too much"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    main = written(tmp_path, main="import large, other\n", large="#" * (1 << 20) + "\n", other="")
    found = of(main)
    assert list(found.files) == [str(tmp_path / "other.py")]
    assert found.cuts == [f"{tmp_path}/large.py is too large to be read"]


def test_what_the_account_of_the_router_cannot_read_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    tmp_path.chmod(0o755)
    main = written(tmp_path, main="import hidden\n", hidden="")
    (tmp_path / "hidden.py").chmod(0o600)
    for above in (tmp_path.parent, tmp_path.parent.parent):
        above.chmod(0o755)
    nobody = Account("nobody", 65534, 65534, "/", "/bin/false", (65534,))
    found = Modules.of(LocalHost().seen_by(nobody), str(main), main.read_text())
    assert (found.files, found.cuts) == ({}, [f"{tmp_path}/hidden.py cannot be read"])


@pytest.mark.parametrize(
    "text",
    ["from" + " " * 400_000, "from a import (" * 30_000, ": " * 300_000, "import a,\\\n" * 50_000],
)
def test_a_hostile_text_ends(tmp_path: Path, text: str) -> None:
    main = written(tmp_path, main=text)
    assert of(main).files == {}
