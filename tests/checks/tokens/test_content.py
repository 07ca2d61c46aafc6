"""TOK001, TOK002, TOK003, TOK006, TOK008, TOK010: what the file holds, or that there is none."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from checks.tokens.ignored import ignored
from checks.tokens.invalid import invalid
from checks.tokens.missing import missing
from checks.tokens.unparseable import unparseable
from checks.tokens.unsendable import unsendable
from checks.tokens.weak import weak
from tabbydoctor.diagnosis.check import Check
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.facts import Absent
from tabbydoctor.host import Process
from tabbydoctor.tabbyapi.config import EffectiveConfig

from .deployment import KEYS, Scene, config, judge, log

CONTENT_CHECKS = (unparseable, unsendable, weak)


def judged(check: Check, scene: Scene, settings: EffectiveConfig) -> list[Finding]:
    instance = (scene.instance,) if check is unparseable else ()
    return judge(check, scene.tokens, settings, *instance)


def test_healthy(scene: Scene) -> None:
    scene.write()
    for check in CONTENT_CHECKS:
        assert judged(check, scene, config()) == []
    assert judge(invalid, scene.tokens, config(), scene.instance) == []
    assert judge(missing, scene.tokens, config(), scene.instance, None, None) == []
    assert judge(ignored, scene.tokens, config()) == []


def test_healthy_list_of_keys(scene: Scene) -> None:
    scene.write("api_key:\n- first-key-of-two\n- second-key-of-two\nadmin_key: another-key-0\n")
    for check in CONTENT_CHECKS:
        assert judged(check, scene, config()) == []


@pytest.mark.parametrize("check", CONTENT_CHECKS)
def test_without_authentication_nothing_is_judged(scene: Scene, check: Check) -> None:
    scene.write("api_key: [")
    with pytest.raises(Absent, match="authentication is off"):
        judged(check, scene, config(disable_auth=True))


@pytest.mark.parametrize("check", CONTENT_CHECKS)
def test_without_a_file_nothing_is_judged(scene: Scene, check: Check) -> None:
    with pytest.raises(Absent, match="there is no"):
        judged(check, scene, config())


def test_missing_before_the_first_start_is_a_remark(scene: Scene) -> None:
    (finding,) = judge(missing, scene.tokens, config(), scene.instance, None, None)
    assert finding.severity is Severity.INFO


def test_missing_after_a_run_with_keys_is_an_error(scene: Scene) -> None:
    ran = log("INFO:     Your API key is: [redacted]", present=False)
    (finding,) = judge(missing, scene.tokens, config(), scene.instance, ran, None)
    assert finding.severity is None
    assert finding.title == "/srv/tabby/api_tokens.yml is gone"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("api_key: a\napi_key: b\nadmin_key: c\n", 2),
        ("api_key: x\n\tadmin_key: y\n", 2),
        ("api_key: *nothing\nadmin_key: y\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        (b"api_key: a\nadmin_key: \xff\n", 2),
    ],
)
def test_unparseable(scene: Scene, text: str | bytes, line: int) -> None:
    scene.write(text)
    (finding,) = judged(unparseable, scene, config())
    assert finding.evidence[0].source == f"/srv/tabby/api_tokens.yml:{line}"
    assert judge(invalid, scene.tokens, config(), scene.instance) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("admin_key: abcdefgh\napi_key: 12345678\n", 2, "`api_key` is read as a number"),
        ("api_key: abcdefgh\nadmin_key: 12e3456789\n", 2, "`admin_key` is read as a number"),
        ("api_key: abcdefgh\n", None, "`admin_key` is missing"),
        ("api_key:\nadmin_key:\n", 1, "`api_key` is empty"),
        ("api_key:\n- abcdefgh\n- 12345678\nadmin_key: x\n", 3, "entry 2 of `api_key`"),
        ("api_key: {a: b}\nadmin_key: abcdefgh\n", 1, "`api_key` is not text"),
        ("", 1, "it is empty"),
        ("- a\n- b\n", 1, "not a mapping"),
    ],
)
def test_invalid(scene: Scene, text: str, line: int | None, words: str) -> None:
    scene.write(text)
    (finding,) = judge(invalid, scene.tokens, config(), scene.instance)
    place = "/srv/tabby/api_tokens.yml" + (f":{line}" if line else "")
    assert finding.evidence[0].source == place
    assert words in (finding.evidence[0].actual or "")
    assert judged(unparseable, scene, config()) == []


def test_a_directory_or_a_fifo_is_invalid(scene: Scene) -> None:
    scene.file.mkdir()
    (finding,) = judge(invalid, scene.tokens, config(), scene.instance)
    assert finding.evidence[0].actual == "it is a directory"
    scene.file.rmdir()
    os.mkfifo(scene.file)
    (finding,) = judge(invalid, scene.tokens, config(), scene.instance)
    assert "hang" in (finding.evidence[0].actual or "")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ('"with a space in it"', "a space"),
        ('"schlüssel-schlüssel"', "not ASCII"),
        ("|\n  block-of-text", "a line break"),
        ('"tab\\tinside-it"', "control character"),
    ],
)
def test_unsendable(scene: Scene, key: str, reason: str) -> None:
    scene.write(f"admin_key: fine-enough-0\napi_key: {key}\n")
    (finding,) = judge(unsendable, scene.tokens, config())
    assert reason in (finding.evidence[0].actual or "")


def test_unsendable_names_the_entry_of_a_list(scene: Scene) -> None:
    scene.write('admin_key: fine-enough-0\napi_key: [fine-enough-1, "not fine at all"]\n')
    (finding,) = judge(unsendable, scene.tokens, config())
    assert "api_key[1]" in finding.title
    assert "not fine" not in repr(finding)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("api_key: []\nadmin_key: long-enough-0\n", "api_key is an empty list"),
        ("api_key: the-very-same\nadmin_key: the-very-same\n", "are the same"),
        ("api_key: short\nadmin_key: long-enough-0\n", "api_key can be guessed"),
        ("api_key: long-enough-0\nadmin_key: ChangeMe\n", "admin_key can be guessed"),
    ],
)
def test_weak(scene: Scene, text: str, title: str) -> None:
    scene.write(text)
    (finding,) = judge(weak, scene.tokens, config())
    assert title in finding.title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("api_key: ''\nadmin_key: long-enough-0\n", "api_key is empty, and everybody has that"),
        ("api_key: [long-enough-1, '']\nadmin_key: long-enough-0\n", "holds an empty key"),
        ("api_key: ['']\nadmin_key: long-enough-0\n", "holds an empty key"),
        ("api_key: long-enough-1\nadmin_key: ''\n", "admin_key is empty"),
    ],
)
def test_an_empty_key_is_an_error(scene: Scene, text: str, title: str) -> None:
    scene.write(text)
    (finding,) = judge(weak, scene.tokens, config())
    assert title in finding.title
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("content", ["api_key: [", "api_key: 12\nadmin_key: x\n"])
def test_a_corrected_file_is_followed_by_a_start(scene: Scene, content: str) -> None:
    scene.write(content)
    scene.properties = {"ActiveState": "failed"}
    check = unparseable if content.endswith("[") else invalid
    (finding,) = judge(check, scene.tokens, config(), scene.instance)
    assert finding.remedies[0].commands == (
        "sudoedit /srv/tabby/api_tokens.yml",
        "sudo systemctl reset-failed tabbyapi.service",
        "sudo systemctl restart tabbyapi.service",
    )
    runs = replace(scene.instance, process=Process(1, ("python",)))
    (finding,) = judge(check, scene.tokens, config(), runs)
    assert finding.remedies[0].commands == ("sudoedit /srv/tabby/api_tokens.yml",)


def test_ignored_while_authentication_is_off(scene: Scene) -> None:
    scene.write(KEYS)
    (finding,) = judge(ignored, scene.tokens, config(disable_auth=True))
    assert finding.evidence[0].source == "/srv/tabby/config.yml:3"
    scene.file.unlink()
    assert judge(ignored, scene.tokens, config(disable_auth=True)) == []
