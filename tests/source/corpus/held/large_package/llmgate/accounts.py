from __future__ import annotations

import hmac
import time
from collections import defaultdict, deque
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from .config import AccountConfig


class Accounts:
    def __init__(self, accounts: tuple[AccountConfig, ...]):
        self._accounts = accounts
        self._recent: dict[str, deque[float]] = defaultdict(deque)

    def find(self, key: str) -> AccountConfig | None:
        found = None
        for account in self._accounts:
            if hmac.compare_digest(account.key.encode(), key.encode()):
                found = account
        return found

    def charge(self, account: AccountConfig) -> bool:
        recent, now = self._recent[account.name], time.monotonic()
        while recent and now - recent[0] > 60:
            recent.popleft()
        if len(recent) >= account.per_minute:
            return False
        recent.append(now)
        return True


async def current_account(
    request: Request, authorization: Annotated[str | None, Header()] = None
) -> AccountConfig:
    accounts: Accounts = request.app.state.accounts
    if not authorization or not authorization.startswith("Bearer "):
        raise HTTPException(401, "missing key", {"WWW-Authenticate": "Bearer"})
    account = accounts.find(authorization[len("Bearer "):])
    if account is None:
        raise HTTPException(401, "unknown key")
    if not accounts.charge(account):
        raise HTTPException(429, "too many requests")
    return account


CurrentAccount = Annotated[AccountConfig, Depends(current_account)]
