"""nginx, HAProxy and Caddy, edited in place: the key in a file of its own, which they take in.

Their own parser accepts the result before they are told of it; it is run where none but root could
exchange what it opens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tabbydoctor.deployment.nixos import managed
from tabbydoctor.deployment.parts import Machine, RouterSite
from tabbydoctor.deployment.unit import Unit, last_setting
from tabbydoctor.front.programs import sendable
from tabbydoctor.host import Account
from tabbydoctor.nixos.by_rebuild import to_paste
from tabbydoctor.records import dataclass
from tabbydoctor.remedies import nixos
from tabbydoctor.remedies.credential import NAME
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.gateway_control import close_admin, refuse_open_sockets
from tabbydoctor.remedies.gateway_nix import lines_of_nix
from tabbydoctor.remedies.gateway_trust import exchangeable
from tabbydoctor.repair.changes import Parser
from tabbydoctor.routers.gateways.in_place import KeyPlacing
from tabbydoctor.routers.gateways.passage import SentKey
from tabbydoctor.routers.gateways.remedies import by_hand
from tabbydoctor.routers.inputs import RouterInputs
from tabbydoctor.routers.kind import CannotGiveKey, PlacedKind
from tabbydoctor.routers.own_keys import FailingKeys
from tabbydoctor.routers.site.environment import router_environment, variable_of
from tabbydoctor.routers.site.gateway_command import expanded
from tabbydoctor.tabbyapi.tokens import Tokens
from tabbydoctor.trust import Untrusted, trusted

WHY = "RTR002"
_READS = {
    "nginx": lambda command, path: (command[0], "-t", "-q", *command[1:]),
    "haproxy": lambda command, path: (command[0], "-c", *command[1:]),
    "caddy": lambda command, path: (
        command[0], "validate", "--config", path, "--adapter", "caddyfile",
    ),
}  # fmt: skip
_Command = Callable[[tuple[str, ...], str], tuple[str, ...]]
"""By kind: the command by which its own parser reads a configuration, of the one that runs it."""
_REFERRED = re.compile(r"\$\{?(\w+)|env\((\w+)\)|\{env\.(\w+)\}")
_ADMIN_OFF = re.compile(r"^\s*admin\s+off\b", re.MULTILINE)


def key_file_of(unit: Unit) -> str:
    """Where the key of a gateway's unit is kept."""
    return f"/etc/tabbydoctor/{unit.name}/{NAME}.conf"


@dataclass(frozen=True)
class GatewayPlan:
    """What is known when a gateway is to be given the key in place."""

    draft: Draft
    site: RouterSite
    unit: Unit
    inputs: RouterInputs
    kind: PlacedKind
    tokens: Tokens
    failing: FailingKeys
    seen_refused: bool
    """Requests through it were seen to be refused."""

    @property
    def key_file(self) -> str:
        """Where the key is kept for it; no pattern by which a gateway includes files names it."""
        return key_file_of(self.unit)

    @property
    def command(self) -> tuple[str, ...]:
        """What starts it."""
        return tuple(expanded(self.unit.command, router_environment(self.site)))

    @property
    def account(self) -> Account | None:
        """Whom it is started as and reads its files as; None for root."""
        return None if self.unit.user == "root" else self.site.user

    def carry_out(self, key: str) -> None:
        """Plan it. Raises CannotGiveKey, CannotFix where it cannot be done in place."""
        named = self._files()
        before = {name: self._text(real) for name, real in named.items()}
        before[self.key_file] = self.kind.key_file.replace("<api_key>", key)
        placing = KeyPlacing(
            self.kind, self.inputs.reading.path, self.inputs.urls, self.key_file, self._is_right,
            self.inputs.environment, named,
        )  # fmt: skip
        after = placing.texts(before)
        keyed = any(self.key_file in after[name] for name in named)
        closed = self._closed(after, named) if keyed else after
        moved, after = closed != after, closed
        for name, real in named.items():
            if after[name] != before[name]:
                content = after[name].encode("utf-8", "surrogateescape")
                self.draft.edit(real, lambda _, content=content: content, WHY)  # type: ignore[misc]
        if keyed:
            account = self.account
            owner = (account.uid, account.gid) if account else (0, 0)
            content = after[self.key_file].encode()
            self.draft.write(self.key_file, content, WHY, mode=0o600, uid=owner[0], gid=owner[1])
            self.draft.permit(self.key_file, WHY, mode=0o600, uid=owner[0], gid=owner[1])
        if self.draft.changes_files:
            self._take_in(after, moved=moved)

    def _closed(self, texts: Mapping[str, str], named: Mapping[str, str]) -> Mapping[str, str]:
        """Texts by which no other account is shown the key. Raises CannotFix, CannotGiveKey."""
        if self.site.kind == "haproxy":
            refuse_open_sockets({name: texts[name] for name in named}, self.command)
        if self.site.kind != "caddy":
            return texts
        path, environment = self.inputs.reading.path, router_environment(self.site)
        return close_admin(self.draft, self.unit, path, texts, named, environment)

    def _files(self) -> dict[str, str]:
        """Path of each of its files -> what it is without links. Raises CannotFix where others
        than root could exchange anything."""
        paths = [self.inputs.reading.path, *self.inputs.files]
        texts = {path: self.inputs.files.get(path, self.inputs.text) for path in paths}
        texts.pop(self.key_file, None)
        program = self.command[0] if self.command else ""
        doubt = exchangeable(program, texts, as_root=self.account is None)
        if doubt:
            raise CannotFix(f"{doubt}: its parser is run only where all it opens is root's alone")
        try:
            return {path: trusted(path) for path in texts}
        except (Untrusted, OSError) as error:
            raise CannotFix(str(error)) from error

    def _text(self, path: str) -> str:
        nixos.refuse_store(path)
        content = self.draft.read(path)
        if content is None:
            raise CannotFix(f"{path} is not there")
        return content.decode("utf-8", "surrogateescape")

    def _is_right(self, key: SentKey) -> bool:
        if key.sends is None:
            return not self.seen_refused
        if not key.sends or key.literal:
            return bool(key.sends) and key.literal in self.tokens.api_keys
        return variable_of(key.source) not in self.failing.variables

    def _take_in(self, texts: Mapping[str, str], *, moved: bool) -> None:
        """Its parser, then a reload; a restart where there is none, or what it asks has `moved`."""
        kind, unit, account = self.site.kind, self.unit, self.account
        read: _Command = _READS[kind]
        words = {name for text in texts.values() for found in _REFERRED.findall(text)
                 for name in found}  # fmt: skip
        given = {
            name: value
            for name, value in router_environment(self.site).items()
            if name in words and not name.startswith("LD_")
        }
        who = (account.uid, account.gid, account.groups) if account else (0, 0, ())
        home = {"HOME": account.home} if account else {}
        argv = read(self.command, self.inputs.reading.path)
        parser = Parser(argv, *who, environment={**given, **home})
        self.draft.require(parser)
        every = "\n".join(texts.values())
        reloads = any(last_setting(file.text, "ExecReload") for file in unit.files)
        reloads = reloads and not moved and not (kind == "caddy" and _ADMIN_OFF.search(every))
        if unit.get("ActiveState") == "active" and reloads:
            self.draft.take_anew(unit, WHY)
            told = f"{unit.name} is reloaded: what it serves goes on"
        else:
            self.draft.restart(unit, WHY)
            why = "its admin endpoint moves" if moved else "it knows no reload"
            told = f"{unit.name} is restarted, as {why}: what it serves is cut off"
        self.draft.notes += [
            f"{parser} is asked first, and again before anything is told of the files: what it "
            "refuses is taken back",
            told,
            f"the key is in {self.key_file}, which {account.name if account else 'root'} alone can "
            "read (0600); what callers send as a key is dropped",
            "after a rotation of the key run this again: RTR005 will say so",
        ]


def plan_gateway_key(
    draft: Draft, machine: Machine, site: RouterSite, inputs: RouterInputs, kind: PlacedKind,
    tokens: Tokens, key: str, failing: FailingKeys, *, seen_refused: bool,
) -> None:  # fmt: skip
    """Raises CannotFix, with the lines to write by hand, where it is not done in place."""
    edits = (*by_hand(inputs.reading, "key", site), *by_hand(inputs.reading, "probe", site))
    manual = "\n".join(to_paste(edits))
    unit = site.unit
    if unit is not None and managed(machine, unit):
        content = kind.key_file.replace("<api_key>", f"<the api_key of {tokens.path}>")
        raise CannotFix(
            f"NixOS writes {unit.name}: the change belongs into configuration.nix",
            lines_of_nix(inputs.reading, unit, key_file_of(unit), content),
        )
    try:
        if unit is None or unit.user_manager:
            raise CannotFix(f"{site.kind} runs under no unit of the system's")
        if unit.flag("DynamicUser"):
            raise CannotFix(f"{unit.name} has another uid at each start (DynamicUser=)")
        if site.kind == "caddy" and "--resume" in unit.command:
            raise CannotFix(f"{unit.name} goes on with what its admin endpoint was told (--resume)")
        if not sendable(key):
            raise CannotFix(
                f"the API key of {tokens.path} has characters that mean something in the "
                "configuration of a gateway: give TabbyAPI one of letters and digits"
            )
        if inputs.reading.incomplete:
            raise CannotFix(inputs.reading.incomplete)
        plan = GatewayPlan(draft, site, unit, inputs, kind, tokens, failing, seen_refused)
        draft.title = f"give {site.kind} TabbyAPI's key, in a file of its own"
        plan.carry_out(key)
    except (CannotFix, CannotGiveKey) as error:
        hint = error.manual or manual
        raise CannotFix(f"{site.kind} is not edited: {error.message}", hint) from error
