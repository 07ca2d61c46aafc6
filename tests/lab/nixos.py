"""A deployment of the NixOS module's shape: everything in a store, the unit linked into /etc."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabbydoctor.nixos.generated import generated
from tests.lab.deployment import (
    DATA,
    INSTALL_STAND_IN,
    LINK,
    TABBY_PORT,
    TOKENS,
    Deployment,
    DoctorRun,
)
from tests.lab.installed import Installed
from tests.lab.machine import Machine

STATE = Path("/var/lib/tabbyapi")
GENERATED = STATE / "config/config.yml"
SOURCE = Path("/etc/nixos/configuration.nix")
STORE = Path("/nix/store")
PACKAGE = STORE / "0kzgrsx8vp6sbqlnnbd94x1rjfmchw2d-tabby-api"
PRE_START = STORE / "1lq2p1vwm0nhkk4rd0xq3yf4gnq8v5sz-tabbyapi-pre-start"
CONFIG = STORE / "2y9f6bw7c1xvjsnmhcfx0xh4lk0dkdqp-config.yml"
UNITS = STORE / "3c8j5hrx1xs8k7hkpqbmz0n0zbgxr4vd-unit"
ROUTER = STORE / "4w8k3mzq9plp2vb0nd7ys1hfa6rjgxci-llm-router"

# As nixpkgs' makeWrapper writes it.
WRAPPER = """\
#! /bin/bash -e
PYTHONPATH=${PYTHONPATH:+':'$PYTHONPATH':'}
PYTHONPATH=${PYTHONPATH/':''@package@/lib'':'/':'}
PYTHONPATH='@package@/lib'$PYTHONPATH
if [ "${PYTHONPATH: -1}" = ':' ]; then PYTHONPATH=${PYTHONPATH::-1}; fi
export PYTHONPATH
exec "@python@"  -m main "$@"
"""
UNIT = """\
[Unit]
After=network.target
Description=TabbyAPI - OAI compatible exllamav2 API server

[Service]
Environment="LD_LIBRARY_PATH={package}/lib"
ExecStart={package}/bin/tabbyapi \\
  --config {generated} \\
  {arguments}

ExecStartPre={pre_start}
Group=tabbyapi
LimitNOFILE=65536
Restart=on-failure
RestartSec=10s
Type=simple
User=tabbyapi
WorkingDirectory={state}

[Install]
WantedBy=multi-user.target
"""
ROUTER_UNIT = """\
[Service]
{settings}
ExecStart={package}/bin/llm-router {source}
User=tabbyapi

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class NixDeployment:
    """TabbyAPI as the module sets it up, on a machine just reset."""

    machine: Machine
    installed: Installed

    @classmethod
    def deploy(
        cls, machine: Machine, installed: Installed, *, arguments: str = "", **options: Any
    ) -> NixDeployment:
        """What `nixos-rebuild switch` leaves for these options; not started."""
        made = cls(machine, installed)
        machine.write("/etc/NIXOS", "")
        machine.run(["ln", "-sfn", installed.doctor, LINK])
        machine.run(["useradd", "--system", "--user-group", f"--home={STATE}", "tabbyapi"])
        machine.mkdir(STATE, mode=0o750, owner="tabbyapi:tabbyapi")
        python = Deployment(machine, installed)._environment(f"{PACKAGE}/env")
        machine.run([python, "-c", INSTALL_STAND_IN, f"{PACKAGE}/lib", "current"])
        wrapper = WRAPPER.replace("@package@", str(PACKAGE)).replace("@python@", python)
        machine.write(PACKAGE / "bin/tabbyapi", wrapper, mode=0o555)
        machine.write(STATE / "api_tokens.yml", TOKENS, mode=0o600, owner="tabbyapi:tabbyapi")
        machine.write(SOURCE, "{\n  services.tabbyapi = {\n    enable = true;\n  };\n}\n")
        made.switch(arguments=arguments, **options)
        return made

    def switch(self, *, arguments: str = "", **options: Any) -> None:
        """Another generation, with these options."""
        found = generated({"enable": True, "modelName": "", "unsafeLaunch": True, **options})
        steps = [
            "#!/bin/sh",
            f"mkdir -p {STATE}/models {STATE}/loras {STATE}/config",
            f"rm -f {GENERATED}",
            f"cp {CONFIG} {GENERATED}",
        ]
        self.machine.write(CONFIG, found.text, mode=0o444)
        self.machine.write(PRE_START, "\n".join(steps) + "\n", mode=0o555)
        unit = UNIT.format(
            package=PACKAGE, generated=GENERATED, pre_start=PRE_START, state=STATE,
            arguments=arguments,
        )  # fmt: skip
        self._link("tabbyapi.service", unit)

    def with_router(
        self,
        *settings: str,
        source: Path = Path("/opt/llm-router/router.py"),
        replaced: tuple[str, str] = ("", ""),
    ) -> None:
        """A router that sends no key; by itself its source is where NixOS leaves it alone.

        `settings` are further lines of its unit.
        """
        text = (DATA / "router-broken.py.txt").read_text()
        text = text.replace("/home/ivan/TabbyAPI", str(STATE)).replace(*replaced)
        self.machine.write(source, text)
        python = Deployment(self.machine, self.installed)._environment(f"{ROUTER}/env")
        wrapper = f'#!/bin/sh\nexec {python} "$@"\n'
        self.machine.write(ROUTER / "bin/llm-router", wrapper, mode=0o555)
        unit = ROUTER_UNIT.format(package=ROUTER, source=source, settings="\n".join(settings))
        self._link("llm-router.service", unit)

    def start_router(self) -> None:
        """Start the router and wait until it answers."""
        self.machine.systemctl("start", "llm-router.service")
        self.machine.wait_for(lambda: self.status("/", 8002) != 0, "the router to answer", 30)

    def _link(self, name: str, text: str) -> None:
        self.machine.write(UNITS / name, text, mode=0o444)
        self.machine.run(["ln", "-sf", UNITS / name, f"/etc/systemd/system/{name}"])
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("enable", "--quiet", name)

    def start(self) -> None:
        """Start TabbyAPI and wait until it answers."""
        self.machine.systemctl("start", "tabbyapi.service")
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until TabbyAPI answers."""
        self.machine.wait_for(lambda: self.status("/health") == 200, "TabbyAPI to answer", 30)

    def status(self, path: str, port: int = TABBY_PORT) -> int:
        """Of a GET without a key; 0 where nothing answers."""
        url = f"http://127.0.0.1:{port}{path}"
        return Deployment(self.machine, self.installed).request("GET", url).status

    def doctor(self, *arguments: str) -> DoctorRun:
        """Run the installed `tabbydoctor` inside, as root."""
        return Deployment(self.machine, self.installed).doctor(*arguments)


STAND_IN = "its store holds the stand-in"
"""Why a real TabbyAPI cannot be deployed like this here."""


def in_place(**options: Any) -> Callable[[Deployment], None]:
    """Puts what `nixos-rebuild switch` leaves for these options in the usual TabbyAPI's place."""

    def arrange(d: Deployment) -> None:
        d.machine.systemctl("disable", "--quiet", "tabbyapi.service")
        d.machine.remove("/etc/systemd/system/tabbyapi.service", d.directory)
        NixDeployment.deploy(d.machine, d.installed, **options)
        router, unit = d.router, "/etc/systemd/system/llm-router.service"
        d.machine.write(router, d.machine.read(router).replace(str(d.directory), str(STATE)))
        d.machine.write(unit, d.machine.read(unit).replace(f"User={d.user}", "User=tabbyapi"))

    return arrange
