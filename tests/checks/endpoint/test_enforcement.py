"""API004, API005, API006: the running server against its files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checks.endpoint.admin_rejected import admin_rejected
from checks.endpoint.auth_differs import auth_differs
from checks.endpoint.key_rejected import key_rejected
from tabbydoctor.api import Absent, Safety, Severity, Unknown
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.host.data import Process
from tabbydoctor.tabbyapi.installation import Installation
from tabbydoctor.tabbyapi.probes import Address
from tests.checks.endpoint.conftest import Seen, Start, look, probe
from tests.contract.server import ADMIN_KEY, API_KEY
from tests.host.servers import answers, listening, routes

AUTH_OFF = "network: {disable_auth: true}\n"
OTHERS = "api_key: some-other-key\nadmin_key: some-other-admin\n"
UNIT = Unit("tabby api.service", {"ActiveState": "active"})


def test_a_healthy_server_enforces_what_its_files_say(healthy: Seen) -> None:
    assert not list(auth_differs.judge(healthy.endpoint, healthy.config, None))
    assert not list(key_rejected.judge(healthy.endpoint, healthy.tokens, None, None))
    assert not list(admin_rejected.judge(healthy.endpoint, healthy.tokens, None, None))


def test_so_does_one_with_authentication_off(start: Start) -> None:
    seen = look(start({"config.yml": AUTH_OFF}))
    assert not list(auth_differs.judge(seen.endpoint, seen.config, None))
    assert not list(key_rejected.judge(seen.endpoint, seen.tokens, None, None))
    assert not list(admin_rejected.judge(seen.endpoint, seen.tokens, None, None))


def test_auth_turned_off_since_the_start(start: Start) -> None:
    server = start()
    server.write({"config.yml": AUTH_OFF})
    seen = look(server)
    (finding,) = auth_differs.judge(seen.endpoint, seen.config, replace(seen.instance, unit=UNIT))
    assert finding.title.startswith("The server asks for a key although")
    assert [one.actual for one in finding.evidence] == ["true", "401"]
    assert "config.yml:1" in finding.evidence[0].source
    assert finding.remedies[0].commands == ("sudo systemctl restart 'tabby api.service'",)


def test_auth_turned_on_since_the_start(start: Start) -> None:
    server = start({"config.yml": AUTH_OFF})
    server.write({"config.yml": "network: {disable_auth: false}\n"})
    seen = look(server)
    (finding,) = auth_differs.judge(seen.endpoint, seen.config, None)
    assert finding.title.startswith("The server accepts requests without a key although")


def test_a_configuration_that_cannot_start_is_not_compared(start: Start) -> None:
    server = start()
    server.write({"config.yml": "network: {disable_auth: true, port: abc}\n"})
    seen = look(server)
    assert not list(auth_differs.judge(seen.endpoint, seen.config, None))


def test_a_401_of_something_in_front_proves_nothing(healthy: Seen) -> None:
    info = b'{"software":{"name":"TabbyAPI"}}'
    gate = routes({"/.well-known/serviceinfo": answers("200 OK", info)}, answers("401 No", b"no"))
    with listening(gate) as server:
        found = probe(Address(server.url, "", "the test"))
    with pytest.raises(Unknown, match="401"):
        list(auth_differs.judge(found, healthy.config, None))


def test_nobody_and_strangers_are_skipped(healthy: Seen) -> None:
    with listening(answers("200 OK", b"{}")) as server:
        stranger = probe(Address(server.url, "", "the test"))
    nobody = probe(Address(server.url, "", "the test"))
    for found in (stranger, nobody):
        with pytest.raises(Absent):
            list(auth_differs.judge(found, healthy.config, None))
        with pytest.raises(Absent):
            list(key_rejected.judge(found, healthy.tokens, None, None))
        with pytest.raises(Absent):
            list(admin_rejected.judge(found, healthy.tokens, None, None))


def other_keys(start: Start) -> Seen:
    """A file in which both keys are not the server's (it has not read it again yet)."""
    server = start()
    tokens = server.directory / "api_tokens.yml"
    running = look(server)
    tokens.unlink()  # a missing file keeps the old keys
    tokens.with_name("other.yml").write_text(OTHERS)
    found = replace(running.tokens, api_keys=("some-other-key",), admin_key="some-other-admin")
    return replace(running, endpoint=probe(running.endpoint.address, found), tokens=found)


def test_refused_keys(start: Start) -> None:
    seen = other_keys(start)
    (finding,) = key_rejected.judge(seen.endpoint, seen.tokens, seen.instance, None)
    assert finding.title == f"The server refuses the API key of {seen.tokens.path}"
    assert finding.severity is None
    (admin,) = admin_rejected.judge(seen.endpoint, seen.tokens, seen.instance, None)
    assert admin.title == f"The server refuses the admin key of {seen.tokens.path}"
    for secret in ("some-other", API_KEY, ADMIN_KEY):
        assert secret not in repr((finding, admin))


@pytest.mark.parametrize(
    ("started", "reloads", "words"),
    [
        (-5.0, None, "older versions read it only when they start"),
        (-5.0, False, "this version reads it only when it starts"),
        (-5.0, True, "did not take the change over"),
        (+5.0, True, "has not changed since the start"),
        (-0.9, True, "has not changed since the start"),
    ],
)
def test_it_says_whether_the_file_changed(
    start: Start, started: float, reloads: bool | None, words: str
) -> None:
    seen = other_keys(start)
    assert seen.tokens.status
    process = Process(1, ("python",), started=seen.tokens.status.modified + started)
    version = Installation("/srv", {}, "the test", True, live_reload=reloads)
    later = replace(seen.endpoint, asked_at=seen.endpoint.asked_at + 9)
    running = replace(seen.instance, process=process)
    (finding,) = key_rejected.judge(later, seen.tokens, running, version)
    assert words in finding.detail


def test_some_keys_of_a_list_refused_is_a_warning(start: Start) -> None:
    seen = look(start())
    listed = replace(seen.tokens, api_keys=(API_KEY, "not-yet-known"), is_list=True)
    found = probe(seen.endpoint.address, listed)
    (finding,) = key_rejected.judge(found, listed, None, None)
    assert finding.title.startswith("The server refuses 1 of 2 API keys")
    assert finding.severity is Severity.WARNING


def test_an_admin_key_that_is_only_an_api_key(start: Start) -> None:
    seen = look(start())
    swapped = replace(seen.tokens, admin_key=API_KEY)
    (finding,) = admin_rejected.judge(probe(seen.endpoint.address, swapped), swapped, None, None)
    assert "for an API key" in finding.title


def test_a_key_that_was_never_sent_is_not_refused(start: Start) -> None:
    seen = look(start())
    unsendable = replace(seen.tokens, api_keys=("clé",))
    found = probe(seen.endpoint.address, unsendable)
    assert not list(key_rejected.judge(found, unsendable, None, None))


def test_keys_changed_a_moment_ago_are_about_to_be_taken_over(start: Start) -> None:
    server = start()
    server.write({"api_tokens.yml": OTHERS})
    seen = look(server)  # at once: the server looks every two seconds
    reloads = Installation("/srv", {}, "the test", True, live_reload=True)
    for check in (key_rejected, admin_rejected):
        (finding,) = check.judge(seen.endpoint, seen.tokens, seen.instance, reloads)
        assert finding.severity is Severity.WARNING
        assert "not yet taken over" in finding.title
        assert not any("restart" in one for remedy in finding.remedies for one in remedy.commands)
        once = replace(reloads, live_reload=False)
        late = replace(seen.endpoint, asked_at=seen.endpoint.asked_at + 9)
        for endpoint, version in ((seen.endpoint, once), (late, reloads)):
            (finding,) = check.judge(endpoint, seen.tokens, seen.instance, version)
            assert finding.severity is None


def test_keys_written_just_before_the_start_are_not_about_to_be_taken_over(start: Start) -> None:
    """The kernel tells its boot in whole seconds: a start can seem up to one too early."""
    server = start()
    server.write({"api_tokens.yml": OTHERS})
    seen = look(server)
    assert seen.tokens.status
    changed = max(seen.tokens.status.modified, seen.tokens.status.changed)
    reloads = Installation("/srv", {}, "the test", True, live_reload=True)
    for before, severity in ((0.9, None), (2.0, Severity.WARNING)):
        process = Process(7, ("python", "main.py"), started=changed - before)
        running = replace(seen.instance, process=process)
        for check in (key_rejected, admin_rejected):
            (finding,) = check.judge(seen.endpoint, seen.tokens, running, reloads)
            assert finding.severity is severity


def test_a_file_that_the_server_does_not_read_is_not_cured_by_a_restart(start: Start) -> None:
    seen = other_keys(start)
    read = f"{seen.instance.directory}/api_tokens.yml"
    named = replace(seen.tokens, path="/srv/old/api_tokens.yml", read_instead=read)
    running = replace(seen.instance, unit=UNIT)
    for check in (key_rejected, admin_rejected):
        (finding,) = check.judge(seen.endpoint, named, running, None)
        assert finding.title.endswith("/srv/old/api_tokens.yml")
        assert f"reads {read}," in finding.detail
        (remedy,) = finding.remedies
        assert remedy.safety is Safety.MANUAL
        assert not any("restart" in one for one in remedy.commands)


def test_a_restart_stops_what_was_started_by_hand_first(start: Start) -> None:
    seen = other_keys(start)
    by_hand = replace(seen.instance, unit=UNIT, process=Process(134, ("python", "main.py")))
    (finding,) = key_rejected.judge(seen.endpoint, seen.tokens, by_hand, None)
    assert finding.remedies[0].commands == (
        "sudo kill 134",
        "sudo systemctl restart 'tabby api.service'",
    )


@pytest.mark.parametrize(
    ("kept", "check"),
    [
        ({"withheld": "unseen", "admin_withheld": "unseen"}, key_rejected),
        ({"withheld": "unseen", "admin_withheld": "unseen"}, admin_rejected),
        ({"admin_withheld": "unseen"}, admin_rejected),
    ],
)
def test_a_key_that_was_kept_back_is_not_said_to_be_good(
    healthy: Seen, kept: dict[str, Any], check: Any
) -> None:
    with pytest.raises(Unknown, match="was not sent: unseen"):
        list(check.judge(replace(healthy.endpoint, **kept), healthy.tokens, None, None))
    assert not list(key_rejected.judge(healthy.endpoint, healthy.tokens, None, None))
