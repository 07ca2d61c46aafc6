"""Fronts for the tests."""

from __future__ import annotations

from tabbydoctor.front.design import FrontDesign

KEY = "0123456789abcdef0123456789abcdef"


def design(program: str = "nginx", *, nft: str = "/usr/sbin/nft", uid: int = 1003) -> FrontDesign:
    """A front of port 5080 before TabbyAPI's usual address."""
    return FrontDesign(
        program, f"/usr/sbin/{program}", 5080, ("127.0.0.1", "::1"), "127.0.0.1:5000",
        "llm-router.service", "router", uid, nft,
    )  # fmt: skip
