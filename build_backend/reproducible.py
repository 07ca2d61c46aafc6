"""The build backend (PEP 517): setuptools, on a copy whose bytes depend on the sources alone.

A wheel and an sdist are the same bytes whoever builds them, wherever, whenever and with whatever
umask, by the same setuptools. Nothing is left beside the sources (root's `pip install .` in
somebody's checkout), and no module that an earlier build left there is installed again.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setuptools import build_meta

# Those of a wheel and of an sdist are none, and setuptools would leave its traces to say so.
get_requires_for_build_editable = build_meta.get_requires_for_build_editable
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
build_editable = build_meta.build_editable

Settings = dict[str, str] | None
SOURCES = (
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "pyproject.toml"),
    *("build_backend", "checks", "docs", "tabbydoctor"),
)
"""What an sdist holds, PKG-INFO besides; the wheel is made of no more."""
_UNTRACKED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.egg-info")
_EARLIEST = 315532800
"""1980-01-01, the first time that a zip file can hold (its APPNOTE, 4.4.6)."""


def prepare_metadata_for_build_wheel(directory: str, settings: Settings = None) -> str:
    """The metadata alone, in a directory below the named one; its name."""
    directory = os.path.abspath(directory)
    with _copied():
        return build_meta.prepare_metadata_for_build_wheel(directory, settings)


def build_wheel(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """A wheel in the directory; its name."""
    directory = os.path.abspath(directory)
    with _copied():
        return build_meta.build_wheel(directory, settings, metadata)


def build_sdist(directory: str, settings: Settings = None) -> str:
    """The sources and PKG-INFO, whose time is that of the build, in the directory; its name."""
    directory = os.path.abspath(directory)
    with _copied() as date:
        described = Path(build_meta.prepare_metadata_for_build_wheel(".", settings))
        base = described.stem
        os.rename(described / "METADATA", "PKG-INFO")
        path = Path(directory, f"{base}.tar.gz")
        with (
            path.open("wb") as raw,
            gzip.GzipFile("", "wb", mtime=date, fileobj=raw) as packed,
            tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as archive,
        ):
            for each in _files(*SOURCES, "PKG-INFO"):
                entry = archive.gettarinfo(each, f"{base}/{each}")
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = ""
                entry.mode, entry.mtime = 0o644, date
                with each.open("rb") as content:
                    archive.addfile(entry, content)
        return path.name


@contextmanager
def _copied() -> Iterator[int]:
    """Work in a copy of the sources, its modes and times settled; gives the time."""
    date, origin, umask = _date(), Path.cwd(), os.umask(0o022)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for name in filter(os.path.exists, SOURCES):
                if os.path.isdir(name):
                    shutil.copytree(name, Path(scratch, name), ignore=_UNTRACKED)
                else:
                    shutil.copy(name, scratch)
            os.chdir(scratch)
            for each in _files("."):
                each.chmod(0o644)
                os.utime(each, (date, date))
            os.environ["SOURCE_DATE_EPOCH"] = str(date)
            yield date
    finally:
        os.chdir(origin)
        os.umask(umask)


def _files(*names: str) -> Iterator[Path]:
    """All files among and below these, in one order on every machine."""
    for name in sorted(filter(os.path.exists, names)):
        below = Path(name).rglob("*") if os.path.isdir(name) else [Path(name)]
        yield from sorted(each for each in below if each.is_file())


def _date() -> int:
    """Seconds since 1970: SOURCE_DATE_EPOCH, the commit's, the sdist's, else what is fixed."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return max(int(told), _EARLIEST)
    if os.path.exists("PKG-INFO"):
        return max(int(os.stat("PKG-INFO").st_mtime), _EARLIEST)
    if os.path.exists(".git"):
        # A checkout of somebody's has the same date for root, who would be refused.
        asked = ["git", "-c", "safe.directory=*", "log", "-1", "--format=%ct"]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            return max(int(said), _EARLIEST)
        except (OSError, subprocess.CalledProcessError, ValueError):
            pass  # no git, or no commit
    return _EARLIEST
