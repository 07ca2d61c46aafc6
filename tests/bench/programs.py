"""Generated routers of any size, in one file or in many: what reading costs as they grow.

Each part has a client of its own, a class, functions and routes; it calls the part before it, and
what all parts share: the settings, and a registry that every part enters.
"""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS = '''\
"""Where the servers are."""
import os

SGLANG_URL = os.environ.get("SGLANG_URL", "http://127.0.0.1:30000")
TABBY_URL = os.environ.get("TABBY_URL", "http://127.0.0.1:5000")
TABBY_KEY = os.environ.get("TABBY_API_KEY", "")
TIMEOUT = float(os.environ.get("TIMEOUT", "60"))
REGISTRY = {}


def headers_for(url):
    return {"Authorization": f"Bearer {TABBY_KEY}"} if url == TABBY_URL else {}
'''
IMPORTS = """\
import httpx
from fastapi import APIRouter, Request
"""
ROUTER = "router = APIRouter()\n"
PART = """

class Server{n}:
    def __init__(self, url=TABBY_URL, retries=2):
        self.url = url
        self.retries = retries
        self.client = httpx.AsyncClient(base_url=url, headers=headers_for(url), timeout=TIMEOUT)

    async def healthy(self):
        try:
            answer = await self.client.get("/health")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def chat(self, body):
        for attempt in range(self.retries):
            answer = await self.client.post("/v1/chat/completions", json=prepared{n}(body, attempt))
            if answer.status_code < 500:
                return answer.json()
        return {{"error": "server {n} fails"}}


def prepared{n}(body, attempt):
    kept = {{name: value for name, value in body.items() if name != "user"}}
    if attempt and "temperature" not in kept:
        kept["temperature"] = 0.{n}
    return kept


server{n} = Server{n}({url})
REGISTRY["model-{n}"] = server{n}


@router.get("/v{n}/ready")
async def ready{n}():
    if not await server{n}.healthy():
        return {{"ready": False, "before": {before}}}
    return {{"ready": True}}


@router.post("/v{n}/chat")
async def chat{n}(request: Request):
    body = await request.json()
    if body.get("model") == "model-{n}":
        return await server{n}.chat(body)
    return await ask{n}(body)


async def ask{n}(body):
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        answer = await client.post(TABBY_URL + "/v1/completions", json=prepared{n}(body, 1))
    if answer.status_code == 503:
        return {other}
    return answer.json()
"""
MAIN = """\
from fastapi import FastAPI, Request

from settings import REGISTRY
{imports}
app = FastAPI()
{included}

@app.post("/v1/chat/completions")
async def chat(request: Request):
    body = await request.json()
    server = REGISTRY.get(body["model"])
    if server is None:
        return {{"error": "no such model"}}
    return await server.chat(body)
"""
LINES_OF_PART = PART.count("\n")
DEPTH = 8
"""Parts that hand a request on from one to the next."""


def part(number: int) -> str:
    """One part; the first of all has none before it."""
    before = f"await server{number - 1}.healthy()" if number else "None"
    other = f"await ask{number - 1}(body)" if number % DEPTH else "None"
    url = "SGLANG_URL" if number % 3 == 1 else ""
    return PART.format(n=number, before=before, other=other, url=url)


def one_file(lines: int) -> dict[str, str]:
    """A router of about so many lines: path -> text, its only file the first."""
    parts = range(max(1, lines // LINES_OF_PART))
    main = MAIN.format(imports="", included="app.include_router(router)\n").replace(
        "from settings import REGISTRY\n", ""
    )
    text = f"{SETTINGS}\n{IMPORTS}{ROUTER}{''.join(map(part, parts))}\n{main}"
    return {"/srv/router/main.py": text}


def many_files(files: int) -> dict[str, str]:
    """A router of so many files, the entry first: path -> text."""
    parts = range(files - 2)
    imports = "".join(f"import part{number}\n" for number in parts)
    included = "".join(f"app.include_router(part{number}.router)\n" for number in parts)
    return {
        "/srv/router/main.py": MAIN.format(imports=imports, included=included),
        "/srv/router/settings.py": SETTINGS,
        **{f"/srv/router/part{number}.py": _module(number) for number in parts},
    }


def _module(number: int) -> str:
    shared = "from settings import REGISTRY, SGLANG_URL, TABBY_URL, TIMEOUT, headers_for\n"
    before = f"from part{number - 1} import ask{number - 1}, server{number - 1}\n" if number else ""
    return f"{IMPORTS}\n{before}{shared}\n{ROUTER}{part(number)}"


def lines_of(program: Mapping[str, str]) -> int:
    """The lines of all files."""
    return sum(text.count("\n") for text in program.values())
