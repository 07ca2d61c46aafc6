"""api_tokens.yml as TabbyAPI reads it. Keys stay inside: no repr shows them."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.host.data import FileStatus
from tabbydoctor.records import dataclass, field

TOKENS_FILE = "api_tokens.yml"
TokensProblem = Literal["missing", "unreadable", "unparseable", "invalid"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens file where TabbyAPI looks: `api_tokens.yml` in its working directory."""

    path: str
    status: FileStatus | None
    """None where there is none or it may not be seen."""
    problem: TokensProblem | None = None
    """unreadable: by the doctor; unparseable: no YAML; invalid: TabbyAPI exits on it."""
    detail: str = ""
    """The problem in words, never with a key."""
    line: int | None = None
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    admin_key: str | None = field(default=None, repr=False)
    is_list: bool = False
    """Whether `api_key` is a list."""
    empty_api_key: bool = False
    """Whether `api_key` is (or holds) an empty text; `api_keys` leaves it out."""
    above: tuple[FileStatus, ...] = ()
    """Every directory on the way to it."""
    read_instead: str = ""
    """The file that TabbyAPI reads, where the user named another one; else empty."""

    @property
    def api_key(self) -> str | None:
        """The first API key."""
        return self.api_keys[0] if self.api_keys else None
