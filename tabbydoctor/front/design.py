"""What a front is to be: the little that its files are all made from."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from tabbydoctor.records import dataclass, replace

UNIT = "tabbydoctor-front.service"
UNIT_PATH = f"/etc/systemd/system/{UNIT}"
DIRECTORY = "/etc/tabbydoctor/front"
DESIGN_PATH = f"{DIRECTORY}/front.json"
CONFIG_PATH = f"{DIRECTORY}/tabbydoctor-front.conf"
KEY_PATH = f"{DIRECTORY}/key"
"""The API key as the program includes it; mode 0600, root's."""
FENCE_PATH = f"{DIRECTORY}/fence.nft"
CREDENTIALS_SINCE = 247
"""The systemd release that brought LoadCredential=, by which the front gets the key."""


class DamagedDesign(ValueError):  # noqa: N818 - an answer
    """A design file that this version did not write."""


@dataclass(frozen=True, slots=True)
class FrontDesign:
    """One front."""

    program: str
    """`nginx`, `haproxy` or `caddy`."""
    binary: str
    """Its absolute path."""
    port: int
    """Where it listens, on the loopback."""
    hosts: tuple[str, ...]
    """The loopback addresses it listens on."""
    upstream: str
    """`host:port` of TabbyAPI, an IPv6 address in brackets."""
    router: str
    """The unit of the router that it is for."""
    account: str
    """The name of the router's account."""
    uid: int
    nft: str = ""
    """The program that sets the fence; empty where there is none."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Its base URLs."""
        return tuple(f"http://{place}" for place in self.places)

    @property
    def places(self) -> tuple[str, ...]:
        """`host:port` of each of its sockets."""
        return tuple(f"{_bracketed(host)}:{self.port}" for host in self.hosts)

    @property
    def uids(self) -> tuple[int, ...]:
        """Whom the fence lets connect."""
        return tuple(sorted({0, self.uid}))

    def is_at(self, url: str) -> bool:
        """Whether a URL leads to it."""
        try:
            place = urlsplit(url)
            return place.port == self.port and place.hostname in {*self.hosts, "localhost"}
        except ValueError:
            return False

    def handing_on_to(self, upstream: str) -> FrontDesign:
        """The same front before another address."""
        return replace(self, upstream=upstream)

    def to_json(self) -> bytes:
        """As it is kept beside what it makes."""
        return (json.dumps(asdict(self), indent=1) + "\n").encode("ascii")


def design_of(content: bytes) -> FrontDesign:
    """A design as it is kept. Raises DamagedDesign for all that `to_json` never writes."""
    try:
        document = json.loads(content.decode("ascii"))
        if not isinstance(document, dict):
            raise DamagedDesign("no mapping")
        return _design(document)
    except DamagedDesign:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedDesign(type(error).__name__) from error


def _design(document: Mapping[str, Any]) -> FrontDesign:
    texts = {name: document[name] for name in ("program", "binary", "upstream", "router")}
    texts |= {name: document[name] for name in ("account", "nft")}
    numbers = {name: document[name] for name in ("port", "uid")}
    hosts = document["hosts"]
    if not all(isinstance(text, str) and text.isprintable() for text in (*texts.values(), *hosts)):
        raise DamagedDesign("another kind of value")
    if not all(type(number) is int and number >= 0 for number in numbers.values()):
        raise DamagedDesign("another kind of value")
    if not all(not path or posixpath.isabs(path) for path in (texts["binary"], texts["nft"])):
        raise DamagedDesign("no absolute path")
    return FrontDesign(hosts=tuple(hosts), **texts, **numbers)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
