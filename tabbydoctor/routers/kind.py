"""A kind of router: what recognises and reads it, and gives its file the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tabbydoctor.routers import RouterReading

if TYPE_CHECKING:
    from tabbydoctor.routers.gateways.passage import Passage


class CannotGiveKey(Exception):  # noqa: N818 - an answer, not a fault
    """Why the file cannot be given the key; `manual` is what to paste by hand, lines and all."""

    def __init__(self, message: str, manual: str = "") -> None:
        super().__init__(message)
        self.message, self.manual = message, manual


class RouterKind(Protocol):
    """One kind of router: what recognises its file and reads it, without ever running it."""

    @property
    def name(self) -> str:
        """The kind, as reports name it: `litellm`."""
        ...

    def recognises(self, path: str, text: str) -> bool:
        """Whether a file is a router of this kind."""
        ...

    def read(
        self,
        path: str,
        text: str,
        tabby_urls: tuple[str, ...],
        *,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        directory: str = "",
        roots: tuple[str, ...] = (),
        arguments: tuple[str, ...] = (),
    ) -> RouterReading:
        """What it sends where; never raises for what the file holds: see RouterReading.problem.

        `tabby_urls` are TabbyAPI's base URLs; `files` are other files it reads, by path;
        `environment`, `directory` and `arguments` are those of its process; `roots` are the
        directories that a program's imports start from.
        """
        ...


@runtime_checkable
class IncludingKind(RouterKind, Protocol):
    """A kind whose file is one of several: it includes others, or is included itself."""

    @property
    def mains(self) -> tuple[str, ...]:
        """Where the file usually is that it begins with."""
        ...

    def includes(self, path: str, text: str, main: str) -> tuple[str, ...]:
        """What a file includes: absolute paths or patterns of glob(7). `main` is the first file."""
        ...


@runtime_checkable
class GivenKind(RouterKind, Protocol):
    """A kind whose command line may name several files, or where they are."""

    def given(self, arguments: Sequence[str], directory: str) -> tuple[str, ...]:
        """What a command line names: absolute paths or patterns of glob(7), in its order."""
        ...


@runtime_checkable
class KeyedKind(RouterKind, Protocol):
    """A kind whose file refers to a variable of the environment for the key."""

    def with_key(self, content: bytes, tabby_urls: tuple[str, ...]) -> bytes:
        """The file with TABBY_API_KEY referred to wherever it reaches TabbyAPI, nowhere else.

        Raises CannotGiveKey where it cannot send a key, CannotEdit (see `tabbydoctor.yaml.text`)
        where no place can be proven right.
        """
        ...


@runtime_checkable
class PlacedKind(RouterKind, Protocol):
    """A gateway that takes the key from a file of its own, which its configuration names."""

    @property
    def key_file(self) -> str:
        """What stands in that file, `<api_key>` being the key."""
        ...

    def passages(
        self,
        path: str,
        texts: Mapping[str, str],
        tabby_urls: tuple[str, ...],
        environment: Mapping[str, str],
        cuts: list[str],
    ) -> list[Passage]:
        """Every way through it, by the texts of its files, each with what gives it the key."""
        ...
