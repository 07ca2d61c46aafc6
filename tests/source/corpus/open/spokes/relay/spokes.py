"""The servers around the hub."""
import os
import random
from dataclasses import dataclass, field


@dataclass
class Spoke:
    name: str
    base_url: str
    weight: int = 1
    timeout_s: float = 30
    enabled: bool = True
    token_env: str = ""
    failures: int = field(default=0, compare=False)

    @property
    def token(self):
        return os.environ.get(self.token_env, "") if self.token_env else ""

    def url(self, path):
        return self.base_url.rstrip("/") + path


def load(config):
    defaults = config.get("defaults", {})
    found = (Spoke(**{**defaults, **entry}) for entry in config["spokes"])
    return [spoke for spoke in found if spoke.enabled]


def in_order(spokes):
    """All of them, the heavier ones more often first, the failing ones last."""
    drawn = sorted(spokes, key=lambda s: random.random() ** (1 / s.weight), reverse=True)
    yield from sorted(drawn, key=lambda s: s.failures)
