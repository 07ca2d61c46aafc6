"""TOK004, TOK005, TOK007, TOK009: who can come at the keys, and where they lie."""

from __future__ import annotations

import os
import struct
from dataclasses import replace

import pytest

from checks.tokens.denied import denied
from checks.tokens.logs_hold_keys import logs_hold_keys
from checks.tokens.misplaced import misplaced
from checks.tokens.readable import readable
from tabbydoctor.deployment.parts import RouterSite
from tabbydoctor.deployment.people import people
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.host import Account, Group
from tabbydoctor.tabbyapi.log_holdings import log_holdings
from tabbydoctor.tabbyapi.token_paths import token_paths
from tabbydoctor.tabbyapi.tokens_reading import tokens
from tabbydoctor.targets import Targets

from .deployment import (
    ALICE,
    DAEMON,
    EVERYONE,
    KEYS,
    ROOT,
    ROUTER,
    SERVICE,
    Scene,
    config,
    judge,
    log,
)


def judged_readable(scene: Scene, disable_auth: bool = False) -> list[Finding]:
    router = RouterSite("/srv/router/router.py", "python", user=ROUTER)
    facts = (scene.tokens, scene.paths, scene.people, scene.instance, config(disable_auth))
    return judge(readable, *facts, router)


def judged_denied(scene: Scene) -> list[Finding]:
    return judge(denied, scene.tokens, scene.paths, config(), scene.instance, scene.account)


def test_healthy(scene: Scene) -> None:
    scene.write()
    assert judged_readable(scene) == []
    assert judged_denied(scene) == []
    assert judge(misplaced, scene.tokens, scene.paths) == []


def test_healthy_without_a_file_that_can_be_made(scene: Scene) -> None:
    assert judged_denied(scene) == []


def test_readable_by_all(scene: Scene) -> None:
    scene.write(mode=0o644)
    (finding,) = judged_readable(scene)
    assert finding.severity is Severity.WARNING
    assert finding.title == "alice can read /srv/tabby/api_tokens.yml"
    assert finding.remedies[0].commands == (
        "sudo chown tabby:61002 /srv/tabby/api_tokens.yml",
        "sudo chmod 640 /srv/tabby/api_tokens.yml",
    )
    assert finding.remedies[-1].title.startswith("Rotate")


def test_a_remark_where_only_daemons_can_read_it(scene: Scene) -> None:
    scene.write(mode=0o644)
    scene.accounts = (ROOT, SERVICE, DAEMON)
    (finding,) = judged_readable(scene)
    assert finding.severity is Severity.INFO


def test_a_remark_while_authentication_is_off(scene: Scene) -> None:
    scene.write(mode=0o644)
    (finding,) = judged_readable(scene, disable_auth=True)
    assert finding.severity is Severity.INFO


def test_a_closed_directory_protects_it(scene: Scene) -> None:
    scene.write(mode=0o644)
    scene.directory.chmod(0o700)
    assert judged_readable(scene) == []


def test_the_router_may_read_it_by_its_group(scene: Scene) -> None:
    scene.write(mode=0o640)
    os.chown(scene.file, SERVICE.uid, ROUTER.gid)
    assert judged_readable(scene) == []


def test_readable_by_an_access_control_list(scene: Scene) -> None:
    scene.write()
    entries = [(1, 6, 2**32 - 1), (2, 4, ALICE.uid), (4, 0, 2**32 - 1), (16, 4, 2**32 - 1)]
    entries.append((32, 0, 2**32 - 1))
    raw = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(scene.file, "system.posix_acl_access", raw)
    except OSError as error:
        pytest.skip(f"this file system has no ACL: {error}")
    (finding,) = judged_readable(scene)
    assert "alice" in finding.title
    assert finding.remedies[0].commands[0] == "sudo setfacl -b /srv/tabby/api_tokens.yml"


def test_a_thousand_accounts_are_one_finding(scene: Scene) -> None:
    scene.write(mode=0o644)
    many = [Account(f"u{n}", 70000 + n, 70000 + n, shell="/bin/sh") for n in range(3000)]
    scene.accounts = (*EVERYONE, *many)
    (finding,) = judged_readable(scene)
    assert finding.title.startswith("3001 login accounts can read ")
    assert len(repr(finding)) < 3000


def test_those_named_are_those_counted(scene: Scene) -> None:
    scene.write(mode=0o644)
    bob = replace(ALICE, name="bob", uid=61009, gid=61009, groups=(61009,))
    daemons = [replace(DAEMON, name=f"d{n}", uid=62000 + n) for n in range(22)]
    scene.accounts = (ROOT, SERVICE, ALICE, bob, *daemons)
    (finding,) = judged_readable(scene)
    assert finding.title.startswith("2 login accounts can read ")
    said = finding.evidence[0].actual or ""
    assert said.endswith("read by alice and bob, who can log in; by 22 system accounts, too")
    scene.accounts = (ROOT, SERVICE, *daemons)
    (finding,) = judged_readable(scene)
    assert finding.title.startswith("22 system accounts can read ")
    assert (finding.evidence[0].actual or "").endswith("read by d0, d1, d2, d3, d4 and 17 more")


def test_misplaced(scene: Scene) -> None:
    (scene.directory / "api_keys.yml").write_text(KEYS)
    (finding,) = judge(misplaced, scene.tokens, scene.paths)
    assert finding.title == "TabbyAPI does not read /srv/tabby/api_keys.yml"
    assert finding.remedies[0].commands == (
        "sudo mv -n /srv/tabby/api_keys.yml /srv/tabby/api_tokens.yml",
    )


def test_misplaced_beside_the_config_file(scene: Scene) -> None:
    scene.write()
    elsewhere = scene.root / "etc/tabby"
    elsewhere.mkdir(parents=True)
    (elsewhere / "api_tokens.yml").write_text(KEYS)
    given = replace(config(), config_argument="/etc/tabby/config.yml")
    paths = token_paths(scene.host, scene.instance, scene.tokens, given)
    (finding,) = judge(misplaced, scene.tokens, paths)
    assert "/etc/tabby/api_tokens.yml" in finding.title


def test_misplaced_beside_main_by_the_wrong_working_directory(scene: Scene) -> None:
    scene.write()
    (scene.root / "opt/tabby").mkdir(parents=True)
    (scene.root / "opt/tabby/api_tokens.yml").write_text(KEYS)
    (scene.directory / "api_keys.yml").write_text(KEYS)
    elsewhere = replace(scene.instance, program="/opt/tabby")
    paths = token_paths(scene.host, elsewhere, scene.tokens, None)
    named, beside = judge(misplaced, scene.tokens, paths)
    assert named.caused_by is None
    assert "/opt/tabby/api_tokens.yml" in beside.title
    assert beside.caused_by == ("SVC007",)


def test_the_file_that_tabbyapi_reads_is_not_misplaced(scene: Scene) -> None:
    """Whatever file is named with --tokens."""
    scene.write()
    (scene.root / "srv/old").mkdir()
    (scene.root / "srv/old/api_tokens.yml").write_text(KEYS)
    targets = Targets(tokens="/srv/old/api_tokens.yml")
    named = tokens(scene.host, scene.instance, targets, None)
    paths = token_paths(scene.host, scene.instance, named, None)
    assert judge(misplaced, named, paths) == []
    assert named.read_instead == "/srv/tabby/api_tokens.yml"
    (scene.root / "srv/same").symlink_to("tabby")
    same = Targets(tokens="/srv/same/api_tokens.yml")
    assert tokens(scene.host, scene.instance, same, None).read_instead == ""


def test_denied_by_the_file(scene: Scene) -> None:
    scene.write(uid=0)
    os.chown(scene.directory, 0, 0)
    (finding,) = judged_denied(scene)
    assert finding.title == "tabby cannot read /srv/tabby/api_tokens.yml"
    assert "sudo chown tabby /srv/tabby/api_tokens.yml" in finding.remedies[0].commands
    scene.properties = {"ActiveState": "failed"}
    (finding,) = judged_denied(scene)
    assert finding.remedies[0].commands[-2:] == (
        "sudo systemctl reset-failed tabbyapi.service",
        "sudo systemctl restart tabbyapi.service",
    )


def test_what_the_service_may_have_moved_there_is_not_opened_to_it(scene: Scene) -> None:
    scene.write(uid=0)
    (finding,) = judged_denied(scene)
    commands = [line for remedy in finding.remedies for line in remedy.commands]
    assert not any("chown" in line or "setfacl" in line for line in commands)


def test_what_is_behind_a_link_of_the_service_s_is_not_opened_to_it(scene: Scene) -> None:
    (scene.root / "root").mkdir(mode=0o700)
    (scene.root / "root" / "api_tokens.yml").write_text(KEYS)
    scene.file.symlink_to("/root/api_tokens.yml")
    os.chown(scene.file, SERVICE.uid, SERVICE.gid, follow_symlinks=False)
    assert scene.tokens.problem == "unreadable"
    assert scene.tokens.api_keys == ()
    (finding,) = judged_denied(scene)
    (remedy,) = finding.remedies
    assert remedy.commands == ("ls -l /srv/tabby/api_tokens.yml /root/api_tokens.yml",)


def test_denied_by_a_directory_on_the_way(scene: Scene) -> None:
    scene.write()
    os.chown(scene.directory, 0, 0)
    (scene.root / "srv").chmod(0o700)
    (finding,) = judged_denied(scene)
    assert finding.remedies[0].commands == ("sudo setfacl -m u:tabby:x /srv",)


def test_not_denied_to_a_group_of_the_unit(scene: Scene) -> None:
    scene.write(uid=0, mode=0o640)
    os.chown(scene.file, 0, 62001)
    assert judged_denied(scene)
    scene.groups = (Group("llm", 62001),)
    scene.properties = {"SupplementaryGroups": "llm"}
    assert judged_denied(scene) == []


def test_cannot_be_created(scene: Scene) -> None:
    os.chown(scene.directory, 0, 0)
    (finding,) = judged_denied(scene)
    assert finding.title == "tabby cannot create /srv/tabby/api_tokens.yml"


def test_cannot_be_created_in_the_sandbox(scene: Scene) -> None:
    scene.properties = {"ProtectSystem": "strict"}
    (finding,) = judged_denied(scene)
    assert finding.caused_by == ("SVC012",)
    scene.properties |= {"ReadWritePaths": "-/srv/tabby"}
    assert judged_denied(scene) == []


def holding_log(scene: Scene, text: str, mode: int) -> None:
    logs = scene.directory / "logs"
    logs.mkdir(exist_ok=True)
    os.chown(logs, SERVICE.uid, SERVICE.uid)
    file = logs / "2026-08-13.log"
    file.write_text(text)
    file.chmod(mode)
    os.chown(file, SERVICE.uid, SERVICE.uid)


def judged_logs(scene: Scene, *lines: str) -> list[Finding]:
    holdings = log_holdings(scene.host, scene.instance)
    run = log(*lines, source="journalctl -u tabbyapi.service") if lines else None
    return judge(logs_hold_keys, holdings, scene.people, scene.instance, run, None)


PRINTED = "start\n2026-08-13 20:55:45.123 | INFO     | Your API key is: 0123456789abcdef\n"


def test_log_file_holds_a_key(scene: Scene) -> None:
    holding_log(scene, PRINTED, 0o644)
    (finding,) = judged_logs(scene)
    assert finding.severity is Severity.WARNING
    assert finding.evidence[0].source == "/srv/tabby/logs/2026-08-13.log:2"
    assert finding.detail == "This log file of TabbyAPI's holds keys and is open to others."


@pytest.mark.parametrize(
    ("text", "mode"),
    [(PRINTED, 0o600), ("nothing of note\nan api key is needed\n", 0o644)],
)
def test_log_file_that_is_closed_or_holds_none(scene: Scene, text: str, mode: int) -> None:
    holding_log(scene, text, mode)
    assert judged_logs(scene) == []


def test_journal_holds_a_key(scene: Scene) -> None:
    line = "INFO:     Your admin key is: [redacted]"
    assert judged_logs(scene, line) == []
    scene.groups = (Group("adm", 4, ("alice",)),)
    scene.accounts = (ROOT, SERVICE, replace(ALICE, groups=(ALICE.gid, 4)))
    (finding,) = judged_logs(scene, line)
    assert finding.title == "alice can read keys in the journal"
    assert finding.remedies[0].commands == ("sudo gpasswd -d alice adm",)
    assert judged_logs(scene, "INFO:     nothing of note") == []


def test_accounts_of_service_and_router_are_no_others(scene: Scene) -> None:
    found = people(scene.host, scene.instance, RouterSite(None, "python", user=ROUTER))
    assert {account.name for account in found.others} == {"alice", "daemon"}
