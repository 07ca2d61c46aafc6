"""Shell commands laid out to a width such that they can still be pasted into a shell."""

from __future__ import annotations

import re

from rich.cells import cell_len

from tabbydoctor.reports.visible import escape, is_visible, visible

CONTINUATION = "    "
_SINGLE = r"'[^']*'"
_DOLLAR = r"\$'(?:\\.|[^'\\])*'"
_DOUBLE = r'"(?:\\.|[^"\\])*"'
_CONTINUED = re.compile(r" *\\\n *")
_QUOTES = ("'", '"', "\\", "$'")
_WORD = re.compile(rf"(?:{_DOLLAR}|{_SINGLE}|{_DOUBLE}|\\.|[^\s'\"\\])+", re.DOTALL)
_SEGMENT = re.compile(rf"{_DOLLAR}|{_SINGLE}|{_DOUBLE}|\\.|[^\s'\"\\]+", re.DOTALL)


def command_lines(command: str, width: int) -> list[str]:
    """A command as lines of at most `width` columns, broken between words with ` \\`.

    A command of several lines keeps them, and one with a here-document is left as it is. A
    word is never broken. Inside single quotes what cannot be seen becomes bash's $'...'.
    """
    if has_here_document(command):
        return [visible(line) for line in command.split("\n")]
    command = _CONTINUED.sub(" ", command)
    written = [line for line in command.split("\n") if line.strip()]
    statements = _statements(command)
    if statements is None:
        return [visible(line) for line in written]
    if len(statements) != len(written):
        # A line break inside quotes: the words are all there is to go by.
        return [line for words in statements for line in _fold(words, width)]
    lines: list[str] = []
    for line, words in zip(written, statements, strict=True):
        fits = is_visible(line) and cell_len(line) <= width
        lines += [line] if fits else _fold(words, width)
    return lines


def has_here_document(command: str) -> bool:
    """Whether lines of the command are the text of a here-document."""
    segments = (found.group() for found in _SEGMENT.finditer(command))
    unquoted = "".join(segment for segment in segments if not segment.startswith(_QUOTES))
    return "\n" in command and "<<" in unquoted


def _statements(command: str) -> list[list[str]] | None:
    """The words of each line; a line break inside quotes belongs to its word.

    None where a quote is not closed: it is not shell, and not ours to take apart.
    """
    statements: list[list[str]] = [[]]
    position = 0
    while position < len(command):
        match = _WORD.match(command, position)
        if match is None and not command[position].isspace():
            return None
        if match is None:
            if command[position] == "\n":
                statements.append([])
            position += 1
            continue
        word = match.group()
        if word.startswith("#"):
            # A comment runs to the end of its line and cannot be continued.
            end = command.find("\n", position)
            position = len(command) if end < 0 else end
            statements[-1].append(visible(command[match.start() : position]))
            continue
        statements[-1].append(_seen(word))
        position = match.end()
    return [words for words in statements if words]


def _seen(word: str) -> str:
    if is_visible(word):
        return word
    return "".join(_seen_segment(segment) for segment in _SEGMENT.findall(word))


def _seen_segment(segment: str) -> str:
    if is_visible(segment) or not segment.startswith("'"):
        return visible(segment)
    body = segment[1:-1].replace("\\", "\\\\")
    escaped = "".join(char if is_visible(char) else escape(char) for char in body)
    return f"$'{escaped}'"


def _fold(words: list[str], width: int) -> list[str]:
    lines = [words[0]]
    for index, word in enumerate(words[1:], start=1):
        room = width if index == len(words) - 1 else width - 2
        longer = f"{lines[-1]} {word}"
        if cell_len(longer) <= room or word.startswith("#"):
            lines[-1] = longer
        else:
            lines[-1] += " \\"
            lines.append(CONTINUATION + word)
    return lines
