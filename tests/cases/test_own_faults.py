"""Faults of TabbyAPI's or exllama's own code: an exception that no setting explains."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scene import CONFIG, MODEL, TABBY, Scene, failed, refusing, serving

PACKAGES = f"{TABBY}/venv/lib/python3.11/site-packages"
PULL = f"sudo -H -u ivan git -C {TABBY} pull --ff-only"
ANEW = (
    "sudo systemctl reset-failed tabbyapi.service",
    "sudo systemctl restart tabbyapi.service",
)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.model()
    scene.write(f"{TABBY}/config.yml", f"{CONFIG}{MODEL}")
    scene.endpoint = serving()
    return scene


@pytest.mark.parametrize(
    ("frame", "exception"),
    [
        (
            f'  File "{PACKAGES}/exllamav2/generator/dynamic.py", line 401, in __init__',
            "AssertionError: the generator takes no such thing",
        ),
        (
            f'  File "{PACKAGES}/exllamav3/model/model.py", line 12, in load_gen',
            "AttributeError: 'NoneType' object has no attribute 'shape'",
        ),
        (
            f'ERROR:      File "{PACKAGES}/exllamav3/cache/cache.py", line 7, in alloc',
            "ERROR:    TypeError: alloc() got an unexpected keyword argument",
        ),
    ],
)
def test_a_start_that_ends_inside_exllama(scene: Scene, frame: str, exception: str) -> None:
    scene.state, scene.endpoint = failed(1), refusing()
    scene.log = (
        "Traceback (most recent call last):",
        f'  File "{TABBY}/main.py", line 181, in <module>',
        frame,
        exception,
    )
    said = scene.examine()
    assert said.ids == ["SVC002"]
    finding = said.finding("SVC002")
    read, update = finding.remedies
    assert read.title.startswith("Read its log")
    assert update.commands[-2:] == ANEW
    if "exllamav2" in frame:  # TabbyAPI's newest has none: an update would end its exl2 models
        assert "install another release of exllamav2" in update.title
        assert PULL not in update.commands
        return
    assert "Where it names no setting of yours, update TabbyAPI and exllamav3" in update.title
    assert update.commands[0] == PULL


@pytest.mark.parametrize(
    "frames",
    [
        (f'  File "{TABBY}/common/model.py", line 90, in load_model_gen',),
        (
            f'  File "{PACKAGES}/exllamav3/model/model.py", line 12, in load_gen',
            '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode',
        ),
        (),
    ],
)
def test_an_end_elsewhere_is_not_laid_to_exllama(scene: Scene, frames: tuple[str, ...]) -> None:
    scene.state, scene.endpoint = failed(1), refusing()
    scene.log = ("Traceback (most recent call last):", *frames, "KeyError: 'x'")
    assert len(scene.examine().finding("SVC002").remedies) == 1


def test_a_wheel_for_another_torch_is_installed_anew(scene: Scene) -> None:
    scene.state, scene.endpoint = failed(1), refusing()
    for line in (
        "NameError: name 'exllamav2_ext' is not defined",
        "ImportError: exllamav3_ext.so: undefined symbol: _ZN3c105ErrorC2E",
        "ImportError: libcudart.so.12: cannot open shared object file: No such file or directory",
    ):
        scene.log = ("Traceback (most recent call last):", line)
        first = scene.examine().finding("SVC011").remedies[0]
        assert "Install TabbyAPI's extra again" in first.title
        assert first.commands[0].endswith(f"-m pip install -U '{TABBY}[cu12]'")


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("torch.OutOfMemoryError: Allocation on device", "memory.cuda_malloc_async: false"),
        ("torch.OutOfMemoryError: Allocation on device 1", "memory.cuda_malloc_async: false"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to", "what each setting would save"),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory.", "what each setting would save"),
    ],
)
def test_memory_by_the_words_of_its_allocator(scene: Scene, line: str, first: str) -> None:
    """theroyallab/tabbyAPI 381: the asynchronous allocator, which a key switches off since."""
    scene.state, scene.endpoint = failed(1), refusing()
    scene.log = ("Traceback (most recent call last):", line)
    said = scene.examine()
    assert said.ids == ["SVC011"]
    remedies = said.finding("SVC011").remedies
    assert first in remedies[0].title
    assert any("vram" in command for remedy in remedies for command in remedy.commands)


@pytest.mark.parametrize("packages", [("exllamav2-0.2.4",), ("exllamav3-1.4.1",)])
def test_a_chunk_that_exllama_does_not_take(scene: Scene, packages: tuple[str, ...]) -> None:
    """theroyallab/tabbyAPI 240: max_seq_len: 2047. An update keeps what loads the models."""
    scene.state, scene.endpoint = failed(1), refusing()
    for package in packages:
        name, version = package.split("-")
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        scene.write(f"{PACKAGES}/{package}.dist-info/METADATA", text)
    scene.log = (
        "Traceback (most recent call last):",
        f'  File "{PACKAGES}/exllamav2/generator/dynamic.py", line 401, in __init__',
        "AssertionError: max_chunk_size must be multiple of 256, received None",
    )
    said = scene.examine()
    assert said.ids == ["SVC011"]
    smaller, update, *_ = said.finding("SVC011").remedies
    assert "to a multiple of 256" in smaller.title
    old = packages == ("exllamav2-0.2.4",)
    assert ("later ones load no exl2" in update.title) is old
    assert ("--before=2026-07-14" in update.commands[0]) is old
