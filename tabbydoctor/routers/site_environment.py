"""The environment that a router's next start gets: systemd.exec(5)."""

from __future__ import annotations

from collections.abc import Mapping

from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.deployment.units import environment_file

_CREDENTIALS = ("LoadCredential", "LoadCredentialEncrypted", "SetCredential")


def is_credential(unit: Unit, variable: str) -> bool:
    """Whether systemd hands the unit a credential of a variable's name, in small letters."""
    given = [entry for name in _CREDENTIALS for entry in unit.settings(name)]
    return any(entry.partition(":")[0] == variable.lower() for entry in given)


def router_environment(site: RouterSite) -> Mapping[str, str]:
    """The variables a router's unit sets, else those of its process."""
    if site.unit is None:
        return (site.process.environment if site.process else None) or {}
    values = site.unit.environment
    for file in site.unit.environment_files:
        values.update(environment_file(file.text or ""))
    for name in site.unit.get("UnsetEnvironment").split():
        values.pop(name, None)
    return values
