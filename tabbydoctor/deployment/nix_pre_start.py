"""What the module's start script puts in the generated file's place: a file of the store."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator

from tabbydoctor.deployment.nixos import STORE, generated_config
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host import Host

_SCRIPT = re.compile(rf"{STORE}[^\s;]+")
_LONGEST = 64 << 10
_COPIES = ("cp", "install")


def stored_config(host: Host, instance: Instance) -> str | None:
    """The file that each start copies over the generated one; None where that cannot be read.

    As the unit that systemd has loaded says: after a rebuild it names another file of the store.
    """
    unit, config = instance.unit, generated_config(instance)
    if unit is None or config is None:
        return None
    stored = None
    for script in dict.fromkeys(_SCRIPT.findall(unit.get("ExecStartPre"))):
        for source, target in _copied(host, script):
            stored = source if posixpath.normpath(target) == config else stored
    return stored


def _copied(host: Host, script: str) -> Iterator[tuple[str, str]]:
    """Files of the store that a script copies, each with where to."""
    try:
        text = host.read(script, _LONGEST).text()
    except OSError:
        return
    for line in text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if len(words) > 2 and posixpath.basename(words[0]) in _COPIES:
            source, target = words[-2:]
            if source.startswith(STORE):
                yield source, target
