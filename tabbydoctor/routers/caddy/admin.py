"""Caddy's admin endpoint, which shows the whole configuration to whoever reaches it.

https://caddyserver.com/docs/caddyfile/options#admin
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tabbydoctor.records import dataclass
from tabbydoctor.routers.caddy.syntax import (
    CaddyLine,
    NotCaddyfile,
    caddy_lines,
    expanded_lines,
    sites,
)
from tabbydoctor.routers.gateways.splices import TextEdit
from tabbydoctor.routers.kind import CannotGiveKey

_DEFAULT = frozenset({"localhost:2019", "127.0.0.1:2019", "[::1]:2019", ":2019"})
_OTHERS_WRITE = 0o022
_SOCKET_MODE = re.compile(r"\|0?([0-7]{3})$")


@dataclass(frozen=True, slots=True)
class AdminEndpoint:
    """Where a Caddyfile has it listen, by its global options, which are its first block."""

    main: str
    options: CaddyLine | None
    lines: tuple[CaddyLine, ...]
    """Those with `admin`, of which the last counts."""
    measured: bool = False
    """Measurements are asked for there, and nowhere else."""

    @property
    def address(self) -> str:
        """`off`, or where it listens."""
        words = self.lines[-1].words[1:] if self.lines else ()
        return words[0] if words else "localhost:2019"

    def closed(self, umask: int) -> bool:
        """Whether none but its own account and root can ask it; a connection to a socket takes
        the right to write it, which `umask` leaves to others or not."""
        if self.address == "off":
            return True
        if not self.address.startswith("unix/"):
            return False
        mode = _SOCKET_MODE.search(self.address)
        return not (int(mode[1], 8) if mode else ~umask) & _OTHERS_WRITE

    @property
    def in_use(self) -> str:
        """Why it is not to be moved: somebody chose where it is. Empty where nobody did."""
        place = f"{self.lines[-1].file}:{self.lines[-1].line}: " if self.lines else ""
        if self.lines and self.lines[-1].block is not None:
            return f"{place}the admin endpoint has settings of its own"
        if self.address not in _DEFAULT:
            return f"{place}the admin endpoint was given the address {self.address}"
        return "its measurements are asked for at the admin endpoint" if self.measured else ""

    def moved(self, address: str) -> Iterator[TextEdit]:
        """The edits by which it listens there."""
        for line in self.lines:
            yield TextEdit(line.file, line.start, line.head)
        if self.options is None:
            text = f"{{\n\tadmin {address}\n}}\n\n"
            yield TextEdit(self.main, 0, 0, text, raw=True)
        else:
            head = self.options.head
            yield TextEdit(self.options.file, head, head, f"admin {address}", "\t")


def admin_endpoint(
    path: str, texts: Mapping[str, str], environment: Mapping[str, str]
) -> AdminEndpoint:
    """That of a Caddyfile with all it imports. Raises CannotGiveKey where that is not known."""
    if "CADDY_ADMIN" in environment:
        raise CannotGiveKey("CADDY_ADMIN says where its admin endpoint is: say it in the Caddyfile")
    try:
        parsed = {each: caddy_lines(text, each, environment) for each, text in texts.items()}
    except NotCaddyfile as error:
        raise CannotGiveKey(f"it is not a valid Caddyfile: {error.message}") from error
    snippets = {name: one for given in parsed.values() for name, one in sites(given)[1].items()}
    cuts: list[str] = []
    whole = expanded_lines(parsed[path], snippets, parsed, cuts)
    if cuts:
        raise CannotGiveKey(f"{path} was not read to its end: {'; '.join(cuts)}")
    first = whole[0] if whole and not whole[0].words and whole[0].block is not None else None
    if first is None:
        return AdminEndpoint(path, None, ())
    measures = "metrics" in _names((first,))
    elsewhere = "metrics" in _names(whole[1:])
    return AdminEndpoint(path, first, tuple(first.within("admin")), measures and not elsewhere)


def _names(lines: tuple[CaddyLine, ...]) -> set[str]:
    return {name for one in lines for name in (one.name, *_names(one.block or ()))}
