"""What the shape of a source alone proves, however many ways lead through it.

A repair gives each HTTP client a hook that looks at the address of every request when it is made.
Where all clients of a source have it, what each of them asks need not be followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tabbydoctor.routers.marked_block import MarkedBlock
from tabbydoctor.routers.probes import is_open
from tabbydoctor.source.index import index

_CLIENTS = {"AsyncClient", "Client"}
_REQUESTS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "stream"}
_NAMES = (
    "__future__ abc argparse ast asyncio base64 collections concurrent contextlib copy csv "
    "dataclasses datetime enum errno fastapi functools glob gzip hashlib heapq hmac html "
    "inspect io itertools json logging math msgspec operator orjson os pathlib pickle platform "
    "prometheus_client psutil pydantic pydantic_settings pynvml queue random re rich secrets "
    "shlex shutil signal starlette statistics string struct subprocess sys tempfile textwrap "
    "threading time tomllib traceback types typing typing_extensions urllib.parse uuid uvicorn "
    "uvloop warnings yaml zoneinfo"
)
_WITHOUT_NETWORK = frozenset(_NAMES.split())
"""Modules that send no HTTP request of a router's; what else is imported may."""
_SENDS = {"post", "put", "patch", "delete", "request", "stream", "send", "create", "urlopen"}
_STARTS = {
    "run", "Popen", "system", "call", "check_call", "check_output", "kill", "killpg", "terminate",
    "create_subprocess_exec", "create_subprocess_shell", "completion", "acompletion",
    "build_request",
}  # fmt: skip


def wired_throughout(tree: ast.Module, block: MarkedBlock) -> bool:
    """Whether every request of a source is made by a client with the block's hook."""
    hooks = set(block.functions)
    open_alone = {id(call) for node in ast.walk(tree) for call in _asking_openly(node)}
    for node in ast.walk(tree):
        if id(node) in open_alone:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom) and not all(map(_known, _modules(node))):
            return False
        if isinstance(node, ast.Call) and not _served(node, hooks):
            return False
        if isinstance(node, ast.Name) and node.id in ("__import__", "import_module"):
            return False
    return not block.outdated


def _known(module: str) -> bool:
    return (
        module in _WITHOUT_NETWORK
        or module == "httpx"
        or (module.partition(".")[0] in _WITHOUT_NETWORK)
    )


def _modules(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.level:
        yield "."  # the project's own
    else:
        yield node.module or ""
        if node.module == "httpx":  # by a name of its own it would not be recognised
            yield from (f"httpx.{alias.name}" for alias in node.names if alias.asname)


def _served(call: ast.Call, hooks: set[str]) -> bool:
    """Whether a call makes no client and no request by itself, or with the hook."""
    name, of_httpx = _called(call)
    given = [keyword.value for keyword in call.keywords if keyword.arg == "auth"]
    hooked = bool(given) and all(isinstance(one, ast.Name) and one.id in hooks for one in given)
    if name in _CLIENTS or (of_httpx and name in _REQUESTS):
        return hooked
    # `auth=None` of a single request would leave the client's hook out.
    spread = any(keyword.arg is None for keyword in call.keywords)
    return (not given or hooked) and not (spread and name in _REQUESTS)


def _asking_openly(node: ast.AST) -> Iterator[ast.Call]:
    """The clients of a `with` that ask nothing but paths for which TabbyAPI wants no key."""
    if not isinstance(node, ast.With | ast.AsyncWith):
        return
    for item in node.items:
        name = item.optional_vars
        if isinstance(item.context_expr, ast.Call) and isinstance(name, ast.Name):
            uses = [each for each in _walk(node.body) if _is_name(each, name.id)]
            asked = [each for each in _walk(node.body) if _asks_openly(each, name.id)]
            if uses and len(uses) == len(asked):
                yield item.context_expr


def _walk(body: list[ast.stmt]) -> Iterator[ast.AST]:
    return (each for statement in body for each in ast.walk(statement))


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _asks_openly(node: ast.AST, name: str) -> bool:
    """`client.get(f"{URL}/health")`, the path being the end of what is written."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return False
    if node.func.attr not in ("get", "head") or not _is_name(node.func.value, name):
        return False
    end: ast.AST = node.args[0]
    while isinstance(end, ast.JoinedStr | ast.BinOp):
        if isinstance(end, ast.BinOp):
            end = end.right
        elif end.values:
            end = end.values[-1]
        else:
            return False
    text = end.value if isinstance(end, ast.Constant) and isinstance(end.value, str) else ""
    path = text.partition("://")[2].partition("/")[2] if "://" in text else text.lstrip("/")
    return text != "" and is_open(f"/{path}")


def _called(call: ast.Call) -> tuple[str, bool]:
    """The last name of what is called, and whether it is the library's own."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr, isinstance(function.value, ast.Name) and function.value.id == "httpx"
    return (function.id, False) if isinstance(function, ast.Name) else ("", False)


def health_is_harmless(tree: ast.Module) -> bool:
    """Whether the source has a GET /health of its own that can post, start and stop nothing."""
    used: dict[str, set[str]] = {}
    for node, part in index(tree).parts.items():
        if not isinstance(node, ast.ClassDef):
            used.setdefault(part.name, set()).update(part.used)
    handlers = {part.name for node, part in index(tree).parts.items() if _answers_health(node)}
    reached, waiting = set(handlers), list(handlers)
    while waiting:
        names = used[waiting.pop()]
        if names & (_SENDS | _STARTS):
            return False
        further = names & used.keys() - reached
        reached |= further
        waiting += further
    return bool(handlers)


def _answers_health(node: ast.AST) -> bool:
    decorators = [] if isinstance(node, ast.ClassDef) else getattr(node, "decorator_list", [])
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in ("get", "route", "api_route")
        and any(isinstance(one, ast.Constant) and one.value == "/health" for one in each.args)
        for each in decorators
    )
