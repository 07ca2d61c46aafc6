"""The state of files to the byte, for "nothing else changed" and "taken back completely".

The second half runs inside the machine, on the system's Python: standard library only.
"""

import base64
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class FileState(NamedTuple):
    """What a repair must keep of a file: everything but its times and inode."""

    content: bytes | None  # a link's target; None for directories, sockets, devices
    mode: int  # type and permission bits, as in stat(2)
    uid: int
    gid: int
    xattrs: dict[str, bytes]  # access control lists are among them


def parse(document: str) -> dict[str, FileState]:
    """The snapshot that `main` printed."""
    return {path: _from_json(state) for path, state in json.loads(document).items()}


def _from_json(state: dict[str, Any]) -> FileState:
    content = state["content"]
    return FileState(
        content=None if content is None else base64.b64decode(content),
        mode=state["mode"],
        uid=state["uid"],
        gid=state["gid"],
        xattrs={name: base64.b64decode(value) for name, value in state["xattrs"].items()},
    )


def main(paths: list[str]) -> None:
    """Print the state of the paths, and of all below them; missing ones are left out."""
    json.dump({str(path): _to_json(path) for path in _walk(paths)}, sys.stdout)


def _walk(paths: list[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if os.path.lexists(path):
            yield path
        if path.is_dir() and not path.is_symlink():
            yield from sorted(path.rglob("*"))


def _to_json(path: Path) -> dict[str, Any]:
    status = path.lstat()
    names = os.listxattr(path, follow_symlinks=False)
    return {
        "content": _content(path, status.st_mode),
        "mode": status.st_mode,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "xattrs": {name: _encode(os.getxattr(path, name, follow_symlinks=False)) for name in names},
    }


def _content(path: Path, mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return _encode(path.read_bytes())
    if stat.S_ISLNK(mode):
        return _encode(os.fsencode(path.readlink()))
    return None


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
