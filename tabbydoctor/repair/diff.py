"""A file's change as a unified diff, mode and owner included."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator

from tabbydoctor.redaction import Redacted, redact, redact_file, redact_path
from tabbydoctor.repair.states import FileState

LIMIT = 1 << 20
"""Bytes from which on a file is summarised."""
_CONTEXT = 3
_Opcode = tuple[str, int, int, int, int]
_NO_NEWLINE = "\\ No newline at end of file\n"


def unified_diff(path: str, before: FileState | None, after: FileState | None) -> Redacted:
    """The change without secrets: what was hidden is seen to change. Empty where nothing does."""
    if before == after:
        return Redacted()
    shown = redact_path(path)
    content = _content(shown, path, before, after)
    return Redacted("".join([f"diff {shown}\n", *map(redact, _metadata(before, after)), *content]))


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


def _content(
    shown: str, path: str, before: FileState | None, after: FileState | None
) -> Iterator[str]:
    old, new = before.content if before else b"", after.content if after else b""
    if old == new:
        return
    if b"\0" in old + new:
        yield f"binary content: {len(old)} bytes become {len(new)}\n"
    elif max(len(old), len(new)) > LIMIT:
        yield f"content too long to show: {len(old)} bytes become {len(new)}\n"
    else:
        yield f"--- {'/dev/null' if before is None else shown}\n"
        yield f"+++ {'/dev/null' if after is None else shown}\n"
        for line in _hunks(_Side(old, path), _Side(new, path)):
            yield line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}"


class _Side:
    """The lines of a file: as they are compared, and as they are shown."""

    def __init__(self, content: bytes, path: str) -> None:
        text = content.decode("utf-8", "backslashreplace")
        self.lines = _split(text)
        self.shown = _split(redact_file(text, path))

    def range(self, start: int, stop: int) -> str:
        """Lines as a hunk's head tells them: the first and how many."""
        count = stop - start
        first = start + 1 if count else start
        return f"{first}" if count == 1 else f"{first},{count}"


def _hunks(old: _Side, new: _Side) -> Iterator[str]:
    for group in _groups(old.lines, new.lines):
        (_, old_start, _, new_start, _), (_, _, old_stop, _, new_stop) = group[0], group[-1]
        yield f"@@ -{old.range(old_start, old_stop)} +{new.range(new_start, new_stop)} @@\n"
        for tag, one, two, three, four in group:
            if tag == "equal":
                yield from (f" {line}" for line in new.shown[three:four])
                continue
            yield from (f"-{line}" for line in old.shown[one:two])
            yield from (f"+{line}" for line in new.shown[three:four])


def _groups(old: list[str], new: list[str]) -> Iterator[list[_Opcode]]:
    """What changes, with the lines around. Compared is only what lies between the first change
    and the last: comparing takes more than linear time.
    """
    head = max(_common(old, new) - _CONTEXT, 0)
    tail = max(_common(old[head:][::-1], new[head:][::-1]) - _CONTEXT, 0)
    matcher = difflib.SequenceMatcher(
        None, old[head : len(old) - tail], new[head : len(new) - tail]
    )
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        yield [
            (tag, one + head, two + head, three + head, four + head)
            for tag, one, two, three, four in group
        ]


def _common(one: list[str], two: list[str]) -> int:
    """How many lines are the same from the beginning on."""
    pairs = zip(one, two, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _split(text: str) -> list[str]:
    """Lines that end in a line feed only, as diff(1) has them: a carriage return is content."""
    lines = text.split("\n")
    ends = [f"{line}\n" for line in lines[:-1]]
    return [*ends, lines[-1]] if lines[-1] else ends
