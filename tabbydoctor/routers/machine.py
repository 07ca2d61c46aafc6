"""What a router does on its machine: the files it opens and reads, the commands it runs."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from tabbydoctor.documents import json_of
from tabbydoctor.routers.ranking import plain
from tabbydoctor.routers.values import (
    SOMETHING,
    Items,
    OpenFile,
    Unknown,
    Value,
    from_data,
    likely_text,
)

if TYPE_CHECKING:
    from tabbydoctor.routers.calls import Site

Effect: TypeAlias = "Callable[[Site], Value]"

STARTING = ("start", "restart", "try-restart", "reload-or-restart", "enable")


def located(site: Site, value: Value | None) -> str | None:
    """The absolute path a value most likely is."""
    path = likely_text(plain(value)) if value is not None else None
    if not path:
        return None
    home = site.run.variables.get("HOME")
    if path.startswith("~/") and home:
        path = posixpath.join(home, path[2:])
    if path.startswith(("~", "/")):
        return posixpath.normpath(path)
    directory = site.run.variables.get("PWD", "")
    return posixpath.normpath(posixpath.join(directory, path)) if directory else path


def opened(site: Site, path: Value | None, mode: Value | None) -> OpenFile:
    """A file opened in some mode; what is opened is written down."""
    where = located(site, path)
    text = likely_text(mode) if mode is not None else "r"
    writing = bool(set(text or "") & set("wax+"))
    if where:
        (site.run.trace.writes if writing else site.run.trace.reads).setdefault(where, site.line)
    return OpenFile(where)


def _open(site: Site) -> Value:
    return opened(site, site.argument(0, "file"), site.argument(1, "mode"))


def _parsed(site: Site) -> Value:
    """`json.load(f)`, `yaml.safe_load(text)`: the data of the file."""
    source = plain(site.argument(0) or SOMETHING)
    if (text := likely_text(source)) is not None:
        return _from_json(text, site)
    if isinstance(source, OpenFile):
        return site.run.file_data(source.path, site.line)
    if isinstance(source, Unknown) and source.root.startswith("file ") and not source.path:
        return site.run.file_data(source.root[5:], site.line)
    return source if isinstance(source, Unknown) and source.root else site.result()


def _from_json(text: str, site: Site) -> Value:
    try:
        return from_data(json_of(text))
    except ValueError:
        return site.result()


def _exists(site: Site) -> Value:
    return Unknown(f"exists {likely_text(plain(site.argument(0) or SOMETHING))}")


def _command(site: Site) -> Value:
    """`subprocess.run([...])`, `os.system("…")`: units it starts, files it rewrites."""
    first = site.argument(0, "args") or SOMETHING
    parts = first.items if isinstance(first, Items) else tuple(site.arguments)
    words = [likely_text(plain(part)) for part in parts]
    if len(words) == 1 and words[0] and " " in words[0]:
        words = list(_words(words[0]))
    if "systemctl" in words:
        rest = [word for word in words[words.index("systemctl") + 1 :] if word]
        plain_words = [word for word in rest if not word.startswith("-")]
        if plain_words and plain_words[0] in STARTING:
            for unit in plain_words[1:]:
                site.run.trace.units.setdefault(unit, site.line)
    if "sed" in words and "-i" in words and words[-1]:
        site.run.trace.writes.setdefault(words[-1], site.line)
    return site.result()


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


FUNCTIONS: dict[str, Effect] = {
    "builtins.open": _open,
    "io.open": _open,
    "aiofiles.open": _open,
    "codecs.open": _open,
    "os.path.exists": _exists,
    "os.path.isfile": _exists,
    "os.access": _exists,
    "subprocess.run": _command,
    "subprocess.Popen": _command,
    "subprocess.call": _command,
    "subprocess.check_call": _command,
    "subprocess.check_output": _command,
    "os.system": _command,
    "asyncio.create_subprocess_exec": _command,
    "asyncio.create_subprocess_shell": _command,
    "json.load": _parsed,
    "json.loads": _parsed,
    "yaml.safe_load": _parsed,
    "yaml.load": _parsed,
    "yaml.full_load": _parsed,
    "tomllib.load": _parsed,
    "tomllib.loads": _parsed,
    "tomli.load": _parsed,
    "orjson.loads": _parsed,
}
