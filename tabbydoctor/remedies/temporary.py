"""What holds on NixOS until the machine starts anew: a drop-in in /run (systemd.unit(5)).

The module's start script overwrites the generated file, so the unit is started on a copy of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tabbydoctor.deployment.nixos import temporary_copy
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.remedies import dropin, nixos
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.repair.yaml_edit import CannotEdit, set_value


def run_on(
    draft: Draft,
    instance: Instance,
    module: NixModule,
    settings: Mapping[str, str | bool],
    why: str,
) -> None:
    """Start TabbyAPI on the generated file with other keys of the section network."""
    unit, owner = module.unit, instance.user
    content = draft.read(module.config)
    if content is None:
        raise CannotFix(f"{module.config} is not there: it comes with the first start")
    try:
        for key, value in settings.items():
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
    draft.notes.append(
        f"it holds until the machine starts anew: {unit.name} runs on {copy}, and changes of "
        "configuration.nix do not count before tabbydoctor undo"
    )
    draft.manual.append(
        "what is to last is said in configuration.nix: "
        + " ".join(nixos.network_lines(instance, settings))
    )
