"""The settings file: TOML with the same names as the options (`dir`, `router_unit`, …)."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Mapping

from tabbydoctor.cli.errors import CommandError
from tabbydoctor.cli.nearest import did_you_mean
from tabbydoctor.host import files
from tabbydoctor.records import dataclass, field, fields
from tabbydoctor.targets import Targets

SYSTEM = "/etc/tabbydoctor/settings.toml"
_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class Settings:
    """What a settings file gives."""

    path: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def names() -> list[str]:
    """The settings there are."""
    return [one.name for one in fields(Targets) if one.name != "given_by"] + ["state_dir"]


def load_settings(path: str | None, environment: Mapping[str, str]) -> Settings:
    """The given file, or the first that exists of the user's and the system's.

    Raises CommandError naming file, line and way out.
    """
    for candidate in [path] if path else _usual_places(environment):
        try:
            if not path and _bent(candidate):
                continue
            text = _read(candidate)
        except OSError as error:
            if path or not isinstance(
                error, FileNotFoundError | PermissionError | NotADirectoryError
            ):
                raise CommandError(
                    f"{candidate}: {error.strerror}", hint="--settings names a TOML file"
                ) from error
            continue
        return Settings(candidate, _parsed(candidate, text))
    return Settings()


def _bent(path: str) -> bool:
    """Whether others than root and the doctor's own user say what stands there: by a HOME that
    sudo kept, another account's settings would steer root's doctor."""
    if files.way(path).shaper is None:
        return False
    sys.stderr.write(f"{path} is not read: others may write it (--settings names it)\n")
    return True


def _read(path: str) -> bytes:
    """Raises OSError; what is no regular file is no settings file."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return file.read(_LIMIT)


def _usual_places(environment: Mapping[str, str]) -> list[str]:
    home = (
        environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '/nonexistent')}/.config"
    )
    return [f"{home}/tabbydoctor/settings.toml", SYSTEM]


def _parsed(path: str, text: bytes) -> dict[str, str]:
    from tabbydoctor.documents import toml_of

    try:
        data = toml_of(text.decode("utf-8"))
    except ValueError as error:
        raise CommandError(f"{path}: no valid TOML: {error}") from error
    for name, value in data.items():
        if name not in names():
            raise CommandError(
                f"{path}:{_line(text, name)}: there is no setting {name!r}",
                hint=did_you_mean(name, names(), f"settings are {', '.join(names())}"),
            )
        if not isinstance(value, str):
            raise CommandError(f"{path}:{_line(text, name)}: {name} must be a string")
    return data


def _line(text: bytes, name: str) -> int:
    lines = text.decode("utf-8").splitlines()
    return next((n for n, line in enumerate(lines, 1) if line.strip(' "').startswith(name)), 1)
