"""The edits by which nginx takes the key from a file of its own, where a location passes on."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.routers.gateways.splices import KEY_FILE, TextEdit
from tabbydoctor.routers.nginx.by_hand import OWN
from tabbydoctor.routers.nginx.headers import headers
from tabbydoctor.routers.nginx.level import Level, words
from tabbydoctor.routers.nginx.syntax import Directive


def take_key(scope: Level, passing: Directive) -> Iterator[TextEdit]:
    """The key in the place of its own; what it inherits is repeated, as its own headers cancel
    that."""
    level, given = headers(scope)
    keys = [one for one in given if one.args and one.args[0].lower() in OWN]
    lines = [f"include {KEY_FILE};"]
    if level is not None and level.block is scope.block:
        yield from (TextEdit(one.file, one.start, one.end) for one in keys)
    else:
        lines = [*(f"{words(one)};" for one in given if one not in keys), *lines]
    yield TextEdit(passing.file, passing.end, passing.end, "\n".join(lines), passing.indent)
