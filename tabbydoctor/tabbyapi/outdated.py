"""How the running TabbyAPI differs from what its files say now."""

from __future__ import annotations

from collections.abc import Iterator

from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.log import RunLog
from tabbydoctor.tabbyapi.log_lines import matches
from tabbydoctor.tabbyapi.probes import Endpoint
from tabbydoctor.tabbyapi.run_start import ChangedSince
from tabbydoctor.tabbyapi.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Difference:
    """What a file says, and what the server does."""

    path: str
    on_disk: str
    running: str


def differences(
    changed: ChangedSince,
    config: EffectiveConfig | None,
    tokens: Tokens | None,
    endpoint: Endpoint | None,
    installation: Installation | None,
    log: RunLog | None,
) -> Iterator[Difference]:
    """What a restart would change, of the files that changed since the start."""
    if config and changed.config_files:
        for expected, actual in _of_config(config, endpoint, log):
            source = changed.config_files[0]
            yield Difference(source, f"on disk: {expected}", f"running: {actual}")
    reloads = installation is not None and installation.live_reload is not False
    if tokens and changed.tokens and not reloads and _refuses(endpoint):
        yield Difference(tokens.path, "its api_key is accepted", "it is refused")


def _of_config(
    config: EffectiveConfig, endpoint: Endpoint | None, log: RunLog | None
) -> Iterator[tuple[str, str]]:
    words = {True: "keys are asked for", False: "no key is asked for"}
    enforced = endpoint.enforces_auth if endpoint and endpoint.identity == "tabbyapi" else None
    if enforced is not None and enforced == config.auth_disabled:
        yield words[not config.auth_disabled], words[enforced]
    served = next(matches(log, "serving"), None) if log and log.present else None
    if served:
        address = served[1].split("://", 1)[1].rstrip("/")
        host, _, port = address.rpartition(":")
        moved = next(matches(log, "port-moved"), None) is not None
        same_port = port == str(config.port) or (moved and port == str(config.port + 1))
        if host.strip("[]") != config.host or not same_port:
            yield f"{config.host}:{config.port}", address


def _refuses(endpoint: Endpoint | None) -> bool:
    answer = endpoint.answer("/v1/auth/permission", "api_key") if endpoint else None
    return answer is not None and answer.status == 401
