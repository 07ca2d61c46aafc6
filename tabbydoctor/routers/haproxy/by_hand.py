"""The lines that mend HAProxy's configuration where it stands."""

from __future__ import annotations

from tabbydoctor.routers import Concern, HandEdit
from tabbydoctor.routers.haproxy.syntax import ProxyLine, ProxySection

KEY_LINES = (
    'http-request set-header Authorization "Bearer <api_key>"',
    "http-request del-header X-Api-Key",
    "http-request del-header X-Admin-Key",
)
HEALTHY = ("option httpchk GET /health",)
PATIENCE = 600
_HEADERS = ("authorization", "x-api-key", "x-admin-key")


def named(section: ProxySection) -> str:
    """A section, in words."""
    return f"{section.kind} {section.name}".strip()


def give_key(section: ProxySection, mends: int) -> HandEdit:
    """The key, in the place of what its own rules set, behind every rule that looks at one."""
    return _changed(section, "key", KEY_LINES, of_keys(section), mends, anchor(section))


def of_keys(section: ProxySection) -> list[ProxyLine]:
    """Its own rules that change a header of TabbyAPI's keys."""
    return [
        line
        for line in section.own("http-request")
        if len(line.words) > 2 and line.words[2].lower() in _HEADERS
    ]


def anchor(section: ProxySection) -> ProxyLine:
    """What the key comes behind: a rule that refuses callers is to see what they sent."""
    return (section.own("http-request") or [section.head])[-1]


def give_time(section: ProxySection, mends: int) -> HandEdit:
    """A longer wait for an answer."""
    lines = (f"timeout server {PATIENCE}s",)
    return _changed(section, "wait", lines, section.own("timeout", "server"), mends)


def check_health(section: ProxySection, lines: tuple[ProxyLine, ...], mends: int) -> HandEdit:
    """A check that needs no key, in the place of those that are there."""
    return _changed(section, "probe", HEALTHY, list(lines), mends)


def change_path(section: ProxySection, prefix: str, mends: int) -> HandEdit:
    """What takes a prefix off, or leaves the path as it is."""
    old = [
        line
        for line in section.own("http-request")
        if len(line.words) > 1 and line.words[1].endswith(("-path", "-uri", "-pathq"))
    ]
    base = prefix.rstrip("/")
    kept = not base or base.startswith("/v1")
    lines = () if kept else (f"http-request replace-path {base}(/.*)? \\1",)
    return _changed(section, "path", lines, old, mends)


def _changed(
    section: ProxySection,
    concern: Concern,
    lines: tuple[str, ...],
    old: list[ProxyLine],
    mends: int,
    behind: ProxyLine | None = None,
) -> HandEdit:
    """Lines at the head of a section (or `behind` one of its own), or in the place of old ones;
    what is between stays.
    """
    indent = section.lines[0].indent if section.lines else "    "
    text = tuple(f"{indent}{line}" for line in lines)
    file, block = section.head.file, named(section)
    if not old:
        return HandEdit(concern, file, (behind or section.head).number, text, 0, block, mends)
    first, last = old[0].number, old[-1].number
    between = tuple(
        f"{line.indent}{' '.join(map(quoted, line.words))}"
        for line in section.lines
        if first < line.number < last and line not in old
    )
    return HandEdit(concern, file, first, text + between, last - first + 1, block, mends)


def quoted(word: str) -> str:
    """A word as HAProxy reads it back."""
    if "\0" in word:
        parts = word.split("\0")
        inner = "".join(f"${{{part}}}" if n % 2 else part for n, part in enumerate(parts))
        return '"' + inner.replace('"', '\\"') + '"'
    plain = word and not set(word) & set(" \t\"'#\\$")
    return word if plain else "'" + word.replace("'", "'\\''") + "'"
