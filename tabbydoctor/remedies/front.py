"""`front`: an nginx, HAProxy or Caddy on loopback adds the key, for a router in any language.

Either the router's address is changed to it, or TabbyAPI moves to another port and the front takes
its own. TabbyAPI's authentication stays on.
"""

from __future__ import annotations

from tabbydoctor.deployment.parts import Instance, Machine, ProcessTable, RouterSite
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.front.design import (
    CONFIG_PATH,
    CREDENTIALS_SINCE,
    FENCE_PATH,
    KEY_PATH,
    UNIT,
    FrontDesign,
)
from tabbydoctor.front.programs import sendable
from tabbydoctor.front.standing import Front, FrontMeans, FrontStanding
from tabbydoctor.front.written import files_of
from tabbydoctor.host import Account
from tabbydoctor.invocation import invocation
from tabbydoctor.records import dataclass, replace
from tabbydoctor.remedies.draft import CannotFix, Draft
from tabbydoctor.remedies.earlier_strategy import say_wired, turn_auth_on
from tabbydoctor.remedies.front_address import Pointing
from tabbydoctor.remedies.front_nixos import front_lines
from tabbydoctor.remedies.request import FixRequest
from tabbydoctor.remedies.restarting import refuse_container, restart_tabbyapi
from tabbydoctor.remedies.router_key import refuse_stranger
from tabbydoctor.remedies.winning_place import WinningPlace
from tabbydoctor.tabbyapi.addressing import connectable, host_and_port
from tabbydoctor.tabbyapi.binding import binds_loopback_only
from tabbydoctor.tabbyapi.config import EffectiveConfig
from tabbydoctor.tabbyapi.probes import Address, Endpoint
from tabbydoctor.tabbyapi.tokens import Tokens

WHY = "RTR002"
TITLE = "put a front before TabbyAPI that adds its key (front)"
_FIRST_PORT, _LAST_PORT = 1024, 32767
"""From those that every account may listen on to those that Linux gives to callers."""


@dataclass(frozen=True, slots=True)
class FrontPlan:
    """What is known when a front is planned."""

    draft: Draft
    instance: Instance
    machine: Machine
    config: EffectiveConfig
    site: RouterSite
    unit: Unit
    """The router's."""
    account: Account
    """The router's."""
    means: FrontMeans
    table: ProcessTable | None
    options: FixRequest

    def new(self) -> tuple[FrontDesign, bool]:
        """A front of before there is none, with what leads to it; and whether TabbyAPI moves."""
        name, binary = self._program()
        nft = self._nft()
        port = self._free(self.config.port + 80)
        pointing = Pointing(self.draft, self.site, self.unit, self.config.port, port, WHY)
        there = pointing.done()
        hosts = ("127.0.0.1", "::1") if self.means.ipv6 else ("127.0.0.1",)
        design = FrontDesign(
            name, binary, port, hosts, self._upstream(self.config.port), self.unit.name,
            self.account.name, self.account.uid, nft,
        )  # fmt: skip
        if there:
            self.draft.notes.append(
                f"{self.unit.name} asks the front at 127.0.0.1:{port} in the place of TabbyAPI "
                f"({there})"
            )
            return design, False
        return self._taking_over(design), True

    def on_nixos(self) -> str:
        """The lines that make it there."""
        port, upstream = self._free(self.config.port + 80), self._upstream(self.config.port)
        pointing = Pointing(self.draft, self.site, self.unit, self.config.port, port, WHY)
        return front_lines(pointing, self.account, upstream)

    def _taking_over(self, design: FrontDesign) -> FrontDesign:
        """TabbyAPI moves, and the front takes its port: no client is changed."""
        host, port = self.config.host, self.config.port
        if not binds_loopback_only(host):
            raise CannotFix(
                f"where {self.unit.name} has TabbyAPI's address from was not found, and the front "
                f"cannot take TabbyAPI's own: it listens on {host}, where others reach it",
                f"# let {self.unit.name} ask 127.0.0.1:{port} by a variable of its unit, then "
                "run this again",
            )
        if not _FIRST_PORT <= port <= _LAST_PORT:
            raise CannotFix(f"the front cannot take TabbyAPI's port {port}")
        if self.instance.unit is None:
            raise CannotFix("TabbyAPI runs under no unit: it cannot be moved to another port")
        moved = self._free(port + 1)
        place = WinningPlace(self.draft, self.instance, WHY, "front")
        place.set_all(self.config, {"port": moved})
        restart_tabbyapi(self.draft, self.instance, WHY)
        self.draft.notes.append(
            f"where {self.unit.name} has TabbyAPI's address from was not found: TabbyAPI moves to "
            f"port {moved}, and the front takes port {port}; other clients with a key of their "
            f"own ask port {moved} from now on"
        )
        own = connectable(host)
        hosts = design.hosts if own == "localhost" else (own,)
        return replace(design, port=port, hosts=hosts, upstream=self._upstream(moved))

    def again(self, front: Front) -> FrontDesign:
        """The front that is there, as it is to be now. Raises CannotFix for another router's."""
        if not front.serves(self.unit.name):
            raise CannotFix(
                f"the front that is there is {front.design.router}'s, and there is one alone",
                invocation("history"),
            )
        present = front.design
        installed = dict(self.means.programs).get(present.program)
        name, binary = (present.program, installed) if installed else self._program()
        return replace(
            present,
            program=name,
            binary=binary,
            upstream=self._upstream(self.config.port),
            account=self.account.name,
            uid=self.account.uid,
            nft=self._nft(was_without=not present.nft),
        )

    def _program(self) -> tuple[str, str]:
        if not self.means.programs:
            raise CannotFix(
                "neither nginx nor HAProxy nor Caddy is installed, and this installs nothing",
                "sudo apt install nginx-light  # or haproxy, or caddy; then run this again",
            )
        return self.means.programs[0]

    def _nft(self, *, was_without: bool = False) -> str:
        """The program that sets the fence; empty where none can, and that is allowed."""
        why = self.means.nft_problem
        if self.unit.flag("DynamicUser"):
            why = f"{self.unit.name} has another uid at each start (DynamicUser=)"
        if not why:
            return self.means.nft
        if self.options.allow_exposed or was_without:
            return ""
        raise CannotFix(
            f"{why}: without a fence every local account, and every web page in a browser of this "
            "machine, has API-key access by the front (--allow-exposed does it all the same)",
            "" if self.means.nft else "sudo apt install nftables  # then run this again",
        )

    def _upstream(self, port: int) -> str:
        return host_and_port(connectable(self.config.host), port)

    def _free(self, first: int) -> int:
        taken = {listener.port for listener in self.table.listeners} if self.table else set()
        taken |= {self.config.port, self.config.port + 1}
        first = first if _FIRST_PORT <= first <= _LAST_PORT - 1000 else 15080
        candidates = range(first, _LAST_PORT)
        if first == self.config.port + 1:  # TabbyAPI's own: it is to be this one
            taken -= {first}
        return next(port for port in candidates if port not in taken)


def plan_front(
    draft: Draft,
    machine: Machine,
    instance: Instance,
    tokens: Tokens,
    config: EffectiveConfig,
    site: RouterSite,
    options: FixRequest,
    means: FrontMeans,
    table: ProcessTable | None,
    front: Front | None = None,
    standing: FrontStanding | None = None,
    address: Address | None = None,
    endpoint: Endpoint | None = None,
) -> None:
    """Raises CannotFix where a front cannot be had, or is no good here; then it says why."""
    if options.strategy not in (None, "front"):
        raise CannotFix(
            f"a front adds the key for {front.design.router if front else 'it'}: that is taken "
            "back first",
            invocation("undo", root=True),
        )
    unit, account = _router(machine, instance, site)
    key = _key(tokens)
    refuse_stranger(address, endpoint)
    draft.title = TITLE
    if options.strategy is not None:
        turn_auth_on(draft, instance)
    if config.auth_disabled and not draft.changes_files:
        raise CannotFix("authentication is off: there is no key to add")
    plan = FrontPlan(draft, instance, machine, config, site, unit, account, means, table, options)
    if machine.nixos:
        raise CannotFix("on NixOS a front belongs into configuration.nix", plan.on_nixos())
    if front is None:
        design, moves = plan.new()
        say_wired(draft)
        _write(draft, design, key)
        draft.enable(UNIT, WHY)
        if not moves:
            draft.restart(unit, WHY)
            draft.notes.append(f"{unit.name} is restarted; TabbyAPI is not")
    else:
        design = plan.again(front)
        _write(draft, design, key)
        _set_right(draft, standing)
    if not draft.plan().empty:
        draft.notes += [note for note in _said(design, account) if note not in draft.notes]


def _router(machine: Machine, instance: Instance, site: RouterSite) -> tuple[Unit, Account]:
    """The router's unit and account. Raises CannotFix where no front can be had for it."""
    refuse_container(instance)
    if not machine.systemd or (machine.systemd_version or 0) < CREDENTIALS_SINCE:
        raise CannotFix(f"a front needs systemd {CREDENTIALS_SINCE} or later")
    unit = site.unit
    if unit is None or unit.user_manager:
        raise CannotFix(
            "the router runs under no unit of the system's: whom the front is for would be an "
            "account's own word"
        )
    if site.user is None:
        raise CannotFix(f"the account of {unit.name} is not known: nobody could be let in by it")
    return unit, site.user


def _key(tokens: Tokens) -> str:
    """The API key. Raises CannotFix for one that the front could not or should not send."""
    key = tokens.api_key
    if key is None:
        raise CannotFix(f"{tokens.path} holds no API key that could be sent, or cannot be read")
    if not sendable(key):
        raise CannotFix(
            f"the API key of {tokens.path} has characters that mean something in the "
            "configuration of a front: give TabbyAPI one of letters and digits"
        )
    if key == tokens.admin_key:
        raise CannotFix(
            f"api_key equals admin_key in {tokens.path}: whoever reaches the front were admin",
            invocation("explain TOK010"),
        )
    return key


def _write(draft: Draft, design: FrontDesign, key: str) -> None:
    made = files_of(design, key)
    for path, file in made.items():
        changes = draft.write(path, file.content, WHY, mode=file.mode)
        draft.permit(path, WHY, mode=file.mode, uid=0, gid=0)
        if changes and path.endswith(".service"):
            draft.reload(Unit(UNIT, {}), WHY)
    if FENCE_PATH not in made and draft.read(FENCE_PATH) is not None:
        draft.remove(FENCE_PATH, WHY)


def _set_right(draft: Draft, standing: FrontStanding | None) -> None:
    """What runs, and whether it starts at boot, of a front that is there."""
    if standing is None:
        return
    if standing.has("down", "gone", "disabled"):
        draft.enable(UNIT, WHY)
    if draft.changes_files or standing.has("older", "fence"):
        draft.restart(Unit(UNIT, {}), WHY)
        draft.notes.append(f"{UNIT} is restarted: answers that are under way are cut off")


def _said(design: FrontDesign, account: Account) -> list[str]:
    """Who gets API-key access by it, and what it does not do."""
    place = " and ".join(design.places)
    if design.nft:
        who = (
            f"who gets API-key access by {place}: what runs as {design.account} (uid "
            f"{design.uid}), and root, that of containers in the machine's own network included; "
            "the fence (nftables) refuses every other account"
        )
        if account.can_log_in:
            who += f"; a web page in a browser of {account.name}'s may use it, too"
    else:
        who = (
            f"who gets API-key access by {place}: every local account, and every web page in a "
            "browser of this machine; there is no fence"
        )
    return [
        who,
        f"{UNIT} runs {design.program} ({CONFIG_PATH}); the key is in {KEY_PATH}, which root alone "
        "can read; what callers send as a key is dropped",
        "admin calls (load, unload, switch, download) are refused there: send them to TabbyAPI",
        f"after a rotation of the key: {invocation('fix --auth', root=True)}; RTR005 will say so",
    ]
