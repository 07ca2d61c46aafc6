"""Authentication that the configuration has off already: whether it holds, and counts yet."""

from __future__ import annotations

from tabbydoctor.deployment.nixos import edit_lasts
from tabbydoctor.deployment.parts import Instance
from tabbydoctor.invocation import invocation
from tabbydoctor.nixos.module import NixModule
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.draft import CannotFix
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Endpoint

_FILES = ("working-directory", "config-file")


def waits_for_restart(config: EffectiveConfig, endpoint: Endpoint | None) -> bool:
    """Whether TabbyAPI still asks for keys: it was started before its configuration had auth off.

    Raises CannotFix where it would not come up again.
    """
    if not config.auth_disabled or endpoint is None or endpoint.identity != "tabbyapi":
        return False
    if endpoint.enforces_auth is not True:
        return False
    if not config.starts:
        raise CannotFix(
            "TabbyAPI asks for keys until it is restarted, and would not start on its "
            "configuration as it is",
            invocation("check --only CFG"),
        )
    return True


def lasts(instance: Instance, config: EffectiveConfig, module: NixModule | None) -> bool:
    """Whether the next start finds it off: not in a file that it writes anew before."""
    setting = config.setting("network", "disable_auth")
    if setting is None or not config.auth_disabled:
        return False
    path = setting.origin.path
    if path is None or setting.origin.layer not in _FILES:
        return True
    if module is not None and path == module.config:
        return module.stored is not None and said(module, "disable_auth") is True
    if module is not None and path == module.temporary:
        return True
    return edit_lasts(path, instance) or nixos.leads_into_store(path)


def said(module: NixModule, key: str) -> object:
    """What the generated file has for a key of the section network; None where it has none."""
    network = module.generated.get("network")
    return network.get(key) if isinstance(network, dict) else None
