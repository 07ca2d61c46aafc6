"""The kinds of router that are known."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from tabbydoctor.records import dataclass
from tabbydoctor.routers.kind import RouterKind

UNKNOWN = "unknown"
"""The kind of a router that no kind recognises."""


@dataclass(frozen=True, slots=True)
class ListedKind:
    """A kind by its name: its module is imported when a file is shown to it."""

    name: str
    module: str

    def load(self) -> RouterKind:
        """The kind itself."""
        return cast(RouterKind, import_module(self.module))


@dataclass(frozen=True, slots=True)
class RouterKinds:
    """The kinds that are known, in the order in which a file is shown to them. A fact."""

    listed: tuple[RouterKind | ListedKind, ...]

    def named(self, name: str) -> RouterKind | None:
        """The kind of a name; None for one that nobody brought."""
        return next((_loaded(kind) for kind in self.listed if kind.name == name), None)

    def of(self, path: str, text: str) -> str:
        """The name of the kind that a file is of, or `unknown`."""
        found = (kind.name for kind in self.listed if _loaded(kind).recognises(path, text))
        return next(found, UNKNOWN)


def _loaded(kind: RouterKind | ListedKind) -> RouterKind:
    return kind.load() if isinstance(kind, ListedKind) else kind


BUILT_IN = RouterKinds(
    tuple(
        ListedKind(name, f"tabbydoctor.routers.{name.replace('-', '_')}")
        for name in (
            *("python", "litellm", "llama-swap", "nginx", "haproxy", "caddy"),
            *("open-webui", "sillytavern", "traefik"),
        )
    )
)
