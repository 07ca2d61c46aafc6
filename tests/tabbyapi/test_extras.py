"""What a pyproject.toml of TabbyAPI's asks for, in the shapes it has had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.extras import SHIPPED, Extra, TabbyExtras, tabby_extras

LINUX = "platform_system == 'Linux' and platform_machine == 'x86_64' and python_version == '3.{0}'"
TORCH = (
    "torch @ https://download.pytorch.org/whl/cu128/torch-2.9.0%2Bcu128-cp3{0}-cp3{0}-"
    "manylinux_2_28_x86_64.whl ; "
)
EXL3 = (
    "exllamav3 @ https://github.com/turboderp-org/exllamav3/releases/download/v1.4.2/"
    "exllamav3-1.4.2+cu128.torch2.9.0-cp3{0}-cp3{0}-linux_x86_64.whl ; "
)


def read(directory: Path, text: str | None) -> TabbyExtras:
    if text is not None:
        (directory / "pyproject.toml").write_text(text)
    return tabby_extras(LocalHost(), Instance(str(directory)))


def pyproject(name: str, *asked: str) -> str:
    lines = "".join(f"    {one!r},\n".replace("'", '"') for one in asked)
    needs = '[project]\nrequires-python = ">=3.10"\n'
    return f"{needs}[project.optional-dependencies]\n{name} = [\n{lines}]\n"


def test_wheels_of_linux(tmp_path: Path) -> None:
    asked = [
        (wheel + LINUX).format(minor).replace("'", "`")
        for wheel in (TORCH, EXL3)
        for minor in (12, 13)
    ]
    windows = EXL3.format(10).replace("linux_x86_64", "win_amd64")
    found = read(tmp_path, pyproject("cu12", *asked, windows, "triton ; x", "triton-windows ; y"))
    assert found.oldest_python == 10
    assert found.extras == {"cu12": Extra("2.9.0", "1.4.2", frozenset({12, 13}), triton=True)}


def test_before_triton_was_asked_for(tmp_path: Path) -> None:
    found = read(tmp_path, pyproject("cu121", TORCH.format(11), "triton-windows ; y"))
    assert found.extras == {"cu121": Extra("2.9.0", "", frozenset({11}))}


@pytest.mark.parametrize(
    "text",
    [None, "", "[project]\n", "[", "project = 1\n", "[project]\noptional-dependencies = 1\n",
     pyproject("cu12"), pyproject("cu12", "torch"), pyproject("extras", TORCH.format(12))],
)  # fmt: skip
def test_where_it_cannot_be_read_the_table_answers(tmp_path: Path, text: str | None) -> None:
    assert read(tmp_path, text) is SHIPPED
