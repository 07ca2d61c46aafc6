"""Who may connect to a front: nft(8) rules on the uid of whoever opens a connection.

A connection that leaves by the loopback begins with a packet whose socket belongs to an account
(`meta skuid`). The accounts that are named may send it, everybody else is refused; what follows
on a connection that stands is let through untouched, and no other port or host is looked at.
"""

from __future__ import annotations

from tabbydoctor.front.design import FENCE_PATH, FrontDesign

TABLE = "inet tabbydoctor_front"
_RULES = """\
# Written by tabbydoctor; `tabbydoctor undo` takes it back.
table {table}
delete table {table}
table {table} {{
\tchain output {{
\t\ttype filter hook output priority 0; policy accept;
\t\toifname "lo" tcp dport {port} tcp flags & (syn | ack) == syn meta skuid {{ {uids} }} accept
\t\toifname "lo" tcp dport {port} tcp flags & (syn | ack) == syn reject with tcp reset
\t}}
}}
"""


def rules(design: FrontDesign) -> str:
    """What `nft -f` makes the fence of, in one step, in the place of an earlier one."""
    return _RULES.format(table=TABLE, port=design.port, uids=", ".join(map(str, design.uids)))


def unit_lines(design: FrontDesign) -> tuple[str, ...]:
    """The lines of the front's unit: it does not start without the fence, and takes it along.

    Where a firewall is loaded anew (nftables.service flushes every rule), the front ends with it
    and comes up with a fence again.
    """
    if not design.nft:
        return ()
    return (
        f"ExecStartPre=+{design.nft} -f {FENCE_PATH}",
        f"ExecReload=+{design.nft} -f {FENCE_PATH}",
        f"ExecStopPost=-+{design.nft} delete table {TABLE}",
    )


def listing(design: FrontDesign) -> tuple[str, ...]:
    """The command that shows it, with the numbers of accounts."""
    return (design.nft, "--numeric", "list", "table", *TABLE.split())


def stands(design: FrontDesign, listed: str) -> bool:
    """Whether a listing shows the fence: both rules, in their order, and the chain that is asked.

    What nft prints differs a little by release; compared is what decides.
    """
    lines = [" ".join(line.split()) for line in listed.splitlines()]
    ours = [line for line in lines if f"dport {design.port}" in line]
    hooked = any("hook output" in line for line in lines)
    uids = [f"skuid {{ {', '.join(map(str, design.uids))} }} accept"]
    uids += [f"skuid {uid} accept" for uid in design.uids if len(design.uids) == 1]
    lets = len(ours) == 2 and any(ours[0].endswith(text) for text in uids)
    return hooked and lets and "reject" in ours[1] and "skuid" not in ours[1]
