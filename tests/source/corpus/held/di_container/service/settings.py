import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    url: str
    token: str | None


@dataclass(frozen=True, slots=True)
class AppSettings:
    local: UpstreamSettings
    cloud: UpstreamSettings


@cache
def load() -> AppSettings:
    return AppSettings(
        local=UpstreamSettings(os.environ["LOCAL_URL"], os.environ.get("LOCAL_TOKEN")),
        cloud=UpstreamSettings(os.environ["CLOUD_URL"], os.environ.get("CLOUD_TOKEN")),
    )
