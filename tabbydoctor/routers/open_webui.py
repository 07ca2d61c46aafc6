"""Open WebUI: the addresses and keys of its environment, as .env or compose files hold them.

They count until its first start alone: from then on what was saved in its settings does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tabbydoctor.records import replace
from tabbydoctor.routers import HandEdit, Miss, RouterReading
from tabbydoctor.routers.gateways.passage import NO_KEY, Passage, SentKey, of_variable, written
from tabbydoctor.routers.gateways.reading import reading_of
from tabbydoctor.routers.gateways.requests import COMPLETION, is_served

name = "open-webui"
_SETTING = re.compile(
    r"^(?P<before>[ \t]*(?:-[ \t]+)?(?:export[ \t]+|Environment=)?[\"']?)"
    r"(?P<name>OPENAI_API_(?:BASE_URLS?|KEYS?))"
    r"(?P<is>[ \t]*[:=][ \t]*)(?P<value>[^\n#]*)",
    re.MULTILINE,
)
_ROOT = re.compile(r"^(https?://[^/\s]+)(/\S*)?$")
_VARIABLE = re.compile(r"\$\{?(\w+)(?::?[-?][^}]*)?\}?")


def recognises(path: str, text: str) -> bool:
    """Whether a file sets up Open WebUI."""
    said = re.search(r"open-?webui", f"{path}\n{text}", re.IGNORECASE)
    return bool(said and re.search(r"OPENAI_API_BASE_URLS?[ \t]*[:=]", text))


def read(
    path: str,
    text: str,
    tabby_urls: tuple[str, ...],
    *,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "",
    roots: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
) -> RouterReading:
    """Each address with the key at its place in the list (`;` stands between them)."""
    text = text.replace("\0", "\n")  # of a process: proc_pid_environ(5)
    given = {found["name"]: found for found in _SETTING.finditer(text)}
    urls = given.get("OPENAI_API_BASE_URLS") or given.get("OPENAI_API_BASE_URL")
    if urls is None:
        return RouterReading(path, name, "it names no OPENAI_API_BASE_URL")
    keys = given.get("OPENAI_API_KEYS") or given.get("OPENAI_API_KEY")
    passages = list(_passages(path, text, urls, keys))
    if path.startswith("/proc/"):
        passages = [replace(one, by_hand=()) for one in passages]
    return reading_of(name, path, passages, tabby_urls)


def _passages(
    path: str, text: str, urls: re.Match[str], keys: re.Match[str] | None
) -> Iterator[Passage]:
    line = text.count("\n", 0, urls.start("name")) + 1
    values = _values(keys)
    key_line = text.count("\n", 0, keys.start("name")) + 1 if keys else 0
    for number, url in enumerate(_values(urls)):
        root = _ROOT.match(url)
        if root is None:
            continue
        value = values[number] if number < len(values) else ""
        sent = f"{(root[2] or '').rstrip('/')}/chat/completions"
        plain = f"{root[1]}/v1"
        why = f"Open WebUI adds /chat/completions to its address, and asks for {sent}"
        miss = None if is_served(sent) else Miss(path, line, url, plain, why)
        yield Passage(
            path, line, root[1], "tabby" if "tabby" in url.lower() else url, "Open WebUI", "POST",
            COMPLETION, sent, _key(value, path, key_line), miss=miss,
            by_hand=tuple(_edits(path, line, urls, keys, key_line, number, plain if miss else "")),
        )  # fmt: skip


def _values(found: re.Match[str] | None) -> list[str]:
    return (
        [each.strip() for each in found["value"].strip().strip("\"'").split(";")] if found else []
    )


def _key(value: str, path: str, line: int) -> SentKey:
    if not value:
        return NO_KEY
    variable = _VARIABLE.fullmatch(value)
    return of_variable(variable[1], path, line) if variable else written(value, path, line)


def _edits(
    path: str, line: int, urls: re.Match[str], keys: re.Match[str] | None, key_line: int,
    number: int, plain: str,
) -> Iterator[HandEdit]:  # fmt: skip
    every = _values(keys)
    every += [""] * (number + 1 - len(every))
    every[number] = "<api_key>"
    shape = keys or urls
    key_name = keys["name"] if keys else urls["name"].replace("BASE_URL", "KEY")
    text = _written(shape, key_name, every)
    yield HandEdit("key", path, key_line or line, (text,), int(bool(keys)), "", line)
    if plain:
        addresses = _values(urls)
        addresses[number] = plain
        text = _written(urls, urls["name"], addresses)
        yield HandEdit("path", path, line, (text,), 1, "", line)


def _written(shape: re.Match[str], variable: str, values: list[str]) -> str:
    """A line as another is written: quoted as that, or as its value."""
    around = shape["before"][-1:] if shape["before"][-1:] in ("'", '"') else ""
    own = shape["value"][:1] if shape["value"][:1] in ("'", '"') else ""
    return f"{shape['before']}{variable}{shape['is']}{own}{';'.join(values)}{own}{around}"
