"""Which file a Python program begins with, and where its imports start: told by files alone."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from tabbydoctor.documents import Unreadable, python_of
from tabbydoctor.host import Host
from tabbydoctor.source.imports import candidates

_INSTALLED = re.compile(r"/(site|dist)-packages/|/lib(64)?/python\d[\d.]*/")
_SYSTEM = re.compile(r"^(/usr/(s?bin|lib\w*|libexec)|/s?bin|/lib\w*)/")
"""Where programs of the distribution are."""
_INTERPRETER = re.compile(r"""^(?:#![ \t]*|'''exec' "?)(/[^\s"]*/(?:python|pypy)[\d.]*)""", re.M)
"""What runs a script: its first line, or the shell's where that would be too long (pip)."""
_MAPPED = re.compile(r"""['"](\w+)['"]\s*[:,]\s*['"](/[^'"]+)['"]""")
"""A module and its place in the finder of an editable install (setuptools, editables)."""
_FILE_LIMIT = 64 << 10


def installed(path: str) -> bool:
    """Whether a file is an installed copy, or of Python's own library: an upgrade replaces it."""
    return _INSTALLED.search(path) is not None


def not_read(path: str) -> str:
    """Why an installed copy is neither read nor edited, in words."""
    return (
        f"{path} is an installed copy, which its next upgrade replaces: install its package "
        "editable (pip install -e), or name its source with --router"
    )


def is_file(host: Host, path: str) -> bool:
    """Whether a regular file is there, as far as that may be seen."""
    try:
        return host.status(path).is_file
    except (OSError, ValueError):
        return False


def module_file(host: Host, name: str, roots: Sequence[str], *, run: bool = False) -> str | None:
    """The file of a module; `run`: of what `python -m` starts for that name."""
    for root in roots:
        for each in (f"{name}.__main__", name) if run else (name,):
            for path in candidates("", (root,), 0, each):
                if is_file(host, path):
                    return path
    return None


def outermost(host: Host, path: str) -> str:
    """The directory that holds the outermost package around a file."""
    directory = posixpath.dirname(path)
    while directory != "/" and is_file(host, f"{directory}/__init__.py"):
        directory = posixpath.dirname(directory)
    return directory


def console_script(host: Host, path: str) -> tuple[str, str] | None:
    """The module whose function an installed script calls, and the interpreter; else None.

    Such a script imports, calls, and does nothing else (packaging.python.org, entry points).
    """
    text = script_text(host, path)
    interpreter = _INTERPRETER.search(text)
    if interpreter is None:
        return None
    try:
        body = python_of(text).body
    except Unreadable:
        return None
    if not all(isinstance(node, ast.Import | ast.ImportFrom | ast.If | ast.Expr) for node in body):
        return None
    names = [node.module for node in body if isinstance(node, ast.ImportFrom) and not node.level]
    return (names[-1], interpreter[1]) if names and names[-1] else None


def script_text(host: Host, path: str) -> str:
    """The text of a short script that names its interpreter; empty for any other file."""
    if _SYSTEM.match(path):
        return ""
    try:
        found = host.read(path, _FILE_LIMIT)
    except (OSError, ValueError):
        return ""
    return "" if found.truncated or not found.data.startswith(b"#!") else found.text()


def environments(host: Host, programs: Iterable[str]) -> tuple[str, ...]:
    """The virtual environments that some programs are of (venv: `pyvenv.cfg` above `bin`)."""
    places = (posixpath.dirname(posixpath.dirname(program)) for program in programs)
    return tuple(place for place in dict.fromkeys(places) if is_file(host, f"{place}/pyvenv.cfg"))


def site_directories(host: Host, environment: str) -> Iterator[str]:
    """Where the packages of an environment are installed."""
    for name in _names(host, f"{environment}/lib"):
        if name.startswith(("python", "pypy")):
            yield f"{environment}/lib/{name}/site-packages"


def editable_roots(host: Host, directory: str) -> Iterator[str]:
    """What editable installs add to the places that imports start from (`*.pth`, finders)."""
    for name in _names(host, directory):
        if name.endswith(".pth"):
            for line in _text(host, f"{directory}/{name}").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield posixpath.normpath(posixpath.join(directory, line.strip()))
        elif name.endswith(".py") and "editable_" in name:
            for module, place in _MAPPED.findall(_text(host, f"{directory}/{name}")):
                above, own = posixpath.split(place.removesuffix("/__init__.py"))
                if own.removesuffix(".py") == module:
                    yield above


def _names(host: Host, directory: str) -> list[str]:
    try:
        return list(host.names(directory))
    except (OSError, ValueError):
        return []


def _text(host: Host, path: str) -> str:
    try:
        return host.read(path, _FILE_LIMIT).text()
    except (OSError, ValueError):
        return ""
