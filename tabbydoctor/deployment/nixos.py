"""What NixOS writes: it is changed in configuration.nix, as an edit in its place would not last.

Two questions: does NixOS write this unit (`managed`), and is an edit of this file there after the
next start (`edit_lasts`). A program out of the store answers neither: Nix runs on any
distribution.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator

from tabbydoctor.deployment.parts import Instance, Machine, RouterSite
from tabbydoctor.deployment.unit import Unit

STORE = "/nix/store/"
_LINKS = ("/run/current-system/", "/run/booted-system/", "/etc/static/")
"""Links into the store (NixOS manual, "What happens during a system switch?")."""
DROP_IN = "zz-tabbydoctor-"
"""How the names of the doctor's drop-ins begin."""
_OURS = "tabbydoctor.yml"
"""The name of the copy that `fix --temporary` starts TabbyAPI on, beside the generated file."""


def managed(machine: Machine | None, unit: Unit | None) -> bool:
    """Whether NixOS writes a unit: on NixOS every one of the system's, none of a user's."""
    ours = unit is not None and not unit.user_manager
    return ours and machine is not None and machine.nixos


def edit_lasts(path: str, site: Instance | RouterSite) -> bool:
    """Whether what is edited in a file of TabbyAPI or its router is there after the next start.

    It is not in the store, in /run, or where the unit puts a new one before each start.
    """
    if in_store(path) or path.startswith("/run/"):
        return False
    generated = generated_config(site) if isinstance(site, Instance) else None
    if generated and path in (generated, temporary_copy(generated)):
        return False
    return site.unit is None or path not in site.unit.get("ExecStartPre")


def in_store(path: str) -> bool:
    """Whether a path is in the Nix store, or leads there on every NixOS."""
    return path.startswith((STORE, *_LINKS))


def generated_config(instance: Instance) -> str | None:
    """The file that the NixOS module writes at each start; None where it does not run TabbyAPI.

    Told by the unit: it or its program is in the store, `--config` is below its working
    directory as the module has it, and a script of the store writes that file before each start.
    """
    unit = instance.unit
    if unit is None or unit.user_manager or STORE not in unit.get("ExecStartPre"):
        return None
    paths = (*unit.command[:1], unit.get("FragmentPath"), *(file.path for file in unit.files))
    if not any(path.startswith(STORE) for path in paths):
        return None
    config = f"{instance.directory.rstrip('/')}/config/config.yml"
    given = given_config(instance)
    return config if config in given or temporary_copy(config) in given else None


def temporary_copy(config: str) -> str:
    """Where `fix --temporary` keeps its copy of the generated file."""
    return f"{posixpath.dirname(config)}/{_OURS}"


def temporary_config(instance: Instance) -> str | None:
    """The copy that `fix --temporary` starts TabbyAPI on, while that is in force."""
    config = generated_config(instance)
    copy = temporary_copy(config) if config else None
    return copy if copy in given_config(instance) else None


def temporary_drop_ins(unit: Unit) -> Iterator[str]:
    """What repairs of the doctor's added to a unit until the machine starts anew."""
    for file in unit.files:
        name = posixpath.basename(file.path)
        if file.path.startswith("/run/systemd/") and name.startswith(DROP_IN):
            yield file.path


def given_config(instance: Instance) -> list[str]:
    """What stands after `--config`."""
    words = instance.arguments
    given = [word for flag, word in itertools.pairwise(words) if flag == "--config"]
    return given + [word.removeprefix("--config=") for word in words if "--config=" in word]
