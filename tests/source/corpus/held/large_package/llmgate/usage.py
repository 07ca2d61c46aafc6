from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS usage (
    at REAL NOT NULL, account TEXT NOT NULL, backend TEXT NOT NULL, model TEXT NOT NULL,
    prompt INTEGER NOT NULL, completion INTEGER NOT NULL, status INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS usage_account ON usage (account, at);
"""


class Usage:
    def __init__(self, path: Path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript(SCHEMA)
        self._lock = threading.Lock()

    def add(self, account: str, backend: str, model: str, usage: dict, status: int) -> None:
        row = (
            time.time(), account, backend, model,
            int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0), status,
        )
        with self._lock, self._db:
            self._db.execute("INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def of(self, account: str, since: float = 0.0) -> dict[str, int]:
        with self._lock:
            cursor = self._db.execute(
                "SELECT count(*), coalesce(sum(prompt), 0), coalesce(sum(completion), 0)"
                " FROM usage WHERE account = ? AND at >= ?",
                (account, since),
            )
            requests, prompt, completion = cursor.fetchone()
        return {"requests": requests, "prompt_tokens": prompt, "completion_tokens": completion}

    def close(self) -> None:
        self._db.close()
