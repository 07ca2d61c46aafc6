"""A bundle has no key in it, is judged elsewhere as it was here, and a hostile one is refused."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor import redaction
from tabbydoctor.cli.app import run
from tabbydoctor.demo import standin
from tabbydoctor.demo.deployment import demo_deployment
from tabbydoctor.examination import bundle
from tabbydoctor.redaction.standins import GUESSED_FIRST, StandIns
from tabbydoctor.targets import Targets
from tests.test_secrets import ADMIN, API, FORMS, OTHER, SPOILT_TOKENS, plant

SALT = b"salt"


def findings(document: dict[str, Any]) -> dict[str, Any]:
    return {
        check["id"]: (check["status"], [one["severity"] for one in check["findings"]])
        for check in document["checks"]
    }


def documents(
    capsys: pytest.CaptureFixture[str], targets: list[str], path: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of the machine, and of its bundle by a process that remembers nothing."""
    run(["check", *targets, "--format", "json"])
    live = json.loads(capsys.readouterr().out)
    assert run(["bundle", *targets, "--output", str(path)]) == 0
    capsys.readouterr()
    redaction.forget_all()
    run(["check", "--from", str(path), "--format", "json"])
    return live, json.loads(capsys.readouterr().out)


def members(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        files = {one.name: tar.extractfile(one) for one in tar}
        return {name: file.read().decode() for name, file in files.items() if file}


@pytest.mark.parametrize("tokens", SPOILT_TOKENS.values(), ids=SPOILT_TOKENS.keys())
def test_the_same_findings_and_no_key(
    tmp_path: Path, tokens: str, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "TabbyAPI"
    directory.mkdir()
    standin.install(directory)
    targets = plant(directory, tokens, port=1)
    path = tmp_path / "b.tar.gz"
    live, elsewhere = documents(capsys, targets, path)
    shutil.rmtree(directory)
    assert findings(elsewhere) == findings(live)
    assert path.stat().st_mode & 0o777 == 0o600
    said = members(path)
    assert json.loads(said["manifest.json"])["redacted"], "what was taken out is told"
    for key in (API, ADMIN, OTHER):
        for form in FORMS:
            for text in said.values():
                assert json.dumps(form(key))[7:-7] not in text


def test_of_a_deployment_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the 401 between its router and TabbyAPI; judged after it has ended."""
    with demo_deployment() as demo:
        targets = ["--dir", str(demo.directory), "--url", demo.url, "--router", str(demo.router)]
        live, elsewhere = documents(capsys, targets, tmp_path / "b.tar.gz")
    assert [root["root"] for root in elsewhere["diagnosis"]] == [
        root["root"] for root in live["diagnosis"]
    ]
    assert live["diagnosis"]
    assert findings(elsewhere) == findings(live)


def test_a_deployment_that_is_not_there_has_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "b.tar.gz"
    assert run(["bundle", "--dir", f"{tmp_path}/none", "--output", str(path)]) == 0
    assert "recorded all the same" in capsys.readouterr().out
    assert run(["check", "--from", str(path)]) == 2
    assert "No such file" in capsys.readouterr().err


def test_other_targets_are_no_part_of_it(tmp_path: Path) -> None:
    assert run(["check", "--from", str(tmp_path / "b"), "--dir", "/srv"]) == 2


@given(st.lists(st.text(max_size=12), unique=True, max_size=20))
def test_stand_ins_keep_equality_length_and_kind(secrets: list[str]) -> None:
    stand_ins = StandIns(SALT)
    made = {secret: stand_ins.of(secret) for secret in secrets}
    for secret, other in made.items():
        assert stand_ins.of(secret) == other
        assert len(other) == len(secret) or secret.lower() in GUESSED_FIRST
        assert [char.isalnum() for char in other] == [char.isalnum() for char in secret] or (
            secret.lower() in GUESSED_FIRST
        )
        if secret.isdigit() and secret.isascii():
            assert other.isdigit()
    long = [other for secret, other in made.items() if secret.isascii() and len(secret) > 6]
    assert len(set(long)) == len(long)


@pytest.mark.parametrize("word", GUESSED_FIRST)
def test_what_is_tried_first_stays_so(word: str) -> None:
    other = StandIns(SALT).of(word)
    assert other in GUESSED_FIRST
    assert other != word


def test_a_hexadecimal_key_stays_one_and_another_bundle_has_another() -> None:
    key = "a1b2c3d4e5f60718" * 2
    one, two = StandIns(b"1").of(key), StandIns(b"2").of(key)
    int(one, 16)
    assert len({key, one, two}) == 3


def tar(*files: tuple[str, bytes], type: bytes = tarfile.REGTYPE) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as made:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = type, len(content), "/etc/shadow"
            made.addfile(member, io.BytesIO(content))
    return packed.getvalue()


MANIFEST = (
    "manifest.json",
    b'{"schema_version": 1, "targets": {"dir": "/srv"}}',
)


def answers(*lines: object) -> tuple[str, bytes]:
    return "answers.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x1f\x8b", b"not a bundle", gzip.compress(b"no tar"), tar(), tar(MANIFEST),
        tar(MANIFEST, ("../../etc/cron.d/x", b"x")), tar(MANIFEST, ("/etc/passwd", b"x")),
        tar(MANIFEST, ("answers.jsonl", b""), type=tarfile.SYMTYPE),
        tar(MANIFEST, ("answers.jsonl", b""), type=tarfile.FIFOTYPE),
        tar(("manifest.json", b"[" * 99999), answers()),
        tar(("manifest.json", b'{"schema_version": 2, "targets": {}}'), answers()),
        tar(("manifest.json", b'{"schema_version": 1, "targets": {"dir": 3}}'), answers()),
        tar(("manifest.json", b'{"schema_version": 1, "targets": {"dir": "a\\u0000"}}'), answers()),
        tar(MANIFEST, answers({"call": "system", "arguments": ["rm"], "answer": 0})),
        tar(MANIFEST, answers({"call": "nvml", "arguments": [], "answer": [1]})),
        tar(MANIFEST, answers({"call": "read", "arguments": ["/x"], "error": {"errno": "x"}})),
        tar(MANIFEST, answers({"call": "read", "arguments": ["/x"]})),
        tar(MANIFEST, answers(3)), tar(MANIFEST, ("answers.jsonl", b"{" * 999)),
        tar(MANIFEST, answers())[:-20],
    ],
    ids=itertools.count(),  # what is compressed holds the time: no name for a test
)  # fmt: skip
def test_hostile_ones_are_refused(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_bytes(content)
    assert run(["check", "--from", str(path), "--format", "json"]) == 2
    text = capsys.readouterr()
    assert json.loads(text.out)["error"]["message"].startswith(f"--from {path}: ")
    assert "the doctor itself failed" not in text.err


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "LARGEST", 1 << 20)
    path = tmp_path / "b.tar.gz"
    path.write_bytes(tar(MANIFEST, ("answers.jsonl", b"\n" * (8 << 20))))
    assert run(["check", "--from", str(path)]) == 2
    assert "larger than 1 MiB" in capsys.readouterr().err


@pytest.mark.parametrize("bad", ["none", ""])
def test_no_such_bundle(tmp_path: Path, bad: str) -> None:
    assert run(["check", "--from", f"{tmp_path}/{bad}"]) == 2


ID = "766813bdd027496569986e3bc115b46e"


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        (("systemctl", "show"), ("journalctl", "_SYSTEMD_INVOCATION_ID={}", "-n1")),
        (("podman", "ps"), ("podman", "inspect", "{}")),
        (("cat", "/etc/machine-id"), ("ls", "/var/log/journal/{}/system.journal")),
    ],
    ids=["a run of a unit", "a pod", "a machine"],
)
def test_what_an_answer_names_is_asked_for_by_that_name(
    tmp_path: Path, told: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    """An id looks like a key and becomes another: then in the later call, too."""

    def call(words: tuple[str, ...], output: str) -> dict[str, Any]:
        answer = {"argv": list(words), "code": 0, "stdout": output, "stderr": ""}
        return {"call": "run", "arguments": [*words, 4 << 20, None], "answer": answer}

    of_id = tuple(word.format(ID) for word in asked)
    path = tmp_path / "b.tar.gz"
    packed = bundle.pack([call(told, f"InvocationID={ID}\n"), call(of_id, "found\n")], Targets(),
                         "host", "now")  # fmt: skip
    path.write_bytes(packed)
    host, _ = bundle.unpack(str(path))
    other = host.run(told).stdout.strip().partition("=")[2]
    assert other != ID, "it was taken for a key"
    assert host.run([word.format(other) for word in asked]).stdout == "found\n"
    assert host.run(of_id).stdout == ""
