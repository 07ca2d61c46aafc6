"""Reading the router with all that it runs with: its files, its environment, its directory."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.reader import eyes, reader
from tabbydoctor.facts import Unknown
from tabbydoctor.front.standing import Front
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field, replace
from tabbydoctor.routers import RouterReading, python
from tabbydoctor.routers.entry import installed, not_read
from tabbydoctor.routers.fronted import keyed
from tabbydoctor.routers.included import Included
from tabbydoctor.routers.kinds import BUILT_IN, UNKNOWN, RouterKinds
from tabbydoctor.routers.marked_block import legible
from tabbydoctor.routers.modules import Modules
from tabbydoctor.routers.site.address import unit_texts, written_at
from tabbydoctor.routers.site.content import source_text
from tabbydoctor.routers.site.environment import (
    passed_on,
    router_environment,
    unset_variables,
)
from tabbydoctor.routers.site.gateway_command import expanded
from tabbydoctor.routers.urls import server
from tabbydoctor.source.budget import Budget, budget
from tabbydoctor.source.secret_names import is_secret
from tabbydoctor.tabbyapi.addressing import host_and_port
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.locality import own_names
from tabbydoctor.tabbyapi.probes import Address

_CONFIGURATION = re.compile(r"\.(json|ya?ml|toml|env|ini|cfg|conf)$|/\.env\.\w+$")
_NAMED = re.compile(r"(?i)https?://[\w.-]*tabby[\w.-]*:\d{1,5}")
_SECRET = re.compile("token|secret|credential")


@dataclass(frozen=True, slots=True)
class RouterInputs:
    """What a router is read with, so that the wiring reads it the same way; and what came of it."""

    reading: RouterReading
    urls: tuple[str, ...]
    """TabbyAPI's base URLs, to which its key may be sent."""
    files: Mapping[str, str] = field(repr=False)
    """Path -> text of its program's other modules, and of the configuration files it reads."""
    environment: Mapping[str, str] = field(repr=False)
    directory: str = ""
    roots: tuple[str, ...] = ()
    """The directories that its imports start from."""
    arguments: tuple[str, ...] = ()
    """The command line it is started with."""
    text: str = field(default="", repr=False)
    """Of its file."""

    @property
    def sources(self) -> Mapping[str, str]:
        """Path -> text of its program's modules, the entry first."""
        beside = {path: text for path, text in self.files.items() if path.endswith(".py")}
        return {self.reading.path: self.text, **beside}

    def with_text(self, path: str, text: str) -> RouterInputs:
        """The same program with another text of a module; `reading` stays as it was."""
        if path == self.reading.path:
            return replace(self, text=text)
        return replace(self, files={**self.files, path: text})

    def with_module(self, path: str, text: str) -> RouterReading:
        """What a Python router would do if one of its modules were another text: the part of it.

        The same is read once.
        """
        unchanged = self.sources.get(path) == text
        found = self.reading if unchanged else self.with_text(path, text).read_anew()
        alone = path == found.path and not found.parts
        here = (part for part in found.parts if part.path == path)
        silent = RouterReading(path, "python", cuts=found.cuts)
        return found if alone else next(here, silent)

    def read_anew(self) -> RouterReading:
        """What a Python router of these texts does; the same is read once."""
        return python.read(
            self.reading.path, self.text, self.urls, files=self.files,
            environment=self.environment, directory=self.directory, roots=self.roots,
            arguments=self.arguments,
        )  # fmt: skip


def router_inputs(
    host: Host,
    site: RouterSite,
    address: Address | None,
    config: EffectiveConfig | None,
    kinds: RouterKinds = BUILT_IN,
    front: Front | None = None,
) -> RouterInputs:
    """Read the router. Raises Unknown where its file cannot be read or is of no known kind."""
    with budget() as time:
        found = _router_inputs(host, site, address, config, kinds, time, front)
    served = front is not None and front.serves(site.unit.name if site.unit else None)
    return replace(found, reading=keyed(found.reading, front)) if front and served else found


def _router_inputs(  # noqa: C901 - to be taken apart
    host: Host,
    site: RouterSite,
    address: Address | None,
    config: EffectiveConfig | None,
    kinds: RouterKinds,
    time: Budget,
    front: Front | None,
) -> RouterInputs:
    if site.path is None:
        raise Unknown("the router's source is not known; name it with --router")
    if site.kind == UNKNOWN and installed(site.path):
        raise Unknown(not_read(site.path))
    path, roots = site.path, site.roots
    text = source_text(host if site.named else eyes(host, site), path)
    kind = kinds.named(site.kind)
    if kind is None:
        raise Unknown(f"{path} is no Python, LiteLLM or llama-swap router")
    environment = dict(_environment(site))
    directory, arguments = _directory(site), _arguments(site)
    urls = (*tabby_urls(address, config), *(front.design.urls if front else ()))
    asked = urls

    def read(
        environment: Mapping[str, str],
        files: Mapping[str, str] | None = None,
        before: RouterReading | None = None,
    ) -> RouterReading:
        if before is not None and time.overdrawn:  # what is known stands: more would be less
            return replace(before, cuts=tuple(dict.fromkeys((*before.cuts, *time.cuts))))
        return kind.read(
            path, text, asked, files=files, environment=environment, directory=directory,
            roots=roots, arguments=arguments,
        )  # fmt: skip

    seen = host.seen_by(reader(host, site))  # the source names them
    modules = Modules(seen, ())
    if site.kind == "python":
        modules = Modules.of(seen, path, text, roots)
        roots = tuple(modules.roots)
        _refuse_links(host, site, (path, *modules.files))
    looking = host if _by_root(site) else seen
    included = Included.of(looking, kind, path, text, arguments, directory)
    own = {**modules.files, **included.files}
    reading = read(environment, own)
    files = {**own, **dict(_configurations(seen, site.opened, reading))}
    reading = read(environment, files, reading) if files != own else reading
    if address and address.moved and address.configured_taken and not reading.calls:
        # It asks whoever holds the configured port, and means TabbyAPI.
        asked = (*urls, f"http://{address.configured}")
        reading = read(environment, files, reading)
    given = () if site.kind == "python" else named_after_tabby((text, *own.values()))
    if not reading.calls and (names := (*_by_names(host, urls), *given)):
        # The names of this machine, at TabbyAPI's port: whether they lead there is another matter.
        asked = (*asked, *names)
        reading = read(environment, files, reading)
    while lacked := _lacked(site, reading, environment):
        without = read({**environment, **lacked}, files, reading)
        if without.cuts and time.overdrawn:
            reading = without
            break
        if not _sending(reading) <= _sending(without):
            break
        environment, reading = {**environment, **lacked}, without
    sources = {each: legible(one) for each, one in {**files, path: text}.items()}
    reading = replace(
        reading,
        written_at=written_at(reading.addresses, {**unit_texts(site), **sources}),
        cuts=tuple(dict.fromkeys((*reading.cuts, *modules.cuts, *included.cuts))),
    )
    return RouterInputs(reading, urls, files, environment, directory, roots, arguments, text)


def _refuse_links(host: Host, site: RouterSite, paths: Iterable[str]) -> None:
    """Raises Unknown for a link in what is mounted into a container: inside it leads elsewhere."""
    box = None if site.in_image else site.contained
    for path in paths if box else ():
        if box and host.real_path(path) != path:
            raise Unknown(f"{path} is a link, which leads elsewhere in {box.label}")


def _by_root(site: RouterSite) -> bool:
    """Whether root says which files are read, and reads them: a gateway's workers do not."""
    unit = site.unit
    return site.named or bool(unit and not unit.user_manager and unit.user == "root")


def _environment(site: RouterSite) -> Iterator[tuple[str, str]]:
    for name in filter(is_secret, passed_on(site)):
        yield name, "of the manager"
    if site.user:
        yield "HOME", site.user.home
    for name, value in router_environment(site).items():
        if value or not is_secret(name):
            yield name, value


def _lacked(
    site: RouterSite, reading: RouterReading, environment: Mapping[str, str]
) -> Mapping[str, str]:
    """Variables of a key that nobody sets: it may come from elsewhere then, `get(…) or …`."""
    names = unset_variables(site, reading) if site.kind == "python" else ()
    return {name: "" for name in names if is_secret(name) and environment.get(name) != ""}


def _sending(reading: RouterReading) -> set[tuple[str, int, int]]:
    return {(call.file, call.line, call.column) for call in reading.calls if call.sends_key}


def router_reading(inputs: RouterInputs) -> RouterReading:
    """What the router does."""
    return inputs.reading


def tabby_urls(address: Address | None, config: EffectiveConfig | None) -> tuple[str, ...]:
    """The base URLs that are TabbyAPI's: where it is, and where it is configured to be, if that
    is its address too.
    """
    if address is None:
        place = host_and_port(config.host, config.port) if config else "127.0.0.1:5000"
        return (f"http://{place}",)
    configured = (f"http://{address.configured}",) if address.configured_too else ()
    return tuple(dict.fromkeys((address.url, *configured, *address.by_containers)))


def _by_names(host: Host, urls: Iterable[str]) -> Iterator[str]:
    ports = {port for url in urls if (place := server(url)) for port in place[1:]}
    for name in own_names(host):
        if server(f"http://{name}") != server("http://localhost"):
            yield from (f"http://{name}:{port}" for port in ports)


def named_after_tabby(texts: Iterable[str]) -> tuple[str, ...]:
    """The addresses whose host is named after TabbyAPI: a container's, say."""
    found = (each for text in texts for each in _NAMED.findall(text))
    return tuple(dict.fromkeys(each.lower() for each in found))


def _directory(site: RouterSite) -> str:
    if site.unit and not site.contained:
        return site.unit.working_directory
    return (site.process.cwd if site.process else None) or ""


def _arguments(site: RouterSite) -> tuple[str, ...]:
    """The command line of its next start."""
    if site.unit and site.unit.command and not site.contained:
        return tuple(expanded(site.unit.command, router_environment(site)))
    return tuple(site.process.argv) if site.process else ()


def _configurations(
    host: Host, opened: Callable[[str], str], reading: RouterReading
) -> Iterator[tuple[str, str]]:
    """The configuration files a router reads at its start, tokens left out; `opened` tells where
    a path of the router's is on this machine.
    """
    for path in reading.reads_files:
        named = _CONFIGURATION.search(path) and not _SECRET.search(posixpath.basename(path))
        if path.startswith("/") and named:
            try:
                yield path, host.read(opened(path)).text()
            except (OSError, ValueError):  # ValueError: a path with NUL
                continue


GATHERERS = (router_inputs, router_reading)
