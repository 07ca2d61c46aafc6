"""The router is given TabbyAPI's key where it lacks it, in the way that it reads it."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest

from tabbydoctor.host.data import Process
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.request import FixRequest, Strategy
from tests.routers.cases import DATA

from .router_scene import ENVIRONMENT, OTHER, UNIT, applied, loaded, planned, router, well
from .scene import KEY, ROUTER, SERVICE, Scene

ITS_OWN_NAME = ENVIRONMENT.replace("TABBY_API_KEY", "TABBYAPI_KEY")
LITERAL = ENVIRONMENT.replace('os.environ.get("TABBY_API_KEY")', f'"{OTHER}"')
READS_FILE = """\
import httpx
import yaml

TOKENS = "{path}"
URL = "http://127.0.0.1:5000"


def headers():
    with open({opened}) as file:
        key = yaml.safe_load(file)["api_key"]
    return {{"Authorization": "Bearer " + (key[0] if isinstance(key, list) else key)}}


def check_health():
    return httpx.get(f"{{URL}}/v1/models", headers=headers()).status_code == 200


def forward(body):
    return httpx.post(f"{{URL}}/v1/chat/completions", json=body, headers=headers())
"""
TO_EVERYONE = (DATA / "key_to_everyone.py.txt").read_text()
OVERRIDES = "in the place of whatever key they carry"


@pytest.mark.parametrize(
    ("text", "environment", "replaced"),
    [
        (ENVIRONMENT, f"TABBY_API_KEY={KEY}", False),
        (ENVIRONMENT, f"TABBY_API_KEY={OTHER}", True),
        (ENVIRONMENT, "", True),
        (LITERAL, "", True),
    ],
    ids=["right", "refused", "not set", "written in the source"],
)
def test_a_key_of_its_own(scene: Scene, text: str, environment: str, replaced: bool) -> None:
    router(scene, text, environment)
    diff = planned(scene, "router-tokens")
    assert (OVERRIDES in diff) is replaced
    assert KEY not in diff


def test_what_replaces_it_is_read_as_right(scene: Scene) -> None:
    path = router(scene, ENVIRONMENT, f"TABBY_API_KEY={OTHER}")
    assert scene.findings("RTR005")
    planned(scene, "router-tokens")
    assert scene.state.apply(scene.draft("RTR005").plan(), lambda: True).verified
    assert OVERRIDES in path.read_text()
    assert scene.findings("RTR005") == scene.findings("RTR001") == []
    assert scene.draft("RTR005").plan().empty


# A variable that nobody sets


@pytest.mark.parametrize(
    ("text", "name"), [(ENVIRONMENT, "TABBY_API_KEY"), (ITS_OWN_NAME, "TABBYAPI_KEY")]
)
def test_a_variable_that_nobody_sets_is_set(scene: Scene, text: str, name: str) -> None:
    path = router(scene, text)
    assert scene.findings("RTR009")
    applied(scene, "router-env")
    assert path.read_text() == text
    kept = scene.root / "kept" / UNIT / "environment"
    assert kept.read_text() == f'{name}="{KEY}"\n'
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_uid == 0
    dropin = scene.root / "units" / f"{UNIT}.d/zz-tabbydoctor-key.conf"
    assert dropin.read_text().endswith(f"[Service]\nEnvironmentFile={kept}\n")
    assert scene.runner.ran[-1].endswith(f"restart -- {UNIT}")
    well(scene)
    well(scene, "router-env")


@pytest.mark.parametrize("strategy", [None, "router-tokens"])
def test_router_tokens_puts_the_files_key_in_the_place_of_the_variables(
    scene: Scene, strategy: Strategy | None
) -> None:
    path = router(scene, ITS_OWN_NAME)
    applied(scene, strategy)
    assert OVERRIDES in path.read_text()
    assert not (scene.root / "kept").exists()
    well(scene)


def test_a_variable_that_is_refused_is_set_anew(scene: Scene) -> None:
    router(scene, ITS_OWN_NAME)
    applied(scene, "router-env")
    kept = scene.root / "kept" / UNIT / "environment"
    kept.write_text(f'# mine\nTABBYAPI_KEY="{OTHER}"\nMORE=1\n')
    loaded(scene)
    assert scene.findings("RTR005")
    applied(scene, "router-env")
    assert kept.read_text() == f'# mine\nTABBYAPI_KEY="{KEY}"\nMORE=1\n'
    well(scene)


def test_where_svc008_moved_it_is_where_it_is_set_anew(scene: Scene) -> None:
    router(scene, ITS_OWN_NAME)
    moved = scene.write(scene.root / "kept" / UNIT / "secrets", f'TABBYAPI_KEY="{OTHER}"\n', 0o600)
    dropin = scene.root / "units" / f"{UNIT}.d/zz-tabbydoctor-secrets.conf"
    scene.write(dropin, f"[Service]\nEnvironmentFile={moved}\n", owner=0)
    loaded(scene)
    applied(scene, "router-env")
    assert moved.read_text() == f'TABBYAPI_KEY="{KEY}"\n'
    well(scene)


def test_without_a_unit_it_says_what_to_set(scene: Scene) -> None:
    router(scene, ITS_OWN_NAME)
    assert scene.router
    process = Process(42, ("python", "router.py"), environment={})
    scene.router = replace(scene.router, unit=None, process=process)
    assert scene.findings("RTR009")
    scene.given[FixRequest] = FixRequest(strategy="router-env")
    draft = scene.draft("RTR009")
    assert draft.plan().empty
    (left,) = draft.manual
    assert left.startswith(f"set TABBYAPI_KEY to the api_key of {scene.tokens} in the environment")


def test_on_nixos_it_says_what_configuration_nix_lacks(scene: Scene) -> None:
    router(scene, ITS_OWN_NAME)
    scene.machine = replace(scene.machine, nixos=True)
    scene.given[FixRequest] = FixRequest(strategy="router-env")
    with pytest.raises(CannotFix) as refused:
        scene.draft("RTR009")
    assert "systemd.services.llm-router.serviceConfig.EnvironmentFile" in refused.value.manual
    assert "TABBYAPI_KEY=" in refused.value.manual


def test_a_gateways_own_variable_is_set(scene: Scene) -> None:
    text = (
        "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/m\n"
        "    api_base: http://127.0.0.1:5000/v1\n    api_key: os.environ/MY_TABBY_KEY\n"
    )
    path = router(scene, text)
    assert scene.router
    scene.router = replace(scene.router, kind="litellm")
    assert scene.findings("RTR009")
    applied(scene)
    assert path.read_text() == text
    assert (scene.root / "kept" / UNIT / "environment").read_text() == f'MY_TABBY_KEY="{KEY}"\n'


def test_a_variable_that_other_backends_are_sent_is_not_given_the_key(scene: Scene) -> None:
    router(scene, TO_EVERYONE)
    scene.given[FixRequest] = FixRequest(strategy="router-env")
    draft = scene.draft("RTR009")
    assert not any(change.path.endswith("/environment") for change in draft.plan().files)


FALLBACKS = {
    "or": 'os.environ.get("TABBYAPI_KEY") or from_file()',
    "default": 'os.environ.get("TABBYAPI_KEY", from_file())',
    "in": 'os.environ["TABBYAPI_KEY"] if "TABBYAPI_KEY" in os.environ else from_file()',
    "lacks": 'from_file() if not os.environ.get("TABBYAPI_KEY") else os.environ["TABBYAPI_KEY"]',
    "another": 'os.environ.get("TABBYAPI_KEY") or os.environ.get("TABBY_API_KEY")',
    "missing": "",
}
MISSING = """\
try:
    key = os.environ["TABBYAPI_KEY"]
except KeyError:
    key = from_file()
"""


@pytest.mark.parametrize("at", ["in the module", "in the function"])
@pytest.mark.parametrize("way", FALLBACKS)
def test_a_variable_that_need_not_be_set(scene: Scene, way: str, at: str) -> None:
    value = f"key = {FALLBACKS[way]}\n" if FALLBACKS[way] else MISSING
    reading = READS_FILE.format(path=scene.tokens, opened="TOKENS")
    top, _, below = reading.partition("def headers():\n")
    top = top.replace("import httpx\n", "import os\n\nimport httpx\n")
    top += 'def from_file():\n    return yaml.safe_load(open(TOKENS))["api_key"]\n\n\n'
    sent = below.partition("    return")[2]
    inside = textwrap.indent(value, "    ") if at == "in the function" else ""
    outside = f"{value}\n\n" if not inside else ""
    text = f"{top}{outside}def headers():\n{inside}    return{sent}"
    router(scene, text, f"TABBY_API_KEY={KEY}" if way == "another" else "")
    well(scene)


# A key that is written in the source


def test_a_stale_key_in_the_source_gives_way_to_the_units(scene: Scene) -> None:
    path = router(scene, LITERAL)
    applied(scene, "router-env")
    assert OVERRIDES in path.read_text()
    assert (scene.root / "kept" / UNIT / "tabby_api_key").read_text() == KEY
    well(scene, "router-env")


# Another tokens file


@pytest.mark.parametrize("there", [False, True], ids=["not there", "another server's"])
@pytest.mark.parametrize(
    ("opened", "changed"),
    [
        ("TOKENS", 'TOKENS = "{}"'),
        ('os.path.join(os.path.dirname(TOKENS), "api_tokens.yml")', '    with open("{}") as file:'),
    ],
    ids=["written as a whole", "joined"],
)
def test_the_right_tokens_file_is_named(
    scene: Scene, opened: str, changed: str, there: bool
) -> None:
    wrong = scene.root / "elsewhere/api_tokens.yml"
    if there:
        scene.write(wrong, f"api_key: {OTHER}\n")
    if opened != "TOKENS":
        wrong = wrong.with_name("api_tokens.yml")
    named = wrong if opened == "TOKENS" else wrong.with_name("nothing")
    text = "import os\n" + READS_FILE.format(path=named, opened=opened)
    path = router(scene, text)
    assert scene.findings("RTR005")
    applied(scene)
    before, after = text.splitlines(), path.read_text().splitlines()
    (line,) = [new for old, new in zip(before, after, strict=True) if new != old]
    assert line == changed.format(scene.tokens)
    well(scene)


def test_one_that_reads_the_right_file_needs_no_variable(scene: Scene) -> None:
    router(scene, READS_FILE.format(path=scene.tokens, opened="TOKENS"))
    assert planned(scene, "router-env") == planned(scene, "router-tokens") == ""


ONE_LOADER = """\
import json
import os

import httpx
import yaml

HERE = "{here}"
URL = "http://127.0.0.1:5000"


def load(name):
    with open(os.path.join(HERE, name)) as file:
        return yaml.safe_load(file)


CONFIG = load("config.json")


def headers():
    {key}
    return {{"Authorization": "Bearer " + (key[0] if isinstance(key, list) else key)}}


def check_health():
    return httpx.get(URL + "/v1/models", headers=headers()).status_code == 200


def forward(body):
    body["model"] = CONFIG["model"]
    return httpx.post(URL + "/v1/chat/completions", json=body, headers=headers())
"""


@pytest.mark.parametrize(
    "key",
    ['key = load("api_tokens.yml")["api_key"]', 'key = load("api_" + "tokens.yml")["api_key"]'],
    ids=["its name is written", "nor that"],
)
def test_a_loader_of_other_files_stays_one(scene: Scene, key: str) -> None:
    scene.write(scene.root / "router/config.json", '{"model": "x"}')
    text = ONE_LOADER.format(here=scene.root / "router", key=key)
    path = router(scene, text)
    assert scene.findings("RTR005")
    manual = applied(scene).manual
    assert [f": let it open {scene.tokens}: " in each for each in manual] == [True] * ("+" in key)
    assert "open(os.path.join(HERE, name))" in path.read_text()
    assert 'CONFIG = load("config.json")' in path.read_text()
    written = f'key = load("{scene.tokens}")["api_key"]' in path.read_text()
    assert written is ("+" not in key)
    well(scene)


# What an account alone says


@pytest.mark.parametrize("strategy", [None, "router-env"])
def test_a_unit_of_an_accounts_own_is_handed_no_key(
    scene: Scene, strategy: Strategy | None
) -> None:
    router(scene, ENVIRONMENT)
    scene.write(scene.tokens, scene.tokens.read_text(), mode=0o600)
    assert scene.router is not None
    assert scene.router.unit is not None
    unit = replace(scene.router.unit, user_manager=True, owner="router")
    user = replace(ROUTER, home=str(scene.root / "home"))
    scene.router = replace(scene.router, unit=unit, user=user)
    with pytest.raises(CannotFix, match="by its own word"):
        planned(scene, strategy)


@pytest.mark.parametrize("name", ["new.yml", "there.yml", "missing/new.yml"])
def test_nothing_is_written_by_an_accounts_word_where_it_may_not(scene: Scene, name: str) -> None:
    """A file that nobody has yet is made in a directory that it may write, or not at all."""
    path = scene.root / "roots" / name
    scene.write(scene.root / "roots/there.yml", "", owner=0)
    draft = Draft(by_word={str(path): SERVICE})
    with pytest.raises(CannotFix, match="alone, who may not"):
        draft.write(str(path), b"x", "CFG001")
    own = scene.directory / "new.yml"
    assert Draft(by_word={str(own): SERVICE}).write(str(own), b"x", "CFG001")
