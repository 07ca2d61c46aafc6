"""What `tabbydoctor nix` prints: lines for configuration.nix, and a config.yml to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.nixos.from_config import Expressed, Left
from tabbydoctor.nixos.generated import Generated, exposure
from tabbydoctor.nixos.nix_text import NoLiteral, comment, literal, name, path
from tabbydoctor.nixos.options import BY_NAME, STATE
from tabbydoctor.tabbyapi.keys import TABLE, is_secret

PINNED = "2025-11-06"
"""The date of the TabbyAPI (fece479) that the module's flake.lock pins."""
_SECRETS = "/run/secrets/tabbyapi.env"
_OWN_FILE = (
    "# systemd.services.tabbyapi.serviceConfig.ExecStart = lib.mkForce",
    '#   "${config.services.tabbyapi.package}/bin/tabbyapi --config ${./config.yml}";',
)


def to_options(found: Expressed, source: str) -> str:
    """Lines for configuration.nix that say what a config.yml says."""
    lines = [comment(f"{source} as options of the NixOS module")]
    lines += [comment(f"{remark[0].upper()}{remark[1:]}.") for remark in _exposure(found)]
    lines += _options(found)
    by_way: dict[str, list[Left]] = {}
    for left in found.left:
        by_way.setdefault(left.way, []).append(left)
    lines += _environment(by_way.get("environment", []))
    lines += _environment_file(by_way.get("environment-file", []))
    lines += _own_file(by_way.get("own-file", []))
    lines += _dropped(by_way.get("nothing", []))
    lines += ["", comment(f"The keys belong into {STATE}/api_tokens.yml, whatever --config says.")]
    return "\n".join(lines) + "\n"


def _exposure(found: Expressed) -> Iterator[str]:
    needed = ("host", "port", "disableAuth")
    return exposure({one: found.options.get(one, BY_NAME[one].default) for one in needed})


def _options(found: Expressed) -> Iterator[str]:
    yield "services.tabbyapi = {"
    yield "  enable = true;"
    for option, value in found.options.items():
        if BY_NAME[option].ignored:
            yield comment(f"Without effect: {BY_NAME[option].ignored}.", 2)
        if option == "modelName" and value == "":
            yield "  # No model at start: the option has no default and takes no null."
        yield f"  {name(option)} = {literal(value, 2)};"
    for unset in found.not_set:
        yield comment(f"{unset.name} is {unset.default}: the file names none.", 2)
    yield "};"


def _environment(items: list[Left]) -> Iterator[str]:
    if not items:
        return
    yield from ("", "# No option says these. The generated file leaves them out, so the")
    yield "# environment sets them."
    for item in items:
        yield comment(f"{item.section}.{item.key}: {item.why}.{_too_new(item)}")
        try:
            text = literal(_variable_text(item.value))
        except NoLiteral as error:
            yield comment(f"It cannot be written in Nix: {error}.")
            continue
        yield f"{path('systemd', 'services', 'tabbyapi', 'environment', item.variable)} = {text};"


def _variable_text(value: Any) -> str:
    """As TabbyAPI reads it; systemd takes `%` for a specifier (systemd.unit(5))."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("%", "%%")


def _too_new(item: Left) -> str:
    key = TABLE.get((item.section, item.key))
    newer = key is not None and key.since > PINNED
    return f" The TabbyAPI that the module pins ({PINNED}) does not know it." if newer else ""


def _environment_file(items: list[Left]) -> Iterator[str]:
    if not items:
        return
    yield from ("", "# Secrets, in a file that only root reads and that is not in the store,")
    yield "# with these lines:"
    for item in items:
        yield comment(f"  {item.variable}=<the secret>")
    yield f'systemd.services.tabbyapi.serviceConfig.EnvironmentFile = [ "{_SECRETS}" ];'


def _own_file(items: list[Left]) -> Iterator[str]:
    if not items:
        return
    yield from ("", "# Neither an option nor the environment can say these:")
    for item in items:
        hidden = is_secret(item.section, item.key)
        value = "" if hidden else f" {_flow(item.value)}"
        yield comment(f"{item.section}.{item.key}:{value}")
        yield comment(f"  {item.why}.{_too_new(item)}")
    yield "# A config.yml of your own beside configuration.nix can, in place of the"
    yield "# generated one (host and port still count then, for the firewall):"
    yield from _OWN_FILE


def _dropped(items: list[Left]) -> Iterator[str]:
    if not items:
        return
    yield from ("", "# Left out:")
    for item in items:
        yield comment(f"{item.section}{'.' if item.key else ''}{item.key} ({item.why})")


def to_config(found: Generated) -> str:
    """The generated configuration as YAML to read, with what TabbyAPI ignores marked."""
    lines = [comment("What the module writes to <dataDir>/config/config.yml, on one line of JSON")]
    lines += [comment(remark) for remark in found.remarks]
    for section, keys in found.document.items():
        lines += ["", f"{section}:{'' if keys else ' {}'}", *_keys(found, section, keys)]
    return "\n".join(lines) + "\n"


def _keys(found: Generated, section: str, keys: Mapping[str, Any]) -> Iterator[str]:
    reasons = {found.ignored.get((section, key)) for key in keys}
    whole = len(reasons) == 1 and None not in reasons
    if whole:
        yield comment(f"ignored: {reasons.pop()}", 2)
    for key, value in keys.items():
        reason = found.ignored.get((section, key))
        if reason and not whole:
            yield comment(f"ignored: {reason}", 2)
        yield f"  {key}: {_flow(value)}"


def _flow(value: Any) -> str:
    """A value as YAML, which JSON is but for signs that do not print."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    code = ord(sign)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
