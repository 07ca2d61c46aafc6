"""Secrets in a unit's `Environment=`, which `systemctl show` tells every local user."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from tabbydoctor.deployment.unit import Unit

_SECRET_NAME = re.compile(
    r"(?i)(?:^|_)(?:(?:API|ADMIN|ACCESS|AUTH|PRIVATE|MASTER)_?KEYS?|SECRET(?:_KEY)?|TOKEN|"
    r"PASSWORD|PASSWD)$"
)
_NO_SECRET = re.compile(
    r"(?i)$|/|%|\$|os\.environ/|(?:none|null|empty|dummy|unused|no|yes|true|false|[\d.]{1,6}|"
    r"sk-no-key-required|not-needed|\[redacted\])$"
)


def exposed_secrets(unit: Unit, keys: Collection[str | None]) -> Iterator[tuple[str, str]]:
    """Variable and value of what is one of the keys, or a secret going by its name."""
    for name, value in unit.environment.items():
        named = _SECRET_NAME.search(name) and not _NO_SECRET.match(value)
        if named or (value and value in keys):
            yield name, value
