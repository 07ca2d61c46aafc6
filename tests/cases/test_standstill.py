"""Requests come in and none is finished, while /health says that all is well."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tabbydoctor.api import Severity
from tabbydoctor.host.data import HttpAnswer

from .scene import CONFIG, MODEL, NOW, SERVER, TABBY, URL, Said, Scene, serving, told

IDS = [f"{number:032x}" for number in range(0xA0, 0xB0)]
Story = list[tuple[float, str]]
"""Minutes ago, and what the log said."""
SERVES: Story = [(600, "INFO:     Uvicorn running on http://127.0.0.1:5000")]


def received(ago: float, number: int, kind: str = "chat completion streaming") -> tuple[float, str]:
    return ago, f"INFO:     Received {kind} request {IDS[number]}"


def finished(ago: float, number: int) -> tuple[float, str]:
    return ago, f"INFO:     Finished chat completion streaming request {IDS[number]}"


def left(ago: float) -> tuple[float, str]:
    return ago, "ERROR:    Request disconnected: /v1/chat/completions"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.model()
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
    scene.endpoint = serving()
    return scene


def says(scene: Scene, story: Story) -> Said:
    scene.minutes = [ago for ago, _ in story]
    scene.log = [line for _, line in story]
    return scene.examine()


STANDS: dict[str, Story] = {
    "after a while": [received(90, 0), finished(89, 0), received(40, 1), received(30, 2),
                      received(2, 3)],
    "from the start, of several kinds": [received(25, 0, "completion"), received(20, 1),
                                         received(15, 2, "chat completion")],
    "with clients that gave up": [received(60, 0), left(55), received(50, 1), left(45),
                                  received(40, 2), left(35)],
    "after an error that it got over": [
        (200, "ERROR:    FATAL ERROR with generation. Attempting to recreate the generator."),
        received(180, 3), finished(179, 3), received(50, 4), received(40, 5), received(30, 6),
    ],
}  # fmt: skip
WORKS: dict[str, Story] = {
    "one long generation": [received(45, 0)],
    "several at once, a moment ago": [received(3, 0), received(2, 1), received(1, 2)],
    "slow, and finished": [received(60, 0), received(50, 1), received(40, 2), finished(1, 0)],
    "stopped by its user at once": [received(40, 0), left(39.9), received(30, 1), left(29.8),
                                    received(20, 2), left(19.7)],
    "the metrics of one": [received(40, 0), received(30, 1), received(20, 2),
                           (10, f"INFO:     Metrics (ID: {IDS[0]}): 9 tokens generated in 9 s")],
    "a prompt that quotes them": [
        (40, "INFO:     Raw prompt (ID: 1): Received chat completion request abcdef123"),
        (40, "Received chat completion request abcdef123"),
        (40, "Received chat completion request abcdef124"),
        (40, "Received chat completion request abcdef125"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", STANDS)
def test_a_standstill(scene: Scene, name: str) -> None:
    said = says(scene, [*SERVES, *STANDS[name]])
    assert said.ids[0] == "API010" or name == "after an error that it got over"
    finding = said.finding("API010")
    assert finding.severity is Severity.WARNING
    waiting = 3
    assert finding.title.startswith(f"{waiting} requests have come in since ")
    assert "Received" in told(finding)
    assert finding.remedies[0].commands == ("sudo systemctl restart tabbyapi.service",)


@pytest.mark.parametrize("name", WORKS)
def test_what_is_no_standstill(scene: Scene, name: str) -> None:
    assert says(scene, [*SERVES, *WORKS[name]]).findings("API010") == ()


def test_health_that_complains_is_told_by_another(scene: Scene) -> None:
    ill = HttpAnswer(f"{URL}/health", status=503, body=b'{"issues": []}')
    found = serving()
    scene.endpoint = replace(found, answers={**found.answers, ("/health", "none"): ill})
    said = says(scene, [*SERVES, *STANDS["after a while"]])
    assert said.findings("API010") == ()
    assert "API007" in said.ids


def test_by_a_log_file_it_is_told_by_its_own_times(scene: Scene) -> None:
    def written(ago: float, line: str) -> str:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW - 60 * ago))
        level, _, text = line.partition(":")
        return f"{clock}.000 | {level:<8} | {text.strip()}\n"

    story = [*SERVES, *STANDS["after a while"]]
    scene.write(f"{TABBY}/logs/run.log", "".join(written(*one) for one in story))
    scene.processes = (SERVER,)
    said = scene.examine()
    assert said.finding("API010").title.startswith("3 requests have come in since ")
    assert f"{TABBY}/logs/run.log" in told(said.finding("API010"))


def test_what_a_gap_may_hide_is_not_held_against_it(scene: Scene) -> None:
    early = [received(500, number) for number in (1, 2, 3)]
    noise = [(400.0, "INFO:     nothing of note")] * 3000
    scene.minutes = [ago for ago, _ in (*early, *noise)]
    scene.log = [line for _, line in (*early, *noise)]
    assert scene.examine().findings("API010") == ()
