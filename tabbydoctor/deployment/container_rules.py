"""Ports of a container that the kernel alone hands on: rules of nftables and iptables (DNAT).

Docker without its userland proxy, Podman's netavark and CNI's portmap leave no process to be seen.
The rules are only listed, as root, only where nothing else told the ports, and only where the
kernel has the modules already: rules that need one that is not loaded are not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tabbydoctor.deployment.container import Container, Publication
from tabbydoctor.deployment.json_record import mapping, value
from tabbydoctor.deployment.kernel_modules import is_loaded
from tabbydoctor.documents import Unreadable, json_of, whole_number
from tabbydoctor.host import Host
from tabbydoctor.records import replace

_NFT = ("nft", "--json", "list", "ruleset")
_FAMILIES = ("ip", "ip6")
_TARGET = re.compile(r"\[?([0-9a-fA-F.:]+?)\]?(?::(\d{1,5}))?")
_EVERYWHERE = {4: "0.0.0.0", 6: "::"}


def published_by_rules(host: Host, box: Container) -> Container:
    """The container, with the ports that rules hand on to one of its addresses."""
    told = box.published_known or (box.published and all(one.inner for one in box.published))
    if told or not box.own_network or not box.addresses or host.effective_uid() != 0:
        return box
    found = list(_rules(host))
    own = {(one.address, one.port): one for target, one in found if target in box.addresses}
    kept = [one for one in box.published if (one.address, one.port) not in own]
    return replace(box, published=(*own.values(), *kept)) if own else box


def _rules(host: Host) -> Iterator[tuple[str, Publication]]:
    """What iptables set: of nftables where the kernel has that, of its older part where a table of
    that is there."""
    of_both = is_loaded(host, "nf_tables")
    yield from _of_nft(host) if of_both else ()
    for family in ("ip", "ip6"):
        if of_both:
            yield from _of_iptables(host, f"{family}tables-nft-save")
        if "nat" in _words(host, f"/proc/net/{family}_tables_names"):
            yield from _of_iptables(host, f"{family}tables-legacy-save")
            if of_both or "nft" not in host.real_path(f"/usr/sbin/{family}tables-save"):
                yield from _of_iptables(host, f"{family}tables-save")


def _words(host: Host, path: str) -> list[str]:
    try:
        return host.read(path).text().split()
    except OSError:
        return []


def _of_iptables(host: Host, program: str) -> Iterator[tuple[str, Publication]]:
    """Of rules as they are written: `-d ADDRESS/32 -p tcp --dport N -j DNAT --to-destination …`."""
    argv = (program, "-t", "nat")
    for line in host.run(argv).stdout.splitlines():
        words = line.split()
        given = {word: words[place + 1] for place, word in enumerate(words[:-1])}
        if (
            words[:1] != ["-A"]
            or given.get("-j") != "DNAT"
            or given.get("-p") != "tcp"
            or "!" in words
        ):
            continue
        target = _TARGET.fullmatch(given.get("--to-destination", ""))
        port = whole_number(given.get("--dport", ""))
        if target is None or port is None:
            continue
        at = given.get("-d", "").partition("/")[0]
        yield _handed_on(target[1], target[2], at, port, " ".join(argv))


def _of_nft(host: Host) -> Iterator[tuple[str, Publication]]:
    """Of rules that end in a `dnat` statement, see libnftables-json(5)."""
    try:
        listed = json_of(host.run(_NFT).stdout or "{}")
    except Unreadable:
        return
    rows = value(listed, "nftables") if isinstance(listed, dict) else ()
    for row in rows if isinstance(rows, list) else ():
        steps = value(mapping(row, "rule"), "expr") if isinstance(row, dict) else ()
        steps = [one for one in steps if isinstance(one, dict)] if isinstance(steps, list) else []
        dnat = next((mapping(one, "dnat") for one in steps if "dnat" in one), None)
        asked = dict(pair for one in steps if (pair := _asked(mapping(one, "match"))))
        port = asked.get(("tcp", "dport"))
        if dnat is None or not isinstance(port, int):
            continue
        at = asked.get(("ip", "daddr")) or asked.get(("ip6", "daddr")) or ""
        inner = value(dnat, "port")
        yield _handed_on(str(value(dnat, "addr")), str(inner), str(at), port, "nft list ruleset")


def _asked(match: Mapping[str, Any]) -> tuple[tuple[str, str], Any] | None:
    """Which field of a packet must have which value."""
    field = mapping(mapping(match, "left"), "payload")
    if value(match, "op") != "==" or not field:
        return None
    return (str(value(field, "protocol")), str(value(field, "field"))), value(match, "right")


def _handed_on(
    target: str, inner: str | None, address: str, port: int, seen: str
) -> tuple[str, Publication]:
    everywhere = _EVERYWHERE[6 if ":" in target else 4]
    to = whole_number(inner or "") or port  # without one it stays as it is
    return target, Publication(address or everywhere, port, to, seen)
