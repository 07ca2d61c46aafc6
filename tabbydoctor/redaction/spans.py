"""Parts of a text that must go, and the text without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MARK = "[redacted]"

TextSpan = tuple[int, int]
"""From and to, as in a slice."""


def without(text: str, spans: Iterable[TextSpan]) -> str:
    """The text with a mark in the place of each part. Its lines stay as many as they were."""
    parts: list[str] = []
    done = 0
    for start, end in _outside_marks(text, merged(spans)):
        parts += [text[done:start], _marked(text[start:end])]
        done = end
    return "".join([*parts, text[done:]]) if parts else text


def _marked(hidden: str) -> str:
    """A mark for each line that something stands in; what only indents stays."""
    if "\n" not in hidden:
        return MARK
    lines = hidden.split("\n")
    bare = (line.strip(" \t\r") for line in lines)
    return "\n".join(
        line.replace(word, MARK) if word else line for line, word in zip(lines, bare, strict=True)
    )


def merged(spans: Iterable[TextSpan]) -> Iterator[TextSpan]:
    """The same parts in order, those that overlap as one."""
    ordered = sorted(span for span in spans if span[0] < span[1])
    if not ordered:
        return
    start, end = ordered[0]
    for further, until in ordered[1:]:
        if further < end:
            end = max(end, until)
        else:
            yield start, end
            start, end = further, until
    yield start, end


def _outside_marks(text: str, spans: Iterable[TextSpan]) -> Iterator[TextSpan]:
    """What of the parts is no mark already: a text is redacted once, however often it is asked."""
    mark = text.find(MARK)
    for start, end in spans:
        while mark >= 0 and mark + len(MARK) <= start:
            mark = text.find(MARK, mark + 1)
        while 0 <= mark < end:
            if start < mark:
                yield start, mark
            start = mark + len(MARK)
            mark = text.find(MARK, start)
        if start < end:
            yield start, end
