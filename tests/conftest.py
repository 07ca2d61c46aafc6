"""What every test stands on: the words that are printed do not depend on where the tests run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tabbydoctor import invocation, redaction
from tabbydoctor.source.engine import Engine


@pytest.fixture(autouse=True, scope="session")
def as_installed() -> Iterator[None]:
    """Commands are printed as where the doctor is installed for root (the README's "Install it").

    How they are printed elsewhere is the matter of `test_invocation.py`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(invocation, "called", lambda program, path: invocation.NAME)
        yield


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What an earlier test had for a secret is none to the next one."""
    redaction.forget_all()


@pytest.fixture(autouse=True, scope="session")
def faults_of_the_reader_are_raised() -> None:
    """Where users are told that a line could not be followed, a test fails."""
    Engine.strict = True
