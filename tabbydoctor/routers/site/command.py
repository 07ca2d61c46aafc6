"""Telling which file a command line routes by: a Python program's, or a gateway's configuration."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence

from tabbydoctor.host import Host
from tabbydoctor.records import dataclass, field
from tabbydoctor.routers import entry
from tabbydoctor.routers.site.gateway_command import expanded, gateway_command

_PYTHON = re.compile(r"^(python|pypy)[\d.]*$")
_MODULE = re.compile(r"[A-Za-z_][\w.]*")
_APPLICATION = re.compile(
    r"^(?:asgi:|wsgi:)?(?!unix:|file:|python:)([\w./-]+\.py|[A-Za-z_][\w.]*):[A-Za-z_].*$"
)
_ASSIGNED = re.compile(r"^([A-Za-z_]\w*)=(.*)$", re.S)
_SERVERS = (
    "uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress-serve", "flask", "quart",
    "fastapi",
)  # fmt: skip
"""What serves an application that its arguments name."""
_DIRECTORIES = ("--app-dir", "--chdir", "--working-dir", "--directory")
_DEFAULTS = {
    "flask": ("wsgi.py", "app.py"),
    "fastapi": ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"),
}
"""The files that are served where nothing is named."""
_NAMED_BY = {"flask": ("--app", "-A"), "quart": ("--app", "-A"), "fastapi": ("--entrypoint", "-e")}
"""The options that name it."""
_OPTIONS_WITH_VALUE = ("-X", "-W")


@dataclass(frozen=True, slots=True)
class RouterCommand:
    """A command line that may run a router."""

    path: str | None
    """Its source or configuration file, absolute."""
    kind: str = ""
    """Where the program tells it: `litellm`, `llama-swap`; `unknown` for an installed copy, which
    is not edited; empty: see the file."""
    python: str | None = None
    """The interpreter, where the command names one."""
    roots: tuple[str, ...] = ()
    """The directories that absolute imports start from, as far as the program's own are there."""


def router_command(
    argv: Sequence[str], directory: str, host: Host, environment: Mapping[str, str] | None = None
) -> RouterCommand | None:
    """The command taken apart, or None if it runs neither Python source nor a known gateway.

    `host` is who looks at the files that it names; nothing is run. `environment` is its own.
    """
    line = _Line.of(argv, directory, host, environment or {})
    names = [posixpath.basename(word) for word in line.words[:6]]
    if "litellm" in names:
        return RouterCommand(line.path_of(("--config", "-c")), "litellm", line.python)
    if any(name.startswith("llama-swap") for name in names):
        given = line.path_of(("--config", "-config", "-c"))
        return RouterCommand(given or line.absolute("config.yaml"), "llama-swap")
    if gateway := gateway_command(expanded(line.words, line.environment), line.directory, host):
        return RouterCommand(*gateway)
    found = line.served() or line.run()
    if found and found.path and entry.installed(found.path) and found.path not in line.words:
        return RouterCommand(found.path, "unknown", found.python)
    return found


@dataclass(frozen=True)
class _Line:
    """A command line with where it runs."""

    words: list[str]
    directory: str
    host: Host
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(
        cls, argv: Sequence[str], directory: str, host: Host, environment: Mapping[str, str]
    ) -> _Line:
        """With what `sh -c` and `env` say: another directory, further variables."""
        words = _words(argv)
        given = dict(environment)
        while words:
            assigned = _ASSIGNED.match(words[0])
            if assigned:
                given[assigned[1]] = assigned[2]
            elif words[0] == "cd" and words[2:3] in (["&&"], [";"]):
                directory = posixpath.normpath(posixpath.join(directory, words[1]))
                words = words[2:]
            elif posixpath.basename(words[0]) not in ("exec", "env"):
                break
            words = words[1:]
        return cls(words, directory, host, given)

    @property
    def python(self) -> str | None:
        """The interpreter that it names."""
        return next((word for word in self.words if _is_python(word)), None)

    def served(self) -> RouterCommand | None:
        """What a server serves that is run: `pkg.main:app`, a file, what a variable names."""
        names = [posixpath.basename(word) for word in self.words]
        at = next((n for n, name in enumerate(names) if name in _SERVERS), None)
        if at is None or any(name.endswith(".py") for name in names[:at]):
            return None
        server, words = names[at], self.words[at + 1 :]
        base = self.path_of(_DIRECTORIES) or self.directory
        named = self.option(_NAMED_BY.get(server, ()))
        named = named or next((word for word in words if _APPLICATION.match(word)), "")
        named = named or self.environment.get(f"{server.upper()}_APP", "")
        application, roots = _APPLICATION.match(named), self.roots(base)
        name = application[1] if application else named
        if server == "gunicorn" and not name:  # `application` is served where none is named
            modules = (word for word in words if _MODULE.fullmatch(word))
            name = next((m for m in modules if entry.module_file(self.host, m, roots)), "")
        if name and not name.endswith(".py"):
            return self.command(self.found(name, roots), roots)
        files = [name] if name else [word for word in words if word.endswith(".py")]
        files += [*_DEFAULTS.get(server, ())]
        paths = [posixpath.normpath(posixpath.join(base, file)) for file in files]
        there = [path for path in paths if entry.is_file(self.host, path)] or paths[: bool(name)]
        if not there:
            return None
        return self.command(there[0], self.roots(entry.outermost(self.host, there[0])))

    def run(self) -> RouterCommand | None:
        """What is run itself: a script, a module, what an installed script calls."""
        for index, word in enumerate(self.words):
            if word.endswith(".py"):
                path = self.absolute(word)
                return self.command(path, self.roots(posixpath.dirname(path)))
            module = self.words[index + 1] if word == "-m" and index + 1 < len(self.words) else ""
            if module and self.python:
                roots = self.roots(self.directory)
                return self.command(self.found(module, roots, run=True), roots)
        return self.script(_interpreted(self.words)) or self.program()

    def program(self) -> RouterCommand | None:
        """A program of its own that is a script: an installed one, or one in Python."""
        for word in self.words[:1]:
            if "/" in word and (found := self.script(word, certain=False)):
                return found
        if "run" in self.words[:2]:  # uv, poetry, pdm: of the project's own environment
            for word in self.words[2:]:
                if not word.startswith("-"):
                    return self.script(f".venv/bin/{word}", certain=False)
        return None

    def script(self, word: str | None, *, certain: bool = True) -> RouterCommand | None:
        """A script without the usual ending; `certain`: an interpreter is given it."""
        if word is None:
            return None
        path = self.absolute(word)
        called = entry.console_script(self.host, path)
        if called:
            roots = self.roots("", called[1])
            return self.command(self.found(called[0], roots, called[1]), roots, called[1])
        text = "" if certain else entry.script_text(self.host, path)
        if certain or "python" in text.partition("\n")[0]:
            return self.command(path, self.roots(posixpath.dirname(path)))
        return None

    def command(
        self, path: str | None, roots: tuple[str, ...], python: str | None = None
    ) -> RouterCommand | None:
        """Roots that hold the file count, too, where it was found elsewhere."""
        if path is None:
            return None
        held = any(path.startswith(f"{root.rstrip('/')}/") for root in roots)
        roots = roots if held else (*roots, entry.outermost(self.host, path))
        return RouterCommand(path, "", self.python or python, roots)

    def found(
        self, module: str, roots: tuple[str, ...], python: str = "", *, run: bool = False
    ) -> str | None:
        """A module's file: of the program, else an installed copy, which may be a link; where
        neither is there, the file that is missing.
        """
        path = entry.module_file(self.host, module, roots, run=run)
        if path is None:
            path = entry.module_file(self.host, module, self.site_directories(python), run=run)
            path = self.host.real_path(path) if path else None
        missing = f"{module.replace('.', '/')}.py"
        return path or (posixpath.join(roots[0], missing) if roots else None)

    def roots(self, first: str, python: str = "") -> tuple[str, ...]:
        """The places that imports start from, in Python's order: of the program, of PYTHONPATH,
        of its environment's editable installs.
        """
        given = [*self.environment.get("PYTHONPATH", "").split(":")]
        given += self.option(("--pythonpath",)).split(",")
        sites = self.site_directories(python)
        editable = [each for site in sites for each in entry.editable_roots(self.host, site)]
        every = (first, *(self.absolute(each) for each in given if each), *editable)
        own = (each for each in every if each and not entry.installed(f"{each}/"))
        return tuple(dict.fromkeys(own))

    def site_directories(self, python: str = "") -> tuple[str, ...]:
        """Where what it imports is installed, where its environment is a virtual one."""
        programs = [self.absolute(word) for word in self.words[:6] if "/" in word]
        programs += [python] if python else []
        programs += [self.absolute(".venv/bin/python")] if "run" in self.words[:2] else []
        environments = entry.environments(self.host, programs)
        return tuple(
            site for each in environments for site in entry.site_directories(self.host, each)
        )

    def option(self, names: tuple[str, ...]) -> str:
        """What an option is given; empty without it."""
        for index, word in enumerate(self.words):
            name, given, value = word.partition("=")
            if name in names and given:
                return value
            if word in names and index + 1 < len(self.words):
                return self.words[index + 1]
        return ""

    def path_of(self, names: tuple[str, ...]) -> str | None:
        """The file or directory that an option names."""
        value = self.option(names)
        return self.absolute(value) if value else None

    def absolute(self, path: str) -> str:
        """A path that is meant from the working directory."""
        return posixpath.normpath(posixpath.join(self.directory, path))


def _words(argv: Sequence[str]) -> list[str]:
    """The words, those of a `sh -c` string included."""
    words = list(argv)
    for index, word in enumerate(words[:-1]):
        shell = posixpath.basename(words[0]) in ("sh", "bash", "dash", "zsh")
        if shell and re.fullmatch(r"-\w*c", word):
            try:
                return shlex.split(words[index + 1])
            except ValueError:
                return words[index + 1].split()
    return words


def _is_python(word: str) -> bool:
    return _PYTHON.match(posixpath.basename(word)) is not None


def _interpreted(words: list[str]) -> str | None:
    """`python router`: what the interpreter is given first."""
    for index, word in enumerate(words):
        if not _is_python(word):
            continue
        rest = words[index + 1 :]
        while rest and rest[0].startswith("-"):
            if rest[0] in ("-c", "-m"):
                return None
            rest = rest[2 if rest[0] in _OPTIONS_WITH_VALUE else 1 :]
        return rest[0] if rest else None
    return None
