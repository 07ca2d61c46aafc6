"""Variables that a router takes its key from: who sets them, and which are to be set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Process
from tabbydoctor.remedies import credential
from tabbydoctor.remedies.draft import Draft
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.remedies.router_variables import unfit
from tabbydoctor.routers import RouterReading

from .router_scene import ENVIRONMENT, OTHER, UNIT, applied, judged, planned, router, well
from .scene import KEY, ROUTER, Scene

READS_VARIABLE = ENVIRONMENT.replace(
    'os.environ.get("TABBY_API_KEY")', 'os.environ["TABBY_API_KEY"]'
)
OWN = {
    "dotenv": ("from dotenv import load_dotenv", "load_dotenv()"),
    "dotenv that overrides": ("import dotenv", "dotenv.load_dotenv(override=True)"),
    "set": ("import subprocess", 'os.environ["TABBY_API_KEY"] = subprocess.check_output("x")'),
    "set by any name": ("", 'for line in open("/etc/x"):\n    os.environ[line[:9]] = line[9:]'),
    "setdefault": ("", 'for line in open("/etc/x"):\n    os.environ.setdefault(*line.split("="))'),
    "update": ("", 'os.environ.update(line.split("=") for line in open("/etc/x"))'),
}
SETTINGS = """\
import httpx
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    {field} = ""

    class Config:
        {config}


S = Settings()
URL = "http://127.0.0.1:5000"


def headers():
    return {{"Authorization": f"Bearer {{S.{name}}}"}}


def check_health():
    return httpx.get(URL + "/v1/models", headers=headers()).status_code == 200


def forward(body):
    return httpx.post(URL + "/v1/chat/completions", json=body, headers=headers())
"""


def left_alone(scene: Scene) -> None:
    for strategy in (None, "router-tokens", "router-env"):
        well(scene, strategy)
    result = judged(scene, "RTR009")
    assert result.status == "unknown"
    assert "router.py:" in str(result.reason)


@pytest.mark.parametrize("way", OWN)
def test_a_variable_that_the_router_sets_itself(scene: Scene, way: str) -> None:
    imports, lines = OWN[way]
    first, _, rest = READS_VARIABLE.partition("import os\n")
    router(scene, f"{first}import os\n{imports}\n{lines}\n{rest}")
    left_alone(scene)


def test_what_the_router_sets_itself_is_what_counts(scene: Scene) -> None:
    imports, lines = OWN["set"]
    text = READS_VARIABLE.replace("import os\n", f"import os\n{imports}\n{lines}\n", 1)
    router(scene, text, f"TABBY_API_KEY={OTHER}")
    assert scene.findings("RTR005") == []
    router(scene, text.replace('TABBY_API_KEY"] =', 'ANOTHER"] ='), f"TABBY_API_KEY={OTHER}")
    assert scene.findings("RTR005")


def test_settings_of_pydantic_with_a_file(scene: Scene) -> None:
    given = {"field": "tabby_api_key: str", "name": "tabby_api_key"}
    router(scene, SETTINGS.format(config='env_file = ".env"', **given))
    left_alone(scene)


@pytest.mark.parametrize(
    ("field", "config", "variable"),
    [
        ("tabby_api_key: str", "extra = None", "TABBY_API_KEY"),
        ("tabby_api_key: str", "extra = None", "tabby_api_key"),
        ("api_key: str", 'env_prefix = "TABBY_"', "TABBY_API_KEY"),
    ],
)
def test_settings_of_pydantic(scene: Scene, field: str, config: str, variable: str) -> None:
    text = SETTINGS.format(field=field, config=config, name=field.partition(":")[0])
    router(scene, text, f"{variable}={KEY}")
    well(scene)
    router(scene, text, f"{variable}={OTHER}")
    assert scene.findings("RTR005")
    router(scene, text)
    assert scene.findings("RTR009")


def test_a_file_that_uvicorn_loads(scene: Scene) -> None:
    router(scene, READS_VARIABLE)
    assert scene.router
    assert scene.router.unit
    command = "{ path=x ; argv[]=/bin/uvicorn router:app --env-file .env ; }"
    unit = replace(
        scene.router.unit, properties={**scene.router.unit.properties, "ExecStart": command}
    )
    scene.router = replace(scene.router, unit=unit)
    assert judged(scene, "RTR009").status == "unknown"


def test_an_environment_that_root_is_not_shown(scene: Scene) -> None:
    router(scene, ENVIRONMENT)
    assert scene.router
    scene.router = replace(scene.router, unit=None, process=Process(42, ("llama-swap",)))
    assert judged(scene, "RTR009").status == "skipped"
    scene.machine = replace(scene.machine, root=False)
    assert "sudo" in str(judged(scene, "RTR009").reason)


# Which variables hold a key


@pytest.mark.parametrize("name", ["LD_PRELOAD", "MY KEY", "TABBY-API-KEY", "PATH"])
def test_a_variable_that_is_not_one_of_a_key_is_not_set(scene: Scene, name: str) -> None:
    path = router(scene, ENVIRONMENT.replace("TABBY_API_KEY", name))
    scene.given[FixRequest] = FixRequest(strategy="router-env")
    draft = scene.draft("RTR009")
    assert draft.plan().empty
    (left,) = draft.manual
    assert left.startswith(f"{path} takes TabbyAPI's key from the variable {name!r}")


def test_a_providers_own_variable_is_not_set(scene: Scene) -> None:
    entry = "- model_name: {0}\n  litellm_params:\n    model: openai/{0}\n    {1}\n    {2}\n"
    key = "api_key: os.environ/OPENAI_API_KEY"
    local = entry.format("m", "api_base: http://127.0.0.1:5000/v1", key)
    path = router(scene, f"model_list:\n{local}{entry.format('gpt', 'timeout: 9', key)}")
    assert scene.router
    scene.router = replace(scene.router, kind="litellm")
    applied(scene)
    assert path.read_text().count(key) == 1
    assert (scene.root / "kept" / UNIT / "environment").read_text() == f'TABBY_API_KEY="{KEY}"\n'


def test_a_variable_that_may_be_sent_elsewhere_is_not_set(scene: Scene) -> None:
    text = ENVIRONMENT.replace("TABBY_API_KEY", "OPENAI_API_KEY")
    text += (
        "\n\ndef elsewhere():\n    url = requests.get('https://example.org/where').text\n"
        "    return requests.get(url, headers=headers)\n"
    )
    router(scene, text)
    scene.given[FixRequest] = FixRequest(strategy="router-env")
    draft = scene.draft("RTR009")
    assert draft.plan().empty
    assert "other servers" in draft.manual[0]


CLOUD = "\n\ndef cloud(body):\n    return C.chat.completions.create(**body)\n"
VENDORS_OWN = {
    "openai": "from openai import OpenAI\nC = OpenAI()\n",
    "litellm": "import litellm\n",
    "a child process": "import subprocess\nsubprocess.run(['llm'])\n",
}


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("way", VENDORS_OWN)
def test_a_vendors_variable_is_not_set(scene: Scene, way: str, reads: bool) -> None:
    """Its library sends it to the vendor; a real key of the vendor's would be lost, too."""
    text = VENDORS_OWN[way] + ENVIRONMENT.replace("TABBY_API_KEY", "OPENAI_API_KEY")
    text += CLOUD if way == "openai" else ""
    path = router(scene, text, "OPENAI_API_KEY=sk-real-0123456789")
    line = next(n for n, line in enumerate(text.splitlines(), 1) if "OPENAI_API_KEY" in line)
    if not reads:
        assert scene.router
        scene.router = replace(scene.router, user=ROUTER)
    scene.given[FixRequest] = FixRequest(strategy="router-env" if reads else None)
    draft = scene.draft("RTR005")
    assert draft.plan().empty
    (left,) = draft.manual
    assert left.startswith(f"{path} takes TabbyAPI's key from the variable 'OPENAI_API_KEY'")
    assert f"from TABBY_API_KEY in lines {line}, " in left


def test_nor_where_its_server_is_written(scene: Scene) -> None:
    top = 'from openai import OpenAI\nC = OpenAI(base_url="https://x.com/v1")\n'
    text = top + ENVIRONMENT.replace("TABBY_API_KEY", "OPENAI_API_KEY") + CLOUD
    path = router(scene, text, "OPENAI_API_KEY=sk-real-0123456789")
    applied(scene, "router-env")
    assert not (scene.root / "kept" / UNIT / "environment").exists()
    assert "OPENAI_API_KEY" in path.read_text()


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "ANTHROPIC_API_KEY"])
def test_names_that_a_vendors_library_reads(name: str) -> None:
    reading = RouterReading("router.py", "python")
    assert "vendor" in unfit(reading, name)
    assert unfit(reading, f"TABBY_{name}") == unfit(reading, "LLM_API_KEY") == ""


def test_a_key_that_is_sent_elsewhere_by_a_call_that_is_not_tabbyapis() -> None:
    reading = RouterReading("router.py", "python", keys_elsewhere=("environment LLM_API_KEY",))
    assert "other servers" in unfit(reading, "LLM_API_KEY")
    assert unfit(reading, "LOCAL_API_KEY") == ""


def test_a_vendors_variable_that_holds_tabbyapis_key_may_be_hidden(scene: Scene) -> None:
    router(scene, ENVIRONMENT.replace("TABBY_API_KEY", "OPENAI_API_KEY"), f"OPENAI_API_KEY={KEY}")
    scene.given[FixRequest] = FixRequest(strategy="router-env")
    assert scene.draft("RTR005").manual == []


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("OPENAI_API_KEY", OTHER, False),
        ("UPSTREAM_KEY", OTHER, False),
        ("TABBY_API_KEY", OTHER, True),
    ],
)
def test_a_key_of_another_servers_in_the_unit_is_left_there(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, value: str, taken: bool
) -> None:
    """The router may end without it, or send it to its own server."""
    out: list[str] = []

    def move(draft: Draft, unit: Unit, why: str, variable: str) -> None:
        out.append(variable)

    monkeypatch.setattr(credential, "move_out_of_environment", move)
    router(scene, ENVIRONMENT.replace("TABBY_API_KEY", name), f"{name}={value}")
    planned(scene, "router-tokens")
    assert out == ([name] if taken else [])
