"""The stand-in's API keys: api_tokens.yml, its validation, its live reload, and who may what.

The rules of TabbyAPI's common/auth.py, oddities included: a wrong X-Admin-Key beside a good
Bearer makes the permission lookup fail, and an empty api_key is matched by `Bearer` followed
by two spaces.
"""

import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .logbook import Logbook

TOKENS_FILE = Path("api_tokens.yml")
POLL_SECONDS = 2.0
_SPLIT_BEARER = 2


class AuthKeys(BaseModel):
    """The document of api_tokens.yml."""

    api_key: str | list[str]
    admin_key: str

    @property
    def api_keys(self) -> list[str]:
        """The API keys, one or many."""
        return [self.api_key] if isinstance(self.api_key, str) else self.api_key


class SingleAuthKeys(AuthKeys):
    """The document before July 2026: exactly one API key."""

    model_config = ConfigDict(title="AuthKeys")

    api_key: str


class RefusedError(Exception):
    """A request without the key it needs; the text is the answer's `detail`."""


class Keyring:
    """Knows the keys and judges the headers of a request."""

    def __init__(self, log: Logbook, *, disabled: bool, key_list: bool) -> None:
        self._log = log
        self._disabled = disabled
        self._document: type[AuthKeys] = AuthKeys if key_list else SingleAuthKeys
        self._reloads = key_list
        self._keys: AuthKeys | None = None

    def load(self) -> None:
        """Read the keys, or make them; with authentication off the file is not touched.

        Raises pydantic.ValidationError, YAMLError or OSError for a file it cannot use.
        """
        if self._disabled:
            self._log.warning(
                "Disabling authentication makes your instance vulnerable. "
                "Set the `disable_auth` flag to False in config.yml if you "
                "want to share this instance with others."
            )
            return
        try:
            self._keys = self._read()
        except FileNotFoundError:
            self._keys = AuthKeys(api_key=secrets.token_hex(16), admin_key=secrets.token_hex(16))
            with TOKENS_FILE.open("w", encoding="utf8") as file:
                YAML().dump(self._keys.model_dump(), file)
        if self._reloads:
            threading.Thread(target=self._watch, args=(_changed_at(),), daemon=True).start()
        self._log.info(
            f"Your API key is: {', '.join(self._keys.api_keys)}\n"
            f"Your admin key is: {self._keys.admin_key}\n"
            "If these keys get compromised, make sure to delete api_tokens.yml "
            "and restart the server. Have fun!"
        )

    def _read(self) -> AuthKeys:
        text = TOKENS_FILE.read_text(encoding="utf8")
        return self._document.model_validate(YAML().load(text))

    def _watch(self, last: float | None) -> None:
        """A changed file replaces the keys; a bad or missing one keeps them."""
        pause = threading.Event()
        while not pause.wait(POLL_SECONDS):
            changed = _changed_at()
            if changed is None or changed == last:
                continue
            last = changed
            try:
                self._keys = self._read()
            except (ValidationError, YAMLError, OSError, ValueError) as error:
                self._log.warning(
                    f"Failed to reload {TOKENS_FILE}, keeping the previous keys: {error}"
                )
            else:
                count = len(set(self._keys.api_keys))
                self._log.info(f"Reloaded auth keys from {TOKENS_FILE} ({count} API key(s)).")

    def permission(self, headers: Mapping[str, str]) -> str:
        """`admin` or `api`. Raises ValueError for a key that is neither."""
        if self._keys is None:
            return "admin"
        names = ("x-admin-key", "x-api-key", "authorization")
        key = next(headers[name] for name in names if name in headers)
        if key.lower().startswith("bearer"):
            key = key.split(" ")[1]
        if key == self._keys.admin_key:
            return "admin"
        if key in self._keys.api_keys:
            return "api"
        raise ValueError("The provided authentication key is invalid.")

    def require_api(self, headers: Mapping[str, str]) -> None:
        """Raises RefusedError unless the request carries an API key or the admin key."""
        if self._keys is not None:
            allowed = [*self._keys.api_keys, self._keys.admin_key]
            _require(headers, "x-api-key", allowed, "an API key", "Invalid API key")

    def require_admin(self, headers: Mapping[str, str]) -> None:
        """Raises RefusedError unless the request carries the admin key."""
        if self._keys is not None:
            allowed = [self._keys.admin_key]
            _require(headers, "x-admin-key", allowed, "an admin key", "Invalid admin key")


def _require(
    headers: Mapping[str, str], own: str, allowed: list[Any], what: str, invalid: str
) -> None:
    """The route's own header decides alone when it is there; then `Authorization: Bearer`."""
    if key := headers.get(own):
        if key not in allowed:
            raise RefusedError(invalid)
    elif bearer := headers.get("authorization"):
        parts = bearer.split(" ")
        if len(parts) < _SPLIT_BEARER or parts[0].lower() != "bearer" or parts[1] not in allowed:
            raise RefusedError(invalid)
    else:
        raise RefusedError(f"Please provide {what}")


def _changed_at() -> float | None:
    try:
        return TOKENS_FILE.stat().st_mtime
    except OSError:
        return None
