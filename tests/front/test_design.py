"""What a front is made from: kept and read again, whatever it became meanwhile."""

from __future__ import annotations

import json

import pytest

from tabbydoctor.front.design import FENCE_PATH, UNIT_PATH, DamagedDesign, design_of
from tabbydoctor.front.programs import PROGRAMS, program_named, sendable
from tabbydoctor.front.written import files_of

from .designs import KEY, design


def test_it_is_read_as_it_was_kept() -> None:
    assert design_of(design().to_json()) == design()


def changed(**values: object) -> bytes:
    return json.dumps({**json.loads(design().to_json()), **values}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        changed(port="5080"),
        changed(port=True),
        changed(uid=-1),
        changed(hosts=[5]),
        changed(hosts=None),
        changed(binary="nginx"),
        changed(nft="nft; true"),
        changed(router="a\nExecStart=/bin/sh"),
    ],
)
def test_what_it_never_writes_is_refused(content: bytes) -> None:
    with pytest.raises(DamagedDesign):
        design_of(content)


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://127.0.0.1:5080", True),
        ("http://localhost:5080/v1", True),
        ("http://[::1]:5080", True),
        ("http://127.0.0.1:5000", False),
        ("http://10.0.0.1:5080", False),
        ("http://127.0.0.1:http", False),
    ],
)
def test_which_urls_lead_to_it(url: str, there: bool) -> None:
    assert design().is_at(url) is there


@pytest.mark.parametrize("program", [one.name for one in PROGRAMS])
def test_the_key_is_in_its_own_file_alone(program: str) -> None:
    files = files_of(design(program), KEY)
    holding = [path for path, file in files.items() if KEY.encode() in file.content]
    assert holding == ["/etc/tabbydoctor/front/key"]
    assert files[holding[0]].mode == 0o600
    found = program_named(program)
    assert found is not None
    assert found.key_in(files[holding[0]].content.decode()) == KEY
    assert found.key_in("something else") is None
    assert KEY not in repr(files)


@pytest.mark.parametrize("key", ['a"b', "a$b", "a%b", "a{b}", "a\\b", "a;b", "a b", "é", ""])
def test_a_key_that_means_something_there_is_not_sent(key: str) -> None:
    assert not sendable(key)


def test_without_a_fence_its_unit_knows_of_no_firewall() -> None:
    files = files_of(design(nft=""), KEY)
    assert FENCE_PATH not in files
    assert b"nft" not in files[UNIT_PATH].content
    assert (
        b"\nAfter=network.target\n"
        in files["/etc/systemd/system/tabbydoctor-front.service"].content
    )
