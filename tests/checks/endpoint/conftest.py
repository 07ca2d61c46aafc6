"""A real server of the stand-in, and the facts that the real gatherers find about it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tabbydoctor.demo import standin
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host.local import LocalHost
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installed import installation
from tabbydoctor.tabbyapi.layers import effective_config
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.probing import endpoint
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.tabbyapi.tokens_reading import read_tokens
from tabbydoctor.targets import Targets
from tests.contract.server import TOKENS, Program, Server
from tests.host.servers import holder_of

HEALTHY = {
    "api_tokens.yml": TOKENS,
    "models/tiny/config.json": "{}",
    "config.yml": "model:\n  model_name: tiny\n",
}


@dataclass(frozen=True)
class Seen:
    """The facts about a running server and the files beside it, as they are now."""

    endpoint: Endpoint
    config: EffectiveConfig
    tokens: Tokens
    instance: Instance


def look(server: Server, moved: bool = False) -> Seen:
    """Gather the facts about a server; its files may have changed since its start."""
    host = LocalHost()
    instance = Instance(str(server.directory))
    config = effective_config(host, instance, installation(host, instance), Targets())
    tokens = read_tokens(host, f"{server.directory}/api_tokens.yml")
    url = f"http://127.0.0.1:{server.port}"
    address = Address(url, "127.0.0.1:5000", "the test", moved=moved)
    return Seen(probe(address, tokens), config, tokens, instance)


def probe(address: Address, tokens: Tokens | None = None, *, own: bool = False) -> Endpoint:
    """Ask whoever listens there; `own`, and with tokens, it is the TabbyAPI that was found."""
    port = urlsplit(address.url).port or 0
    instance = Instance("/srv/tabby", process=holder_of(port)) if own or tokens else None

    async def once() -> Endpoint:
        host = LocalHost()
        try:
            return await endpoint(host, address, tokens, instance)
        finally:
            await host.close()

    return asyncio.run(once())


Start = Callable[..., Server]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The stand-in, laid out as a checkout."""
    directory = tmp_path_factory.mktemp("checkout")
    standin.install(directory)
    return Program("standin", sys.executable, directory / "main.py")


@pytest.fixture
def start(checkout: Program, tmp_path: Path) -> Iterator[Start]:
    """Starts a server with the healthy files and some others in their place."""
    with ExitStack() as servers:

        def begin(
            files: Mapping[str, str] | None = None,
            env: Mapping[str, str | None] | None = None,
            argv: Sequence[str] = (),
        ) -> Server:
            server = servers.enter_context(Server(checkout, tmp_path / "server"))
            return server.start({**HEALTHY, **(files or {})}, argv, env)

        yield begin


@pytest.fixture
def healthy(start: Start) -> Seen:
    """A healthy deployment."""
    return look(start())
