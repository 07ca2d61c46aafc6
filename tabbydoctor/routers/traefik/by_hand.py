"""The lines that mend a router of Traefik's, for the file that it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tabbydoctor.routers import HandEdit, Wait
from tabbydoctor.routers.traefik.tree import TraefikTree
from tabbydoctor.yaml.edit import YamlValue
from tabbydoctor.yaml.nodes import KeyPath

if TYPE_CHECKING:
    from tabbydoctor.routers.traefik.dynamic import Router

_MIDDLEWARE, _PATH = "tabby-key", "tabby-path"
_PATIENCE = "600s"


def of_router(
    router: Router, asked: str, *, missed: bool, waits: Iterable[tuple[TraefikTree, Wait]]
) -> Iterator[HandEdit]:
    """A middleware that sets the key, time for an answer, a prefix taken off."""
    tree, names, block = router.tree, router.middlewares, f"router {router.label}"
    place: KeyPath = (*router.place, "middlewares")
    own = ("http", "middlewares", _MIDDLEWARE, "headers", "customRequestHeaders")
    keyed: dict[KeyPath, YamlValue] = {
        place: [*(one for one in names if one != _MIDDLEWARE), _MIDDLEWARE],
        (*own, "Authorization"): "Bearer <api_key>",
        (*own, "X-Api-Key"): "",
        (*own, "X-Admin-Key"): "",
    }
    yield from tree.edits("key", router.line, keyed, block)
    for held, wait in waits:
        none = wait.setting == "writeTimeout"
        value = "0s" if none else _PATIENCE
        yield from held.edits("wait", wait.line, {wait.place: value}, "" if none else block)
    prefix = re.sub(r"(/v1)?/(chat/completions|completions|models)$", "", asked)
    if missed and prefix:
        strip = ("http", "middlewares", _PATH, "stripPrefix", "prefixes")
        both: dict[KeyPath, YamlValue] = {place: [*names, _PATH], strip: [prefix]}
        yield from tree.edits("path", router.line, both, block)
