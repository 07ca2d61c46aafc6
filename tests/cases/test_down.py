"""TabbyAPI is down, or loads: what a warning does not explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.api import Severity

from .scene import CONFIG, HOME, MODEL, RUNNING, STOPPED, TABBY, Scene, refusing, told

TEMPLATE = f"{CONFIG}{MODEL}  prompt_template: chat_template.jinja\n"
PRESET = f"{CONFIG}{MODEL}sampling:\n  override_preset: mine\n"
LORA = f"{CONFIG}{MODEL}lora:\n  loras:\n    - name: style\n"
NAMED = f"{CONFIG}{MODEL}  prompt_template: vicuna\n"
STOP = (
    "INFO:     Uvicorn running on http://127.0.0.1:5000",
    "Stopping tabbyapi.service - TabbyAPI...",
    "WARNING:  Shutdown signal called. Exiting gracefully.",
    "tabbyapi.service: Deactivated successfully.",
    "Stopped tabbyapi.service - TabbyAPI.",
)
LOADING = ("INFO:     Loading model: models/tiny-exl3", "INFO:     Loading with autosplit")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.model()
    scene.endpoint = refusing()
    return scene


@pytest.mark.parametrize("config", [TEMPLATE, PRESET, LORA, NAMED])
def test_what_is_left_out_with_a_warning_does_not_explain_a_stop(scene: Scene, config: str) -> None:
    scene.write(f"{TABBY}/config.yml", config)
    scene.state, scene.log = STOPPED, STOP
    said = scene.examine()
    assert said.finding("CFG010").severity is Severity.WARNING
    assert said.ids[:2] == ["API001", "CFG010"]
    assert said.explains("CFG010") == ()
    finding = said.finding("API001")
    assert finding.title == "TabbyAPI was stopped: nothing listens at http://127.0.0.1:5000"
    assert "Stopping tabbyapi.service" in told(finding)
    assert finding.remedies[0].commands[0] == "sudo systemctl start tabbyapi.service"


@pytest.mark.parametrize("config", [TEMPLATE, PRESET, LORA])
def test_nor_that_it_is_loading(scene: Scene, config: str) -> None:
    scene.write(f"{TABBY}/config.yml", config)
    scene.state, scene.log = RUNNING, LOADING
    said = scene.examine()
    assert said.ids[:2] == ["API001", "CFG010"]
    assert said.explains("CFG010") == ()
    assert said.finding("API001").title.startswith("TabbyAPI is loading")
    restarts = [command for one in said.finding("API001").remedies for command in one.commands]
    assert not any("restart" in command for command in restarts)


def test_a_model_that_is_not_there_does_explain_it(scene: Scene) -> None:
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}".replace("tiny-exl3", "mini-exl3"))
    scene.state, scene.log = STOPPED, ()
    said = scene.examine()
    assert said.ids == ["CFG010"]
    assert "API001" in said.explains("CFG010")


@pytest.mark.parametrize(
    ("files", "own"),
    [
        ({"chat_template.jinja": "{{ messages }}\n"}, "chat_template.jinja"),
        ({"tabby_template.jinja": "{{ messages }}\n"}, "tabby_template.jinja"),
        ({"chat_template.json": '{"chat_template": "{{ messages }}"}'}, "chat_template.json"),
        ({"tokenizer_config.json": '{"chat_template": "{{ m }}"}'}, "tokenizer_config.json"),
    ],
)
def test_beside_a_model_with_a_template_of_its_own_the_key_goes(
    scene: Scene, files: dict[str, str], own: str
) -> None:
    scene.model(**files)
    scene.write(f"{TABBY}/templates/chatml.jinja", "{{ messages }}\n")
    scene.write(f"{TABBY}/config.yml", TEMPLATE)
    scene.state, scene.log = STOPPED, STOP
    finding = scene.examine().finding("CFG010")
    assert f"TabbyAPI uses {own}, which the model brings" in finding.detail
    assert finding.remedies[0].title == "Take model.prompt_template out"
    assert "chatml" not in told(finding)


def test_a_model_without_one_needs_the_named_file(scene: Scene) -> None:
    scene.model(**{"tokenizer_config.json": '{"chat_template": null}'})
    scene.write(f"{TABBY}/templates/chatml.jinja", "{{ messages }}\n")
    scene.write(f"{TABBY}/config.yml", NAMED)
    finding = scene.examine().finding("CFG010")
    assert "brings" not in told(finding)
    assert f"{HOME}/TabbyAPI/templates" in told(finding)
