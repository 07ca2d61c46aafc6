"""Commands whose effect NixOS takes back: in the store, in its units, or what a start overwrites.

What NixOS writes in /etc are links into the store; what others put there it leaves alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_ALWAYS = re.compile(
    r"systemctl (?:--user )?(?:edit|enable|disable|add-wants|mask|unmask|link)\b"
    r"|\b(?:usermod|gpasswd|useradd|groupadd|apt|apt-get|dnf|update-initramfs|dracut)\b"
)
_EDITS = re.compile(
    r"\b(?:sudoedit|tee|chmod|chown|setfacl|install|mv|rm|cp|ln)\b|\$EDITOR|sed -i|>>?\s*/"
)
_PLACES = ("/nix/store/", "/run/current-system/", "/etc/systemd/system", "/etc/modprobe.d")


def lost_edits(commands: Iterable[str], *, generated: str) -> Iterator[str]:
    """Those of the commands that would change nothing for long."""
    for command in commands:
        places = [place for place in (*_PLACES, generated) if place in command]
        if _ALWAYS.search(command) or (places and _EDITS.search(command)):
            yield command
