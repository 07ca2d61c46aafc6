"""Whatever a description holds, it is read to an end, and nothing is raised but an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.described.test_public_shapes import results

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 70000), st.text("a:/${}-.\0\n\"'5[]", max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["target", "source", "test", "published"]), inner),
    ),
    max_leaves=6,
)
KEYS = (
    *("image", "ports", "environment", "volumes", "healthcheck", "command", "entrypoint"),
    *("deploy", "gpus", "network_mode", "working_dir", "extends", "env_file", "extra_hosts"),
)
QUIET = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUIET
@given(body=st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_a_service_of_any_shape(tmp_path: Path, body: dict[str, object]) -> None:
    text = json.dumps({"services": {"tabbyapi": body, "other": body}})
    results(tmp_path, "compose.yaml", text, None)


@QUIET
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(["FROM", "ENV", "COPY", "CMD", "HEALTHCHECK CMD", "RUN", "", "\\"]),
            st.text("ab=[]\"'\\ <:$", max_size=10),
        ),
        max_size=8,
    )
)
def test_a_dockerfile_of_any_shape(tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    text = "\n".join(["FROM tabbyapi", *(" ".join(line) for line in lines)])
    results(tmp_path, "Dockerfile", text, None)


@QUIET
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(["Image", "PublishPort", "Volume", "Mount", "Exec", "HealthCmd", "#"]),
            st.text("ab=[]\"'\\ ,:/5", max_size=12),
        ),
        max_size=8,
    )
)
def test_a_quadlet_of_any_shape(tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    text = "\n".join(["[Container]", "Image=tabbyapi", *("=".join(line) for line in lines)])
    results(tmp_path, "x.container", text, None)


@pytest.mark.parametrize(
    "config", ["[", "a", "- 1\n", "network: 5\n", "network: {port: [1]}\n", ""]
)
def test_a_configuration_of_any_shape(tmp_path: Path, config: str) -> None:
    text = (
        "services:\n  tabbyapi:\n    image: tabbyapi\n    ports: ['5000:5000']\n"
        "    volumes: ['./config.yml:/app/config.yml']\n"
    )
    results(tmp_path, "compose.yaml", text, config)
