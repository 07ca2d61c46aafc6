import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Job:
    payload: dict[str, Any]
    result: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass
class Lane:
    name: str
    url: str
    headers: dict[str, str]
    queue: asyncio.Queue = field(default_factory=asyncio.Queue)
    strikes: int = 0
    open: bool = True
