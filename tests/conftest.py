"""What every test stands on: the words that are printed do not depend on where the tests run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tabbydoctor import invocation, redaction
from tabbydoctor.reports.documents import base
from tabbydoctor.reports.json_report import dumps
from tabbydoctor.reports.schema import DOCUMENTS
from tabbydoctor.source.engine import Engine
from tests.reports.documents import assert_valid

settings.register_profile("each run", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("all", max_examples=400, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "each run"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What needs root is skipped without, with its reason."""
    needs = item.get_closest_marker("root")
    if needs and os.geteuid() != 0:
        pytest.skip(f"needs root: {needs.kwargs['reason']}")


@pytest.fixture(autouse=True, scope="session")
def as_installed() -> Iterator[None]:
    """Commands are printed as where the doctor is installed for root (the README's "Install it"),
    and run by sudo.

    How they are printed elsewhere is the matter of `test_invocation.py`.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(invocation, "called", lambda program, path: invocation.NAME)
        patch.setenv("SUDO_USER", "operator")
        yield


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What an earlier test had for a secret is none to the next one."""
    redaction.forget_all()


@pytest.fixture(autouse=True, scope="session")
def faults_of_the_reader_are_raised() -> None:
    """Where users are told that a line could not be followed, a test fails."""
    Engine.strict = True


@pytest.fixture(autouse=True, scope="session")
def documents_are_as_their_schema_says() -> Iterator[None]:
    """Whatever a test has written as JSON, in its own process, is held against the schema."""
    plain = base.plain

    def checked(document: base.Document) -> dict[str, Any]:
        fields = plain(document)
        name = next((name for name, kind in DOCUMENTS.items() if type(document) is kind), None)
        if name:
            assert_valid(json.loads(dumps(fields)), name)
        return fields

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "plain", checked)
        yield
