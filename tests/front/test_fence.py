"""Whether a listing of nft's shows the fence: near misses do not."""

from __future__ import annotations

import pytest

from tabbydoctor.front.fence import rules, stands

from .designs import design

LISTED = """\
table inet tabbydoctor_front {
	chain output {
		type filter hook output priority filter; policy accept;
		oifname "lo" tcp dport 5080 tcp flags & (syn | ack) == syn meta skuid { 0, 1003 } accept
		oifname "lo" tcp dport 5080 tcp flags & (syn | ack) == syn reject with tcp reset
	}
}
"""


def test_the_fence_as_it_is_written_and_as_nft_lists_it() -> None:
    assert stands(design(), LISTED)
    assert stands(design(), LISTED.replace("flags & (syn | ack) == syn", "flags syn / syn,ack"))
    assert stands(design(), rules(design()))


def test_root_alone() -> None:
    listed = LISTED.replace("{ 0, 1003 }", "0")
    assert stands(design(uid=0), listed)
    assert not stands(design(), listed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LISTED, ""),
        ("{ 0, 1003 }", "{ 0, 1003, 1004 }"),
        ("{ 0, 1003 }", "{ 0, 1004 }"),
        ("reject with tcp reset", "accept"),
        ("type filter hook output priority filter; policy accept;", ""),
        ("dport 5080", "dport 5081"),
        ("{ 0, 1003 } accept", "{ 0, 1003 } counter"),
    ],
)
def test_anything_else_is_none(old: str, new: str) -> None:
    assert not stands(design(), LISTED.replace(old, new))
