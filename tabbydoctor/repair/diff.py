"""A file's change as a unified diff, mode and owner included."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tabbydoctor.repair.states import FileState

LIMIT = 1 << 20
"""Bytes from which on a file is summarised."""
_NO_NEWLINE = "\\ No newline at end of file\n"


def unified_diff(path: str, before: FileState | None, after: FileState | None) -> str:
    """The change, **not redacted**. Empty where nothing changes."""
    if before == after:
        return ""
    return "".join([f"diff {path}\n", *_metadata(before, after), *_content(path, before, after)])


def _metadata(before: FileState | None, after: FileState | None) -> Iterator[str]:
    if before is None or after is None:
        one, word = (after, "new") if before is None else (before, "deleted")
        if one is not None:
            yield f"{word} file mode {one.mode:04o}\n{word} file owner {one.uid}:{one.gid}\n"
        return
    if before.mode != after.mode:
        yield f"old mode {before.mode:04o}\nnew mode {after.mode:04o}\n"
    if (before.uid, before.gid) != (after.uid, after.gid):
        yield f"old owner {before.uid}:{before.gid}\nnew owner {after.uid}:{after.gid}\n"
    for name in sorted({*before.xattrs, *after.xattrs}):
        old, new = before.xattrs.get(name), after.xattrs.get(name)
        if old != new:
            word = "added" if old is None else "removed" if new is None else "changed"
            yield f"attribute {name} {word}\n"


def _content(path: str, before: FileState | None, after: FileState | None) -> Iterator[str]:
    old, new = before.content if before else b"", after.content if after else b""
    if old == new:
        return
    if b"\0" in old + new:
        yield f"binary content: {len(old)} bytes become {len(new)}\n"
    elif max(len(old), len(new)) > LIMIT:
        yield f"content too long to show: {len(old)} bytes become {len(new)}\n"
    else:
        yield from _lines(path, old, new, before is None, after is None)


def _lines(path: str, old: bytes, new: bytes, created: bool, removed: bool) -> Iterator[str]:
    for line in difflib.unified_diff(
        _split(old),
        _split(new),
        "/dev/null" if created else path,
        "/dev/null" if removed else path,
    ):
        yield line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}"


def _split(content: bytes) -> list[str]:
    """Lines that end in a line feed only, as diff(1) has them: a carriage return is content."""
    lines = content.decode("utf-8", "backslashreplace").split("\n")
    ends = [f"{line}\n" for line in lines[:-1]]
    return [*ends, lines[-1]] if lines[-1] else ends
