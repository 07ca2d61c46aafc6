"""What holds on NixOS until the machine starts anew: a drop-in in /run (systemd.unit(5)).

The module's start script overwrites the generated file, so the unit is started on a copy of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tabbydoctor.deployment.nixos import temporary_copy
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.remedies import dropin, nixos
from tabbydoctor.remedies.auth_off_already import said
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.yaml.edit import CannotEdit, set_value


def run_on(
    draft: Draft,
    instance: Instance,
    module: NixModule,
    config: EffectiveConfig,
    settings: Mapping[str, str | bool],
    why: str,
) -> None:
    """Start TabbyAPI on the generated file with other keys of the section network.

    It stays on the address that `config` has, whatever a hand has written into that file.
    """
    unit, owner = module.unit, instance.user
    content = draft.read(module.config)
    if content is None:
        raise CannotFix(f"{module.config} is not there: it comes with the first start")
    try:
        for key, value in {"host": config.host, **settings}.items():
            content = set_value(content, ("network", key), value)
    except CannotEdit as error:
        raise CannotFix(f"{module.config}: {error.message}") from error
    copy = temporary_copy(module.config)
    uid, gid = (owner.uid, owner.gid) if owner else (0, 0)
    draft.write(copy, content, why, mode=0o600, uid=uid, gid=gid)
    words = (word.replace(module.config, copy) for word in unit.command)
    command = " ".join(shlex.quote(word) for word in words)
    text = f"{dropin.HEADER}[Service]\nExecStart=\nExecStart={command}\n"
    if draft.write(dropin.path_of(unit, "disable-auth"), text.encode(), why):
        draft.reload(unit, why)
    _note(draft, unit, copy)
    _lasting(draft, instance, settings)


def in_force(draft: Draft, instance: Instance, module: NixModule, config: EffectiveConfig) -> None:
    """Such a repair that was made before: it is still to be said where it lasts."""
    _note(draft, module.unit, temporary_copy(module.config))
    wanted: dict[str, str | bool] = {}
    for key in ("disable_auth", "host"):
        setting = config.setting("network", key)
        here = setting is not None and setting.origin.path == module.temporary
        if setting and here and said(module, key) != setting.value:
            wanted[key] = setting.value
    if wanted:
        _lasting(draft, instance, wanted)
    else:
        undo = invocation("undo", root=True)
        draft.manual.append(f"configuration.nix says it by now: {undo} ends this")


def _note(draft: Draft, unit: Unit, copy: str) -> None:
    draft.notes.append(
        f"it holds until the machine starts anew: {unit.name} runs on {copy}, and changes of "
        f"configuration.nix do not count before {invocation('undo', root=True)}"
    )


def _lasting(draft: Draft, instance: Instance, settings: Mapping[str, str | bool]) -> None:
    draft.manual.append(
        "what is to last is said in configuration.nix: "
        + " ".join(nixos.network_lines(instance, settings))
    )
