"""What somebody changed in the file that NixOS copies into place at each start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.host import FileContent
from tabbydoctor.nixos.key_lines import WantedKeys
from tabbydoctor.yaml import yaml12

_SLACK = 2.0  # seconds: the clocks of boot time and file system do not agree to the last


def edits(
    instance: Instance, copy: FileContent | None, stored: FileContent | None
) -> WantedKeys | None:
    """The keys that differ, as the copy has them.

    Nothing where the copy is older than both the other and the start: then it was NixOS that
    has another file since. None where the copy holds no key at all, or is no YAML.
    """
    if copy is None or stored is None or copy.data == stored.data:
        return {}
    changed, started = _changed(copy), instance.process.started if instance.process else None
    if changed < _changed(stored) and not (started and changed > started + _SLACK):
        return {}
    there, here = (dict(_keys(content(file))) for file in (stored, copy))
    if there and not here:
        return None
    return {one: here.get(one) for one in {**there, **here} if here.get(one) != there.get(one)}


def content(file: FileContent | None) -> Mapping[str, Any]:
    """As TabbyAPI reads it; nothing of what is no mapping."""
    data = yaml12.document(file.data).data if file else None
    return data if isinstance(data, dict) else {}


def _changed(file: FileContent) -> float:
    """In the store the time of modification is always the same one."""
    return max(file.status.modified, file.status.changed)


def _keys(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    for section, keys in data.items():
        for key, value in keys.items() if isinstance(keys, dict) else ():
            yield (str(section), str(key)), value
