"""What the running server answers: endpoint by credential. Data; `probing.py` asks."""

from __future__ import annotations

from typing import Literal

from tabbydoctor.host.data import HttpAnswer
from tabbydoctor.records import dataclass

Credential = Literal["none", "wrong", "api_key", "admin_key"]
CREDENTIALS: tuple[Credential, ...] = ("none", "wrong", "api_key", "admin_key")
PATHS = ("/health", "/v1/auth/permission", "/v1/models", "/v1/model")


@dataclass(frozen=True, slots=True)
class Address:
    """Where TabbyAPI is (or should be) reached."""

    url: str
    """Base URL without a trailing slash, an address that can be connected to."""
    configured: str
    """`host:port` as the configuration says."""
    found_by: str
    trusted: bool = False
    """Another machine, given by the user: the API key may be sent there whoever answers."""
    process_listens: bool | None = None
    """Whether the port is held by TabbyAPI's own process; None where it cannot be told."""
    holder: str = ""
    """Who holds the port, in words, where it is not TabbyAPI's process."""
    moved: bool = False
    """The port is not the configured one."""
    configured_taken: bool = False
    """Another than TabbyAPI, or somebody unseen, listens at the configured port."""
    configured_too: bool = False
    """The configured address is TabbyAPI's as well: it listens there, or will from its next start.

    Where `--url` names another, only if its own process is seen there.
    """
    single: tuple[str, ...] = ()
    """`url` once for each address its host name stands for on this machine, in the order in which
    they are asked; empty where it is one already."""
    listens: tuple[str, ...] = ()
    """`host:port` of each socket of TabbyAPI's own process that is its API, as it is bound; empty
    where none is seen."""
    inner: str = ""
    """The URL of TabbyAPI's own socket where `url` is another: asked behind a forwarder."""
    by_containers: tuple[str, ...] = ()
    """The URLs by which other containers know one: by its name, its service, its address."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The answers of one listener."""

    address: Address
    reached: bool
    """Something answered HTTP."""
    identity: Literal["tabbyapi", "other", "unknown"]
    """By whose process answers; by /.well-known/serviceinfo where that cannot be seen."""
    serviceinfo: HttpAnswer
    answers: dict[tuple[str, Credential], HttpAnswer]
    """Only what was asked: no key goes to a listener that is not TabbyAPI."""
    withheld: str = ""
    """Why keys were not sent, in words; empty when they were (or there were none)."""
    admin_withheld: str = ""
    """Why the admin key was not sent, in words; it asks for more than the API key."""
    asked_at: float = 0.0
    """When it was asked, in seconds since the epoch."""

    def answer(self, path: str, credential: Credential = "none") -> HttpAnswer | None:
        """One cell of the table, or None where it was not asked."""
        return self.answers.get((path, credential))

    @property
    def enforces_auth(self) -> bool | None:
        """Whether the server asks for a key; None where its answers do not tell."""
        for path in ("/v1/auth/permission", "/v1/models", "/v1/model"):
            found = self.answer(path)
            if found and found.status == 401:
                return True
            if found and found.status == 200:
                return False
        return None
