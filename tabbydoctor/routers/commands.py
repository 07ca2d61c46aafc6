"""What a router's commands do: units that it starts, files that it rewrites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabbydoctor.source.values import Place

STARTING = ("start", "restart", "try-restart", "reload-or-restart", "enable")
Commands = Iterable[tuple[Sequence[str], Place]]


def started_units(commands: Commands) -> tuple[str, ...]:
    """Units it starts or restarts by systemctl."""
    found: dict[str, None] = {}
    for words, _ in commands:
        if "systemctl" in words:
            rest = [word for word in words[words.index("systemctl") + 1 :] if word]
            plain = [word for word in rest if not word.startswith("-")]
            if plain and plain[0] in STARTING:
                found.update(dict.fromkeys(plain[1:]))
    return tuple(found)


def rewritten(commands: Commands) -> dict[str, int]:
    """Files that `sed -i` edits -> line."""
    return {
        words[-1]: place.line
        for words, place in commands
        if "sed" in words and "-i" in words and words[-1]
    }
