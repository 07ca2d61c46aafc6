"""Ports that rules of the kernel hand on to a container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tabbydoctor.deployment.container import Container, Publication
from tabbydoctor.deployment.container_rules import published_by_rules
from tests.scratch_host import ScratchHost

BOX = Container("podman", "4e" * 32, 7, "/", own_network=True, addresses=("10.88.0.2", "fd00::2"))


def machine(root: Path, uid: int = 0, **commands: str) -> ScratchHost:
    told = {name.replace("_", "-"): text for name, text in commands.items()}
    return ScratchHost(root, commands=told, uid=uid)


def published(root: Path, box: Container = BOX, uid: int = 0, **commands: str) -> list[str]:
    host = machine(root, uid, **commands)
    found = published_by_rules(host, box)
    return [f"{one.shown} {one.inner}" for one in found.published]


DNAT = "-j DNAT --to-destination"


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (f"-A DN -d 127.0.0.1/32 -p tcp -m tcp --dport 5000 {DNAT} 10.88.0.2:5001",
         ["127.0.0.1:5000 5001"]),
        (f"-A DN -p tcp -m tcp --dport 5000 {DNAT} 10.88.0.2", ["0.0.0.0:5000 5000"]),
        (f"-A DN -p tcp -m tcp --dport 5000 {DNAT} [fd00::2]:5000", ["[::]:5000 5000"]),
        (f"-A DN -p tcp -m tcp --dport 5000 {DNAT} 10.88.0.9:5000", []),
        (f"-A DN -p udp -m udp --dport 5000 {DNAT} 10.88.0.2:5000", []),
        (f"-A DN ! -d 127.0.0.1/32 -p tcp -m tcp --dport 5000 {DNAT} 10.88.0.2:5000", []),
        (f"-A DN -p tcp -m tcp --dport 5000:5009 {DNAT} 10.88.0.2:5000-5009", []),
        ("-A DN -p tcp -m tcp --dport 5000 -j DNAT", []),
        (":DN - [0:0]", []),
    ],
)  # fmt: skip
def test_of_iptables(tmp_path: Path, rule: str, found: list[str]) -> None:
    assert published(tmp_path, iptables_nft_save=f"*nat\n{rule}\nCOMMIT\n") == found


def rule(address: str = "", port: Any = 5000, **dnat: Any) -> str:
    def asks(protocol: str, field: str, right: Any) -> dict[str, Any]:
        left = {"payload": {"protocol": protocol, "field": field}}
        return {"match": {"op": "==", "left": left, "right": right}}

    steps = [asks("ip", "daddr", address)] if address else []
    steps += [asks("tcp", "dport", port), {"counter": None}, {"dnat": dnat}]
    return json.dumps({"nftables": [{"metainfo": {}}, 5, {"rule": {"expr": steps}}]})


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (rule("127.0.0.1", addr="10.88.0.2"), ["127.0.0.1:5000 5000"]),
        (rule(addr="10.88.0.2"), ["0.0.0.0:5000 5000"]),
        (rule("192.168.7.2", addr="10.88.0.2"), ["192.168.7.2:5000 5000"]),
        (rule(addr="10.88.0.9"), []),
        (rule(port={"range": [1, 2]}, addr="10.88.0.2"), []),
        (rule(addr={"map": {}}), []),
        ("{", []),
        ("[]", []),
        ('{"nftables": {"rule": 5}}', []),
    ],
)
def test_of_nftables(tmp_path: Path, listed: str, found: list[str]) -> None:
    assert published(tmp_path, nft=listed) == found


def test_a_port_inside_that_was_not_seen_is_filled_in(tmp_path: Path) -> None:
    conmon = Publication("0.0.0.0", 5000, None, "conmon (pid 7)")
    box = Container("podman", "4e" * 32, 7, "/", own_network=True, addresses=("10.88.0.2",),
                    published=(conmon,))  # fmt: skip
    listed = rule(addr="10.88.0.2")
    assert published(tmp_path, box, nft=listed) == ["0.0.0.0:5000 5000"]


def test_nothing_is_listed_where_that_tells_nothing(tmp_path: Path) -> None:
    known = Container("docker", "4e" * 32, 7, "/", own_network=True, addresses=("10.88.0.2",),
                      published_known=True)  # fmt: skip
    listed = rule(addr="10.88.0.2")
    assert published(tmp_path, known, nft=listed) == []
    assert published(tmp_path, uid=1000, nft=listed) == []


def write(root: Path, path: str, text: str) -> None:
    there = root / path.lstrip("/")
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_text(text)


SAVED = f"*nat\n-A DN -p tcp -m tcp --dport 5000 {DNAT} 10.88.0.2:5000\nCOMMIT\n"
LOADED = "nf_tables 356352 2 nft_compat, Live 0x0000000000000000\n"


@pytest.mark.parametrize(
    ("modules", "built_in", "tables", "asked"),
    [
        ("", "", "", set()),
        ("nf_tables_set 1 0 - Live 0x0\n", "kernel/x/nf_tables_set.ko\n", "", set()),
        ("ip_tables 1 0 - Live 0x0\n", "", "filter\nmangle\n", set()),
        ("ip_tables 1 0 - Live 0x0\n", "", "nat\n", {"iptables-legacy-save", "iptables-save"}),
        (LOADED, "", "", {"nft", "iptables-nft-save", "ip6tables-nft-save"}),
        ("", "kernel/net/netfilter/nf_tables.ko\n", "",
         {"nft", "iptables-nft-save", "ip6tables-nft-save"}),
    ],
    ids=["nothing", "names alike", "another table", "the older", "a module", "built in"],
)  # fmt: skip
def test_who_asks_has_no_module_loaded(
    tmp_path: Path, modules: str, built_in: str, tables: str, asked: set[str]
) -> None:
    write(tmp_path, "/proc/modules", modules)
    write(tmp_path, "/proc/sys/kernel/osrelease", "6.1.0-9\n")
    write(tmp_path, "/lib/modules/6.1.0-9/modules.builtin", built_in)
    write(tmp_path, "/proc/net/ip_tables_names", tables)
    host = machine(tmp_path, nft=rule(addr="10.88.0.2"), iptables_legacy_save=SAVED)
    found = published_by_rules(host, BOX).published
    assert {argv[0] for argv in host.ran} == asked
    assert bool(found) == bool(asked)


def test_the_plain_name_may_be_nftables_own(tmp_path: Path) -> None:
    write(tmp_path, "/proc/modules", "ip_tables 1 0 - Live 0x0\n")
    write(tmp_path, "/proc/net/ip_tables_names", "nat\n")
    write(tmp_path, "/usr/sbin/xtables-nft-multi", "")
    (tmp_path / "usr/sbin/iptables-save").symlink_to("xtables-nft-multi")
    host = machine(tmp_path)
    published_by_rules(host, BOX)
    assert [argv[0] for argv in host.ran] == ["iptables-legacy-save"]
