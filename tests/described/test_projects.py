"""A GPU that another file of the compose project asks for (CTR012)."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_public_shapes import CLOSED, NO_GPU, results, service

OVERLAY = "services:\n  tabbyapi:\n    gpus: all\n"
WITHOUT = "services:\n  tabbyapi:\n    restart: always\n"
BASE = "services:\n  gpu:\n    image: x\n    gpus: all\n"
ANCHOR = "x-gpu: &gpu\n  gpus: all\n" + NO_GPU.replace(
    "  tabbyapi:\n", "  tabbyapi:\n    <<: *gpu\n"
)


def extending(how: str) -> str:
    return NO_GPU.replace("  tabbyapi:\n", f"  tabbyapi:\n    extends: {how}\n")


SHAPES: dict[str, tuple[str, str, dict[str, str], str]] = {
    "the override": ("compose.yaml", NO_GPU, {"compose.override.yaml": OVERLAY}, "passed"),
    "of the old name": (
        "docker-compose.yml", NO_GPU, {"docker-compose.override.yml": OVERLAY}, "passed",
    ),
    "an override without": ("compose.yaml", NO_GPU, {"compose.override.yml": WITHOUT}, "failed"),
    "an override of another": (
        "compose.yaml", NO_GPU,
        {"compose.override.yml": OVERLAY.replace("tabbyapi", "webui")}, "failed",
    ),
    "an override that cannot be read": (
        "compose.yaml", NO_GPU, {"compose.override.yml": "a: [\n"}, "unknown",
    ),
    "listed in .env": (
        "compose.yaml", NO_GPU,
        {".env": "COMPOSE_FILE=compose.yaml:gpu.yml\n", "gpu.yml": OVERLAY}, "passed",
    ),
    "listed, and so no override": (
        "compose.yaml", NO_GPU,
        {".env": "COMPOSE_FILE=compose.yaml:a.yml\n", "a.yml": WITHOUT}, "failed",
    ),
    "an overlay beside it": ("compose.yaml", NO_GPU, {"compose.gpu.yaml": OVERLAY}, "unknown"),
    "another whole file beside it": (
        "compose.yaml", NO_GPU, {"compose.gpu.yaml": service()}, "failed",
    ),
    "an override beside a file that is named": (
        "mine.yaml", NO_GPU, {"compose.override.yaml": OVERLAY}, "unknown",
    ),
    "a remark": (
        "compose.yaml",
        f"# docker compose -f compose.yaml -f /elsewhere/gpu.yaml up -d\n{NO_GPU}", {}, "unknown",
    ),
    "a remark on itself alone": (
        "compose.yaml", f"# docker compose -f compose.yaml up -d\n{NO_GPU}", {}, "failed",
    ),
    "an overlay itself": ("gpu.yaml", WITHOUT, {}, "unknown"),
    "extends of the file": (
        "compose.yaml", extending("gpu") + BASE.partition("\n")[2], {}, "passed",
    ),
    "extends of another": (
        "compose.yaml", extending("{file: common/x.yml, service: gpu}"),
        {"common/x.yml": BASE}, "passed",
    ),
    "extends of none": (
        "compose.yaml", extending("{file: x.yml, service: plain}"),
        {"x.yml": "services:\n  plain:\n    image: x\n"}, "failed",
    ),
    "extends of what is not there": (
        "compose.yaml", extending("{file: x.yml, service: gpu}"), {}, "unknown",
    ),
    "extends further": (
        "compose.yaml", extending("{file: a/x.yml, service: one}"),
        {"a/x.yml": "services:\n  one:\n    extends: {file: y.yml, service: gpu}\n",
         "a/y.yml": BASE}, "passed",
    ),
    "extends itself": ("compose.yaml", extending("tabbyapi"), {}, "unknown"),
    "extends outside": (
        "compose.yaml", extending("{file: ../x.yml, service: gpu}"), {"../x.yml": BASE}, "unknown",
    ),
    "extends what has no name": ("compose.yaml", extending("{service: [1]}"), {}, "unknown"),
    "includes none": (
        "compose.yaml", f"include: [x.yml]\n{NO_GPU}",
        {"x.yml": "services:\n  db:\n    image: x\n"}, "failed",
    ),
    "includes what is not there": ("compose.yaml", f"include: [x.yml]\n{NO_GPU}", {}, "unknown"),
    "an anchor": ("compose.yaml", ANCHOR, {}, "passed"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_what_other_files_ask_for(tmp_path: Path, shape: str) -> None:
    name, text, others, status = SHAPES[shape]
    own = tmp_path / "project"
    for other, content in others.items():
        file = own / other
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    found = results(own, name, text, CLOSED)["CTR012"]
    assert found.status == status
    if status == "unknown":
        assert found.reason
        assert not found.reason.rstrip().endswith(":")


def test_no_link_is_followed_out(tmp_path: Path) -> None:
    (tmp_path / "gpu.yml").write_text(OVERLAY)
    own = tmp_path / "project"
    own.mkdir()
    (own / "compose.override.yml").symlink_to("../gpu.yml")
    assert results(own, "compose.yaml", NO_GPU, CLOSED)["CTR012"].status == "unknown"
