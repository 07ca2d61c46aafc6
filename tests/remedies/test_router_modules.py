"""A router of several modules: each that needs it is edited, all of them as one change."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.examination.word import by_word
from tabbydoctor.host import Account, Process
from tabbydoctor.remedies import router_source
from tabbydoctor.remedies.disable_auth import plan_disable_auth
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.remedies.router_source import modules_to_wire
from tabbydoctor.routers import Call, RouterReading, wiring
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.marked_block import BEGIN, marked_block
from tabbydoctor.routers.wiring import CannotWire, Wired
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.probes import Address
from tests.routers.programs import merged, place

from .router_scene import UNIT
from .scene import KEY, ROOT, ROUTER, Scene

PROGRAMS = {
    "gatehouse": ("src/gatehouse/cli.py", "src", ["src/gatehouse/health.py",
                                                  "src/gatehouse/tabby.py"]),
    "relaydesk": ("relaydesk/__main__.py", ".", ["relaydesk/calls/forward.py",
                                                 "relaydesk/calls/probe.py"]),
    "frontdesk": ("frontdesk/__init__.py", ".", ["frontdesk/services/tabby.py"]),
}  # fmt: skip
"""Its entry file, where its imports start, and the modules that call TabbyAPI."""


def program(scene: Scene, name: str) -> tuple[Path, list[Path]]:
    """A router of root's; its project, and the modules to be edited."""
    entry, root, modules = PROGRAMS[name]
    project = place(name, scene.root)
    scene.write(scene.root / "units" / UNIT, "[Service]\n", owner=0)
    scene.given[FixRequest] = FixRequest()
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    roots = (str((project / root).resolve()),)
    unit = scene.unit_named(UNIT, User="root")
    scene.router = RouterSite(str(project / entry), "python", unit, None, ROOT, roots=roots)
    return project, [project / module for module in modules]


def texts(paths: list[Path]) -> list[str]:
    return [path.read_text() for path in paths]


@pytest.mark.parametrize("strategy", ["router-tokens", "router-env"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_module_that_calls_is_edited_and_all_are_undone(
    scene: Scene, name: str, strategy: str
) -> None:
    project, modules = program(scene, name)
    before = scene.snapshot()
    scene.given[FixRequest] = FixRequest(strategy=strategy)  # type: ignore[arg-type]
    plan = scene.draft("RTR005").plan()
    sources = [change.path for change in plan.files if change.path.startswith(str(project))]
    assert sorted(sources) == sorted(map(str, modules))
    assert KEY not in plan.diff()
    assert scene.state.apply(plan, lambda: True).verified
    scene.router = replace(scene.router, unit=scene.unit_named(UNIT, User="root"))  # type: ignore[type-var]
    for text in texts(modules):
        assert text.count(BEGIN) == 1
        compile(text, "module.py", "exec")
    for id in ("RTR001", "RTR002", "RTR003", "RTR005", "RTR009"):
        assert scene.findings(id) == []
    assert scene.draft("RTR005").plan().empty
    scene.state.undo()
    assert scene.snapshot() == before


def test_the_findings_are_there_before(scene: Scene) -> None:
    _, (health, tabby) = program(scene, "gatehouse")
    (probe,), (forward,) = scene.findings("RTR001"), scene.findings("RTR002")
    assert probe.evidence[0].source == f"{health}:8"
    assert forward.evidence[0].source == f"{tabby}:8"
    (mask,) = scene.findings("RTR003")
    assert mask.evidence[0].source == f"{health}:9"


def test_an_old_block_in_any_module_is_brought_up_to_date(scene: Scene) -> None:
    _, (_, tabby) = program(scene, "gatehouse")
    scene.given[FixRequest] = FixRequest(strategy="router-tokens")
    assert scene.state.apply(scene.draft("RTR005").plan(), lambda: True).verified
    text = tabby.read_text()
    block = marked_block(text)
    assert block is not None
    tabby.write_text(text.replace(BEGIN, f"{BEGIN}\n# as an older version wrote it"))
    plan = scene.draft("RTR005").plan()
    assert [change.path for change in plan.files] == [str(tabby)]
    assert scene.state.apply(plan, lambda: True).verified
    assert tabby.read_text() == text


def refusing(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """No client is found in modules of these names."""

    def wire(source: bytes, *, path: str, **given: Any) -> Wired:
        if Path(path).name in names:
            raise CannotWire("no client of the calls to TabbyAPI was found", 8, "# paste this")
        return wiring.wire(source, path=path, **given)

    monkeypatch.setattr(router_source, "wire", wire)


def test_a_module_that_cannot_be_wired_is_left_to_a_person(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (health, tabby) = program(scene, "gatehouse")
    refusing(monkeypatch, tabby.name)
    draft = scene.draft("RTR005")
    assert [change.path for change in draft.plan().files] == [str(health)]
    assert f"{tabby}:8: no client of the calls to TabbyAPI was found" in draft.manual
    assert any(note.startswith("health.py: ") for note in draft.notes)


def test_where_no_module_can_be_wired_nothing_is_planned(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (health, tabby) = program(scene, "gatehouse")
    refusing(monkeypatch, health.name, tabby.name)
    with pytest.raises(CannotFix, match=r"health\.py:8: no client") as refused:
        scene.draft("RTR005")
    assert refused.value.manual == "# paste this"


def test_where_the_rest_is_wired_what_is_left_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(scene, "gatehouse")
    refusing(monkeypatch, "tabby.py")
    assert scene.state.apply(scene.draft("RTR005").plan(), lambda: True).verified
    with pytest.raises(CannotFix, match=r"tabby\.py:8: no client"):
        scene.draft("RTR005")


def test_the_modules_of_an_account_s_own_program_are_by_its_word(scene: Scene) -> None:
    _, modules = program(scene, "gatehouse")
    process = Process(7, ("python", "-m", "gatehouse.cli"), uid=ROUTER.uid)
    router = replace(scene.router, unit=None, process=process, user=ROUTER)  # type: ignore[type-var]
    scene.router = router

    async def named() -> dict[str, Account]:
        facts = scene.facts()
        try:
            await facts.get(RouterInputs)
            return by_word(facts)
        finally:
            await facts.close()

    found = asyncio.run(named())
    assert {found.get(str(module)) for module in modules} == {ROUTER}


def test_authentication_off_takes_every_module_back(scene: Scene) -> None:
    _, modules = program(scene, "gatehouse")
    before = texts(modules)
    assert scene.state.apply(scene.draft("RTR005").plan(), lambda: True).verified
    assert texts(modules) != before
    draft = Draft(earlier=scene.state.in_force())
    reading = merged([part("main"), *(part_at(module) for module in modules)])
    plan_disable_auth(
        draft, scene.instance, config_off(), FixRequest(), reading, scene.machine, None, None,
        scene.router,
    )  # fmt: skip
    after = {change.path: change.after for change in draft.plan().files}
    assert [after[str(m)].content.decode() for m in modules] == before  # type: ignore[union-attr]


CALL = Call(3, "probe", "GET", "/v1/models", sends_key=False)


def inputs(*parts: RouterReading, **files: str) -> RouterInputs:
    texts = {f"/srv/{name}.py": text for name, text in files.items()}
    return RouterInputs(merged([RouterReading("/srv/main.py", "python"), *parts]), (), texts, {})


def part_at(path: Path) -> RouterReading:
    return RouterReading(str(path), "python")


def config_off() -> EffectiveConfig:
    """With authentication switched off already, for good."""
    origin = Origin("working-directory", "/c.yml:1", "/c.yml", 1)
    setting = Setting("network", "disable_auth", True, origin)
    host = Setting("network", "host", "127.0.0.1", Origin("default", "default"))
    return EffectiveConfig("/", {("network", "disable_auth"): setting, ("network", "host"): host})


def part(name: str, **given: object) -> RouterReading:
    return RouterReading(f"/srv/{name}.py", "python", **given)  # type: ignore[arg-type]


def test_only_the_modules_that_matter_are_opened() -> None:
    idle, calls = part("idle"), part("calls", calls=(CALL,))
    masks, reads = part("masks", accepts_401=(3,)), part("reads", reads_files={"/old.yml": 1})
    writes = part("writes", writes_files={"/srv/tabby/config.yml": 1})
    texts = {"idle": "", "calls": "", "masks": "", "reads": "", "writes": ""}
    found = inputs(idle, calls, masks, reads, writes, **texts)
    matter = ["/srv/calls.py", "/srv/masks.py", "/srv/writes.py"]
    assert sorted(modules_to_wire(found)) == matter
    assert sorted({*modules_to_wire(found, ("/old.yml",))} - {*matter}) == ["/srv/reads.py"]


def test_where_no_call_is_known_every_module_is_looked_at() -> None:
    found = inputs(part("a"), a="")
    assert modules_to_wire(found) == ("/srv/main.py", "/srv/a.py")


ASKS = """\
from fastapi import FastAPI, Request

from . import outward, words

app = FastAPI()


@app.post("/{rest:path}")
async def forward(rest: str, request: Request):
    where = words.place(await request.json())
    return (await outward.client().post(where, content=await request.body())).content
"""
MAKES = """\
import httpx

_one = None


def client():
    global _one
    if _one is None:
        _one = httpx.AsyncClient(timeout=60, headers={"Authorization": "Bearer own"})
    return _one
"""
TELLS = "def place(asked):\n    return asked['server'] + '/v1/chat/completions'\n"


def vague(scene: Scene) -> Path:
    """A program whose requests go where its callers say; its one client is made in a module that
    tells nothing else.
    """
    package = scene.root / "router" / "desk"
    texts = {"__init__.py": "", "main.py": ASKS, "outward.py": MAKES, "words.py": TELLS}
    for name, text in texts.items():
        scene.write(package / name, text, owner=0)
    scene.write(scene.root / "units" / UNIT, "[Service]\n", owner=0)
    scene.given[FixRequest] = FixRequest()
    scene.given[Address] = Address("http://127.0.0.1:5000", "127.0.0.1:5000", "its socket")
    unit, roots = scene.unit_named(UNIT, User="root"), (str(package.parent),)
    scene.router = RouterSite(str(package / "main.py"), "python", unit, None, ROOT, roots=roots)
    return package


def test_where_it_is_not_certain_who_calls_every_client_is_wired(scene: Scene) -> None:
    package = vague(scene)
    scene.given[FixRequest] = FixRequest(strategy="router-tokens")
    plan = scene.draft("RTR005").plan()
    assert [change.path for change in plan.files] == [str(package / "outward.py")]
    assert "auth=_tabby_auth)" in plan.diff()
    assert scene.state.apply(plan, lambda: True).verified
    assert scene.draft("RTR005").plan().empty


def test_where_requests_are_refused_all_the_same_every_client_is_wired(scene: Scene) -> None:
    _, modules = program(scene, "gatehouse")
    other = modules[1].with_name("other.py")
    tells = 'import httpx\n\nCLIENT = httpx.Client(base_url="http://10.0.0.7")\nCLIENT.get("/up")\n'
    scene.write(other, tells)
    text = modules[1].read_text()
    scene.write(modules[1], f"from . import other\n{text}", owner=0)
    assert str(other) not in {change.path for change in scene.draft("RTR005").plan().files}
    scene.given[FixRequest] = FixRequest(throughout=True)
    assert str(other) in {change.path for change in scene.draft("RTR005").plan().files}


def test_what_is_left_of_a_client_that_may_be_anothers_is_no_step_by_hand(scene: Scene) -> None:
    package = vague(scene)
    made = "CLIENT = OpenAI(base_url='http://10.0.0.7', http_client=words.place)\n"
    text = f"from openai import OpenAI\n\nfrom . import words\n\n{made}"
    scene.write(package / "outward.py", f"{MAKES}\n\n{text}", owner=0)
    draft = scene.draft("RTR005")
    assert any("http_client= is taken already" in note for note in draft.notes)
    assert not any("http_client=" in step for step in draft.manual)
