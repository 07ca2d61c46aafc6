"""A front on NixOS: the lines for configuration.nix, with its own nginx and its own fence."""

from __future__ import annotations

from tabbydoctor.front.design import KEY_PATH, UNIT, FrontDesign
from tabbydoctor.front.fence import TABLE, rules
from tabbydoctor.front.nginx import KEY_LINE
from tabbydoctor.front.programs import program_named
from tabbydoctor.host import Account
from tabbydoctor.nixos.by_rebuild import THEN, steps
from tabbydoctor.nixos.nix_text import comment
from tabbydoctor.nixos.service import environment_line
from tabbydoctor.remedies.front_address import Pointing

_BEGINS = "    upstream tabbyapi"
_CREDENTIAL = "tabbydoctor-front"


def front_lines(pointing: Pointing, account: Account, upstream: str) -> str:
    """What makes a front at the port that is pointed to, to paste; the key is in no line."""
    unit = pointing.unit
    design = FrontDesign(
        "nginx", "", pointing.new, ("127.0.0.1", "::1"), upstream, unit.name, account.name,
        account.uid, "" if unit.flag("DynamicUser") else "nft",
    )  # fmt: skip
    family, table = TABLE.split()
    make = (f"sudo install -D -m 600 /dev/null {KEY_PATH}", f"sudoedit {KEY_PATH}")
    holds = f"{KEY_PATH} holds this line, with the api_key of TabbyAPI: " + KEY_LINE.strip()
    fence: tuple[str, ...] = (
        f"networking.nftables.tables.{table}.content = {_chain(design)};",
        f'networking.nftables.tables.{table}.family = "{family}";',
        "networking.nftables.enable = true;",
        comment("(The firewall of NixOS then uses nftables as well: see its option about Docker.)"),
    )
    if not design.nft:
        fence = (comment("There is no fence: every local account has API-key access by it."),)
    return "\n".join(
        (
            *steps("first", make),
            comment(holds),
            "services.nginx.enable = true;",
            f"services.nginx.appendHttpConfig = {_http(design)};",
            "systemd.services.nginx.serviceConfig.LoadCredential = "
            f'[ "{_CREDENTIAL}:{KEY_PATH}" ];',
            *fence,
            *_address(design, pointing),
            THEN,
            *steps("then", (f"sudo systemctl restart nginx.service {unit.name}",)),
        )
    )


def _address(design: FrontDesign, pointing: Pointing) -> list[str]:
    """The router asks the front: by its variables, else in words."""
    unit = pointing.unit
    changed = [environment_line(unit, name, value) for name, value in pointing.variables()]
    said = f"{unit.name} has to ask {design.urls[0]} in the place of TabbyAPI."
    return changed or [comment(said)]


def _http(design: FrontDesign) -> str:
    """What stands in the block `http` of the front's own configuration."""
    program = program_named("nginx")
    whole = program.configuration(design) if program else ""
    inner = whole[whole.index(_BEGINS) :].rstrip().removesuffix("}").rstrip()
    return _indented(inner.replace(f"/run/credentials/{UNIT}/key", _path()))


def _path() -> str:
    return f"/run/credentials/nginx.service/{_CREDENTIAL}"


def _chain(design: FrontDesign) -> str:
    text = rules(design)
    return _indented(text[text.index("\tchain") :].rstrip().removesuffix("}").rstrip())


def _indented(text: str) -> str:
    """As Nix's indented string; its own two signs do not occur in what is written here."""
    return f"''\n{text}\n''"
