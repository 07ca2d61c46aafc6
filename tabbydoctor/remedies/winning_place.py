"""Setting keys of TabbyAPI's section network in the place that wins, and nowhere else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.records import dataclass
from tabbydoctor.remedies import dropin
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.restarting import refuse_container
from tabbydoctor.tabbyapi.config import ConfigFile, EffectiveConfig
from tabbydoctor.yaml.edit import CannotEdit, set_value

NetworkValue = str | bool | int
_BY_ARGUMENT = ("disable_auth", "port")
"""Keys whose argument is edited; others are left to a person."""


@dataclass(frozen=True, slots=True)
class WinningPlace:
    """Where the keys are set, and why."""

    draft: Draft
    instance: Instance
    why: str
    """The id of the finding that it answers."""
    drop_in: str
    """The name of the drop-in, where one is needed."""

    def set_all(self, config: EffectiveConfig, wanted: Mapping[str, NetworkValue]) -> None:
        """Each key where TabbyAPI takes it from.

        Raises CannotFix where no place can be proven right.
        """
        for key, value in wanted.items():
            setting = config.setting("network", key)
            layer = setting.origin.layer if setting else "default"
            if config.config_argument:
                self._in_file(_file(config, "config-file"), key, value)
            elif layer == "argument":
                self._in_arguments(key, value)
            elif layer == "environment":
                self._in_environment(key, value)
            else:
                self._in_file(_file(config, "working-directory"), key, value)

    def _in_file(self, file: ConfigFile, key: str, value: NetworkValue) -> None:
        refuse_container(self.instance, file.path)
        if file.problem == "missing" and file.role == "config-file":
            raise CannotFix(f"{file.path}, which TabbyAPI is started with, is not there")
        if file.problem not in (None, "missing"):
            raise CannotFix(f"{file.path} cannot be used by TabbyAPI: {file.detail}")
        draft, owner = self.draft, self.instance.user
        if draft.read(file.path) is None:
            uid, gid = (owner.uid, owner.gid) if owner else (0, 0)
            draft.write(file.path, b"", self.why, uid=uid, gid=gid)
        place = ("network", key)
        try:
            draft.edit(file.path, lambda content: set_value(content, place, value), self.why)
        except CannotEdit as error:
            raise CannotFix(
                f"{file.path}:{error.line or 1}: {error.message}",
                f"network:\n  {key}: {_yaml(value)}",
            ) from error

    def _in_environment(self, key: str, value: NetworkValue) -> None:
        """A drop-in wins over `Environment=`, but not over a file: that is edited itself."""
        variable = f"TABBY_NETWORK_{key.upper()}"
        refuse_container(self.instance)  # a quadlet's unit runs the engine, not TabbyAPI
        unit = self._unit(f"network.{key} is decided by {variable} of its environment")
        source = self.instance.environment_sources.get(variable, "")
        if any(source == file.path for file in unit.environment_files):
            self.draft.edit(source, lambda text: _assigned(text, variable, _yaml(value)), self.why)
            return
        self._extend(unit, [f"Environment={variable}={_yaml(value)}"])

    def _in_arguments(self, key: str, value: NetworkValue) -> None:
        refuse_container(self.instance)
        unit = self._unit(f"network.{key} is decided by its command line")
        if key not in _BY_ARGUMENT:
            raise CannotFix(f"--{key} of ExecStart= of {unit.name} has to be changed by hand")
        flag = f"--{key.replace('_', '-')}"
        words = list(unit.command)
        places = [n for n, word in enumerate(words) if word == flag or word.startswith(f"{flag}=")]
        if not places:
            raise CannotFix(f"{flag} is not in ExecStart= of {unit.name}: it comes from a wrapper")
        place = places[-1]
        words[place : place + (1 if "=" in words[place] else 2)] = [flag, _yaml(value)]
        command = " ".join(shlex.quote(word) for word in words)
        self._extend(unit, ["ExecStart=", f"ExecStart={command}"])

    def _extend(self, unit: Unit, lines: list[str]) -> None:
        dropin.extend(self.draft, unit, self.drop_in, lines, self.why, self.instance.user)

    def _unit(self, decided: str) -> Unit:
        if self.instance.unit is None:
            raise CannotFix(f"{decided}, and TabbyAPI runs under no unit")
        return self.instance.unit


def _file(config: EffectiveConfig, role: str) -> ConfigFile:
    return next(file for file in config.files if file.role == role)


def _assigned(content: bytes, variable: str, value: str) -> bytes:
    """An environment file with the last assignment of a variable changed (systemd.exec(5))."""
    lines = content.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    for number in reversed(range(len(lines))):
        if lines[number].lstrip().startswith(f"{variable}="):
            end = lines[number][len(lines[number].rstrip("\r\n")) :]
            lines[number] = f"{variable}={value}{end}"
            break
    return "".join(lines).encode("utf-8", "surrogateescape")


def _yaml(value: NetworkValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
