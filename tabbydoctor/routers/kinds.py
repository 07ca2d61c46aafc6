"""The kinds of router that are known."""

from __future__ import annotations

from dataclasses import dataclass

from tabbydoctor.routers import (
    caddy,
    haproxy,
    litellm,
    llama_swap,
    nginx,
    open_webui,
    python,
    sillytavern,
    traefik,
)
from tabbydoctor.routers.kind import RouterKind

UNKNOWN = "unknown"
"""The kind of a router that no kind recognises."""


@dataclass(frozen=True, slots=True)
class RouterKinds:
    """The kinds that are known, in the order in which a file is shown to them. A fact."""

    kinds: tuple[RouterKind, ...]

    def named(self, name: str) -> RouterKind | None:
        """The kind of a name; None for one that nobody brought."""
        return next((kind for kind in self.kinds if kind.name == name), None)

    def of(self, path: str, text: str) -> str:
        """The name of the kind that a file is of, or `unknown`."""
        return next((kind.name for kind in self.kinds if kind.recognises(path, text)), UNKNOWN)


BUILT_IN = RouterKinds(
    (python, litellm, llama_swap, nginx, haproxy, caddy, open_webui, sillytavern, traefik)
)
