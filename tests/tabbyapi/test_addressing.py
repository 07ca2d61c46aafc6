"""The address of the running server: as told, by its sockets, its log, its configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tabbydoctor.deployment.parts import Instance, ProcessTable
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host.data import Listener, Process
from tabbydoctor.host.local import LocalHost
from tabbydoctor.routers.inputs import tabby_urls
from tabbydoctor.tabbyapi.addressing import address
from tabbydoctor.tabbyapi.config import EffectiveConfig, Origin, Setting
from tabbydoctor.tabbyapi.log import LogLine, RunLog
from tabbydoctor.tabbyapi.probes import Address
from tabbydoctor.targets import Targets

UNIT = Unit("tabbyapi.service", {"MainPID": "10", "ActiveState": "active"})
SERVER = Process(10, ("/srv/venv/bin/python", "main.py"), unit="tabbyapi.service")
STRANGER = Process(20, ("/usr/bin/python3", "/opt/other.py", "--key", "hidden"), unit="o.service")
INSTANCE = Instance("/srv", unit=UNIT, process=SERVER)


def config(host: str = "127.0.0.1", port: int = 5000) -> EffectiveConfig:
    origin = Origin("working-directory", "/srv/config.yml:1")
    return EffectiveConfig(
        "/srv",
        {
            ("network", "host"): Setting("network", "host", host, origin),
            ("network", "port"): Setting("network", "port", port, origin),
        },
    )


def table(*listeners: Listener) -> ProcessTable:
    return ProcessTable((SERVER, STRANGER), listeners)


def log(*lines: str, present: bool = True) -> RunLog:
    return RunLog("journalctl", tuple(LogLine(line) for line in lines), present=present)


def find(
    url: str | None = None,
    instance: Instance | None = INSTANCE,
    effective: EffectiveConfig | None = None,
    seen: ProcessTable | None = None,
    said: RunLog | None = None,
) -> Address:
    return address(LocalHost(), Targets(url=url), instance, effective, seen, said)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000"),
        ("0.0.0.0", "http://127.0.0.1:5000"),
        ("::", "http://[::1]:5000"),
        ("::1", "http://[::1]:5000"),
        ("10.1.2.3", "http://10.1.2.3:5000"),
        ("localhost", "http://localhost:5000"),
    ],
)
def test_by_configuration(host: str, url: str) -> None:
    assert find(effective=config(host)).url == url


def test_its_own_socket_wins() -> None:
    found = find(effective=config(), seen=table(Listener("127.0.0.1", 5000, 10)))
    assert (found.url, found.process_listens) == ("http://127.0.0.1:5000", True)
    assert (found.moved, found.holder) == (False, "")


def test_a_moved_port_names_who_holds_the_configured_one() -> None:
    seen = table(Listener("0.0.0.0", 5000, 20), Listener("127.0.0.1", 5001, 10))
    found = find(effective=config(), seen=seen)
    assert (found.url, found.process_listens) == ("http://127.0.0.1:5001", True)
    assert (found.moved, found.configured) == (True, "127.0.0.1:5000")
    assert found.holder == "python3 other.py (pid 20, o.service)"
    assert found.configured_taken


@pytest.mark.parametrize(
    ("there", "taken"), [((), False), ((Listener("127.0.0.1", 5000, None),), True)]
)
def test_whether_another_listens_at_the_configured_port(
    there: tuple[Listener, ...], taken: bool
) -> None:
    found = find(effective=config(), seen=table(Listener("127.0.0.1", 5001, 10), *there))
    assert (found.moved, found.configured_taken) == (True, taken)


OWN = Listener("127.0.0.1", 5000, 10)
NEXT = Listener("127.0.0.1", 5001, 10)
OLLAMA = Listener("127.0.0.1", 5000, 20)
PROXY = Listener("0.0.0.0", 8000, 20)


@pytest.mark.parametrize(
    ("url", "there", "urls"),
    [
        (None, (), ["http://127.0.0.1:5000"]),
        (None, (OLLAMA,), ["http://127.0.0.1:5000"]),
        (None, (NEXT,), ["http://127.0.0.1:5001", "http://127.0.0.1:5000"]),
        (None, (NEXT, OLLAMA), ["http://127.0.0.1:5001"]),
        ("http://10.9.9.9:5000", (OLLAMA,), ["http://10.9.9.9:5000"]),
        ("http://10.9.9.9:5000", (), ["http://10.9.9.9:5000"]),
        ("http://127.0.0.1:8000", (PROXY, OLLAMA, NEXT), ["http://127.0.0.1:8000"]),
        ("http://127.0.0.1:8000", (PROXY, NEXT), ["http://127.0.0.1:8000"]),
        ("http://127.0.0.1:8000", (PROXY, OWN), ["http://127.0.0.1:8000", "http://127.0.0.1:5000"]),
    ],
)
def test_whose_address_the_configured_one_is(
    url: str | None, there: tuple[Listener, ...], urls: list[str]
) -> None:
    effective = config()
    found = find(url, effective=effective, seen=table(*there))
    assert list(tabby_urls(found, effective)) == urls
    assert found.configured_taken is (OLLAMA in there)


def test_without_an_address_the_configuration_tells() -> None:
    assert tabby_urls(None, config("::1", 5005)) == ("http://[::1]:5005",)
    assert tabby_urls(None, None) == ("http://127.0.0.1:5000",)


def test_a_stranger_on_the_port() -> None:
    found = find(effective=config(), seen=table(Listener("127.0.0.1", 5000, 20)))
    assert (found.process_listens, found.moved) == (False, False)
    assert found.holder.startswith("python3 other.py")


def test_a_socket_whose_owner_is_unseen_tells_nothing() -> None:
    found = find(effective=config(), seen=table(Listener("127.0.0.1", 5000, None)))
    assert (found.process_listens, found.holder) == (None, "")


def test_a_child_in_the_unit_is_its_own_process() -> None:
    child = Process(11, ("python",), unit="tabbyapi.service")
    seen = ProcessTable((SERVER, child), (Listener("127.0.0.1", 5000, 11),))
    assert find(effective=config(), seen=seen).process_listens is True


def test_the_same_name_in_a_user_manager_is_another_unit() -> None:
    other = Process(12, ("python",), unit="tabbyapi.service", user_unit=True)
    seen = ProcessTable((SERVER, other), (Listener("127.0.0.1", 5000, 12),))
    assert find(effective=config(), seen=seen).process_listens is False


def test_a_library_port_is_not_the_api() -> None:
    seen = table(Listener("127.0.0.1", 43210, 10))
    assert find(effective=config(), seen=seen).url == "http://127.0.0.1:5000"


def test_a_port_of_an_older_configuration() -> None:
    seen = table(Listener("127.0.0.1", 6000, 10), Listener("127.0.0.1", 43210, 10))
    found = find(effective=config(), seen=seen)
    assert (found.url, found.moved) == ("http://127.0.0.1:6000", True)


def test_by_log() -> None:
    said = log("x", "Uvicorn running on http://0.0.0.0:5001 (Press CTRL+C to quit)")
    found = find(effective=config(), said=said)
    assert (found.url, found.moved) == ("http://127.0.0.1:5001", True)


def test_a_log_of_a_run_that_is_over_is_not_asked() -> None:
    said = log("Uvicorn running on http://127.0.0.1:5001", present=False)
    assert find(effective=config(), said=said).url == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    "forged", ["Uvicorn running on http://192.0.2.7:80", "Uvicorn running on http://evil.test:80"]
)
def test_a_prompt_in_the_log_cannot_lead_elsewhere(forged: str) -> None:
    assert find(effective=config(), said=log(forged)).url == "http://127.0.0.1:5000"
    true = "Uvicorn running on http://127.0.0.1:5001"
    assert find(effective=config(), said=log(true, forged)).url == "http://127.0.0.1:5001"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://192.0.2.1:5000/", "http://192.0.2.1:5000"),
        ("http://192.0.2.1:5000/v1", "http://192.0.2.1:5000"),
        ("https://tabby.example/llm/v1/", "https://tabby.example:443/llm"),
        ("192.0.2.1:5000", "http://192.0.2.1:5000"),
        ("http://user:secret@192.0.2.1", "http://192.0.2.1:80"),
    ],
)
def test_another_machine_by_url_is_trusted(given: str, url: str) -> None:
    found = find(given, effective=config(), seen=table(Listener("127.0.0.1", 5000, 20)))
    assert (found.url, found.trusted) == (url, True)
    assert (found.moved, found.holder, found.process_listens) == (False, "", None)


@pytest.mark.parametrize(
    "given", ["http://127.0.0.1:5000", "localhost:5000", "http://[::1]:5000", "http://0.0.0.0:5000"]
)
def test_this_machine_by_url_is_not_trusted(given: str) -> None:
    assert find(given, instance=None).trusted is False


def test_an_address_of_this_machine_is_not_trusted_either(monkeypatch: pytest.MonkeyPatch) -> None:
    trie = "  |-- 192.0.2.9\n     /32 host LOCAL\n  |-- 192.0.2.255\n     /32 link BROADCAST\n"
    files = {"/proc/net/fib_trie": trie, "/etc/hosts": "127.0.1.1 gpubox # me\n"}
    monkeypatch.setattr("tabbydoctor.tabbyapi.locality._text", lambda _, path: files.get(path, ""))
    assert find("http://192.0.2.9:5000").trusted is False
    assert find("http://GPUbox:5000").trusted is False
    assert find("http://192.0.2.255:5000").trusted is True


def test_a_mapped_port_given_by_url_has_not_moved() -> None:
    contained = replace(INSTANCE, container="docker tabbyapi")
    seen = table(Listener("0.0.0.0", 8080, 20))
    found = find("http://127.0.0.1:8080", contained, config(), seen)
    assert (found.moved, found.process_listens) == (False, None)


@pytest.mark.parametrize("given", ["ftp://x", "http://", "http://[::1", "http://h:99999"])
def test_what_is_no_address_is_said(given: str) -> None:
    with pytest.raises(Unknown, match="--url is not an HTTP address"):
        find(given)


def test_nothing_to_go_by() -> None:
    with pytest.raises(Absent):
        find(instance=None)
    with pytest.raises(Unknown, match="--url"):
        find()
