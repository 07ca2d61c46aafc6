"""The programs that can be a front, each with the configuration that makes it one.

What all of them keep to: the key is included from a file that root alone can read, whatever the
caller sent as a key is dropped, TabbyAPI's admin routes are refused, nothing is buffered, and
nothing is cut for its length in bytes or in time before a day without a byte.
"""

from __future__ import annotations

import re
from string import Template

from tabbydoctor.front import caddy, haproxy, nginx
from tabbydoctor.front.design import UNIT, FrontDesign
from tabbydoctor.records import dataclass

ADMIN_ROUTES = r"/(load|unload|switch|download)[/\s]*(#.*)?$"
"""The paths of TabbyAPI that ask for the admin key, decoded and in any case: they load, unload or
switch a model, an embedding model, a LoRA, a template or sampling overrides, or download one
(endpoints/core/router.py, up to e632af4). No route that the API key is enough for ends so."""
REFUSAL = '{"detail":"This address is for the API key alone: ask TabbyAPI itself"}'
DROPPED = (
    "Authorization", "Upgrade",
    "X-API-Key", "X_API_Key", "X-API_Key", "X_API-Key",
    "X-Admin-Key", "X_Admin_Key", "X-Admin_Key", "X_Admin-Key",
)  # fmt: skip
"""What callers send that TabbyAPI is not to get: each field it reads a key from, also as a gateway
might respell it, and the wish for another protocol, behind which nothing could be judged (TabbyAPI
knows none)."""
_SENDABLE = re.compile(r"[A-Za-z0-9._~+/=:@!*,^-]+")
"""Keys that mean themselves in the configuration of each."""


@dataclass(frozen=True, slots=True)
class FrontProgram:
    """One program that can be a front."""

    name: str
    binaries: tuple[str, ...]
    """Where distributions install it."""
    template: str
    """Its configuration."""
    key_line: str
    """What stands in the file with the key, which is put in the place of `<key>`."""
    address: str
    """How it is told to listen at one address."""
    drop: str
    """How it is told to drop one of a request's fields."""
    unit_lines: tuple[str, ...]
    """How its unit runs it."""
    jit: bool
    """Whether it compiles its patterns as it runs, and so needs memory to write and execute."""

    def configuration(self, design: FrontDesign) -> str:
        """The configuration of a front. It holds no key."""
        listens = (
            self.address.format(host=_host(place), port=design.port, place=place)
            for place in design.places
        )
        return Template(self.template).substitute(
            listens="\n".join(listens),
            drops="\n".join(self.drop.format(name=name) for name in DROPPED),
            port=design.port,
            upstream=design.upstream,
            admin=ADMIN_ROUTES,
            refusal=REFUSAL,
            key=f"/run/credentials/{UNIT}/key",
        )

    def key_file(self, key: str) -> str:
        """The file with the key."""
        return self.key_line.replace("<key>", key)

    def key_in(self, text: str) -> str | None:
        """The key in such a file; None where it is none."""
        before, _, after = self.key_line.partition("<key>")
        held = text.startswith(before) and text.endswith(after) and len(text) > len(before + after)
        return text[len(before) : len(text) - len(after)] if held else None


PROGRAMS = tuple(
    FrontProgram(
        one.NAME,
        one.BINARIES,
        one.TEMPLATE,
        one.KEY_LINE,
        one.ADDRESS,
        one.DROP,
        one.UNIT_LINES,
        one.JIT,
    )
    for one in (nginx, haproxy, caddy)
)
"""In the order in which one that is installed is taken."""


def program_named(name: str) -> FrontProgram | None:
    """One of them."""
    return next((one for one in PROGRAMS if one.name == name), None)


def sendable(key: str) -> bool:
    """Whether a key can stand in the configuration of each as it is."""
    return _SENDABLE.fullmatch(key) is not None


def _host(place: str) -> str:
    return place.rpartition(":")[0]
