"""The models that inline loading may load, and what each sets for itself in `tabby_config.yml`."""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.deployment.parts import Instance
from tabbydoctor.deployment.reader import reader
from tabbydoctor.facts import Unknown
from tabbydoctor.host import Host
from tabbydoctor.records import dataclass
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.yaml import yaml12

_FILE = "tabby_config.yml"
_MOST = 200
"""Directories that are looked into."""


@dataclass(frozen=True, slots=True)
class ModelOverrides:
    """Of the directories of `model_dir`."""

    models: Mapping[str, frozenset[str]]
    """Name -> the keys of `model:` that its own file sets."""


def model_overrides(host: Host, instance: Instance, config: EffectiveConfig) -> ModelOverrides:
    """Raises Unknown where the directory may not be looked into."""
    seen = host.seen_by(reader(host, instance))
    directory = instance.path(str(config.value("model", "model_dir") or "models"))
    try:
        names = sorted(seen.names(directory))[:_MOST]
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise Unknown(f"cannot look into {directory}: {error.strerror}") from error
    found = ((name, _keys(seen, f"{directory}/{name}")) for name in names)
    return ModelOverrides({name: keys for name, keys in found if keys is not None})


def _keys(host: Host, directory: str) -> frozenset[str] | None:
    """None where no model is there."""
    try:
        inside = host.names(directory)
        if "config.json" not in inside:
            return None
        if _FILE not in inside:
            return frozenset()
        data = yaml12.document(host.read(f"{directory}/{_FILE}").data).data
    except OSError:
        return None
    section = data.get("model") if isinstance(data, dict) else None
    return frozenset(map(str, section)) if isinstance(section, dict) else frozenset()


GATHERERS = (model_overrides,)
