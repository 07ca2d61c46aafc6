"""The unit of a front: an account of its own for its run, no privilege, and nothing to write."""

from __future__ import annotations

from tabbydoctor.front.design import CONFIG_PATH, DIRECTORY, UNIT, FrontDesign
from tabbydoctor.front.fence import unit_lines
from tabbydoctor.front.programs import FrontProgram

RUNTIME = "/run/tabbydoctor-front"
_UNIT = """\
# Written by tabbydoctor; `tabbydoctor undo` takes it back.
[Unit]
Description=Adds TabbyAPI's key to what {router} asks (tabbydoctor)
After=network.target nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Before={router}
StartLimitIntervalSec=0

[Service]
{program}
{fence}Restart=always
RestartSec=1
DynamicUser=yes
RuntimeDirectory=tabbydoctor-front
RuntimeDirectoryMode=0700
WorkingDirectory={runtime}
Environment=HOME={runtime}
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute={no_jit}
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
LimitNOFILE=65536
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def unit_text(design: FrontDesign, program: FrontProgram) -> str:
    """The whole unit."""
    fence = "".join(f"{line}\n" for line in unit_lines(design))
    names = {"binary": design.binary, "config": CONFIG_PATH, "runtime": RUNTIME}
    own = "\n".join(program.unit_lines).format(**names, directory=DIRECTORY, unit=UNIT)
    no_jit = "no" if program.jit else "yes"
    text = _UNIT.format(
        router=design.router, program=own, fence=fence, runtime=RUNTIME, no_jit=no_jit
    )
    if not design.nft:
        lines = text.replace(" nftables.service", "").splitlines(keepends=True)
        text = "".join(line for line in lines if "nftables" not in line)
    return text
