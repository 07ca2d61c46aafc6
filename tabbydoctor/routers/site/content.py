"""Whether what a command line runs speaks of TabbyAPI's address: its words, files and variables."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host, Process
from tabbydoctor.records import dataclass

_LOCAL = ("127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]")
_TEXTS = re.compile(r"\.(py|[cm]?[jt]sx?|rb|php|lua|pl|sh|ya?ml|json|toml|ini|conf|cfg|env|go|rs)$")
_CONFIGURED = re.compile(r"\.(cfg|ya?ml|toml)$")
_SYSTEM = re.compile(r"^(/usr/(s?bin|lib\w*|libexec)|/s?bin|/lib\w*|/nix/store)/")
"""Where programs of the distribution are: none of them has TabbyAPI's address built in."""
_CONFIGURATIONS = {
    "nginx": ("/etc/nginx/conf.d/", "/etc/nginx/sites-enabled/", "/etc/nginx/nginx.conf"),
    "caddy": ("/etc/caddy/Caddyfile",),
    "haproxy": ("/etc/haproxy/haproxy.cfg",),
    "traefik": ("/etc/traefik/", "/etc/traefik/conf.d/", "/etc/traefik/dynamic/"),
}
"""Where the distributions' packages and the documentation of each put them."""
_FILE_LIMIT = 512 << 10
_PROGRAM_LIMIT = 32 << 20
_FILES = 12


@dataclass(frozen=True, slots=True)
class Content:
    """What one process or unit runs."""

    texts: tuple[str, ...]
    files: tuple[str, ...] = ()
    """The text files among what it runs, those that its words name first."""

    def mentions(self, address: re.Pattern[str]) -> bool:
        """Whether TabbyAPI's address stands anywhere in it."""
        return any(speaks_of(text, address) for text in self.texts)


def address_pattern(ports: Iterable[int], hosts: Iterable[str] = ()) -> re.Pattern[str]:
    """What finds TabbyAPI's address in a text: this machine's names with one of its ports."""
    names = "|".join(re.escape(name) for name in dict.fromkeys((*_LOCAL, *hosts)) if name)
    numbers = "|".join(str(port) for port in sorted(set(ports)))
    return re.compile(
        rf"(?:{names}):(?:{numbers})(?!\d)|(?P<port>(?<![\w.])(?:{numbers})(?![\w.]))"
    )


def speaks_of(text: str, address: re.Pattern[str]) -> bool:
    """Whether a text holds the address; a port alone counts beside TabbyAPI's name."""
    named = "tabby" in text.lower()
    return any(named or found["port"] is None for found in address.finditer(text))


def content(
    host: Host, argv: Sequence[str], directory: str, entry: str | None, process: Process | None
) -> Content:
    """What a command line runs: its words, the files it names and those that these name in turn,
    the environment of its process, and a program that is not the distribution's.
    """
    # A title that was written over the command line is one word.
    argv = argv[0].split() if len(argv) == 1 else argv
    texts = [" ".join(argv), _environment(host, process)]
    files: list[str] = []
    named = (*([entry] if entry else []), *_named(host, argv, directory), *_usual(host, argv))
    for path in dict.fromkeys(named):
        text = _text(host, path)
        if text:
            files.append(path)
            texts.append(text)
            texts += _neighbours(host, path, text)
    if process and process.executable and not _SYSTEM.match(process.executable):
        texts.append(_program(host, process.executable))
    return Content(tuple(texts), tuple(files))


def _named(host: Host, argv: Sequence[str], directory: str) -> Iterator[str]:
    """The files that the words of a command name."""
    for word in argv[1:40]:
        path = posixpath.normpath(posixpath.join(directory, word.partition("=")[2] or word))
        if len(path) >= 4096 or "\0" in path or path == "/":
            continue
        if _is_file(host, path):
            yield path
        elif word.startswith(("/", "./", "--")):
            yield from _inside(host, path)


def _inside(host: Host, directory: str) -> Iterator[str]:
    """The configurations in a directory that a command names."""
    try:
        names = [name for name in host.names(directory) if _CONFIGURED.search(name)]
    except (OSError, ValueError):
        return
    yield from (f"{directory}/{name}" for name in names[:_FILES])


def _usual(host: Host, argv: Sequence[str]) -> Iterator[str]:
    """The files that a gateway reads where its command line names none."""
    program = re.split(r"[: ]", posixpath.basename(argv[0]), maxsplit=1)[0] if argv else ""
    for place in _CONFIGURATIONS.get(program, ()):
        if not place.endswith("/"):
            yield place
            continue
        try:
            yield from (f"{place}{name}" for name in host.names(place)[:_FILES])
        except OSError:
            continue


def _neighbours(host: Host, path: str, text: str, depth: int = 2) -> Iterator[str]:
    """The texts of files beside it that it imports or names."""
    directory, own = posixpath.split(path)
    try:
        names = [name for name in host.names(directory) if _TEXTS.search(name) and name != own]
    except OSError:
        return
    told = [name for name in names if _imports(text, name)][:_FILES]
    for name in told:
        beside = posixpath.join(directory, name)
        found = _text(host, beside)
        yield found
        if depth > 1:
            yield from _neighbours(host, beside, found, depth - 1)


def _imports(text: str, name: str) -> bool:
    stem = re.escape(name.rpartition(".")[0])
    imported = rf"(?m)^\s*(?:from|import)\s+\.?{stem}\b|[\"']\./{stem}(?:\.\w+)?[\"']"
    return name in text or re.search(imported, text) is not None


def _environment(host: Host, process: Process | None) -> str:
    """Its variables, looked at and not kept."""
    if process is None:
        return ""
    try:
        raw = host.read(f"/proc/{process.pid}/environ", _FILE_LIMIT).data
    except OSError:
        return "\n".join(f"{name}={value}" for name, value in (process.environment or {}).items())
    return raw.replace(b"\0", b"\n").decode("utf-8", errors="replace")


def _is_file(host: Host, path: str) -> bool:
    try:
        return host.status(path).is_file
    except (OSError, ValueError):
        return False


def _text(host: Host, path: str) -> str:
    try:
        found = host.read(path, _FILE_LIMIT)
    except (OSError, ValueError):
        return ""
    return "" if found.truncated or b"\0" in found.data else found.text()


def _program(host: Host, path: str) -> str:
    """A program that is no text: an address may be built into it."""
    try:
        found = host.read(path, _PROGRAM_LIMIT)
    except OSError:
        return ""
    # An address with its port alone: numbers mean nothing in machine code.
    return "" if found.truncated else "\n".join(_ADDRESSES.findall(found.data.decode("latin-1")))


_ADDRESSES = re.compile(r"https?://[\w.\[\]:-]{3,80}|(?:localhost|127\.0\.0\.1):\d{2,5}")


def source_text(host: Host, path: str) -> str:
    """A router's file. Raises Unknown where it cannot be read."""
    try:
        content = host.read(path)
    except PermissionError as error:
        raise Unknown(f"{path} cannot be read without root (use sudo)") from error
    except FileNotFoundError as error:
        raise Unknown(f"{path} is not there; name the router's file with --router") from error
    except OSError as error:
        raise Unknown(f"{path} cannot be read: {error.strerror}") from error
    if content.truncated:
        raise Unknown(f"{path} is too large to be a router's file; name it with --router")
    return content.text()
