"""The log of a run: journal entries in the shape journalctl prints, wrapped lines, log files."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tabbydoctor import redaction
from tabbydoctor.deployment.parts import Instance, Machine
from tabbydoctor.deployment.unit import Unit
from tabbydoctor.facts import Absent, Unknown
from tabbydoctor.host import Account, CommandResult, Process
from tabbydoctor.redaction import redact
from tabbydoctor.tabbyapi.log import LogLine
from tabbydoctor.tabbyapi.log_lines import known, says
from tabbydoctor.tabbyapi.log_reading import run_log, shown_by
from tabbydoctor.tabbyapi.log_text import cleaned, joined
from tests.scratch_host import ScratchHost

KEY = "0123456789abcdef0123456789abcdef"
RUN = "d6623d26007b45b683b03c3a9cc46997"
STAMP = "2026-08-13 20:55:45.123 "
MACHINE = Machine(systemd=True, systemd_version=252, root=True)
PROPERTIES = {"LoadState": "loaded", "ActiveState": "active", "InvocationID": RUN}


def entry(number: int, message: object, run: str | None = RUN) -> str:
    """One line of `journalctl -o json`, as systemd 252 prints it."""
    fields: dict[str, object] = {
        "_BOOT_ID": "98f3c72add134eaab6de2c6a6d186753",
        "__MONOTONIC_TIMESTAMP": "1648779752",
        "__REALTIME_TIMESTAMP": str(1795411420873585 + number),
        "__CURSOR": f"s=9d76a18b;i={number:x}",
        "MESSAGE": message,
    }
    if run:
        fields["_SYSTEMD_INVOCATION_ID"] = run
    return json.dumps(fields)


def journal(lines: list[str]) -> Callable[[tuple[str, ...]], CommandResult]:
    """What journalctl does with `--lines` and `--reverse`, and the host with a line limit."""

    def answer(argv: tuple[str, ...]) -> CommandResult:
        count = next((int(word[8:]) for word in argv if word.startswith("--lines=")), None)
        if count is None:
            shown = lines[:400]
            return CommandResult(argv, 0, "\n".join(shown), truncated=len(lines) > 400)
        tail = lines[-count:]
        return CommandResult(argv, 0, "\n".join(tail[::-1] if "--reverse" in argv else tail))

    return answer


def instance(**properties: str) -> Instance:
    return Instance("/srv/tabby", unit=Unit("tabbyapi.service", {**PROPERTIES, **properties}))


def printed(*messages: str, width: int = 80) -> list[str]:
    """The lines of TabbyAPI's console without a terminal."""
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    for message in messages:
        console.print(f"{STAMP}{message}", markup=False)
    return [line.rstrip() for line in out.getvalue().splitlines()]


LONG = (
    "WARNING:  Port 5000 is currently in use. Switching to 5001. And so the line goes on well "
    "beyond what a console of eighty columns takes, three times over, until here."
)
FOLDED = f"INFO:     a word {'x' * 230} that is longer than the console"


@pytest.mark.parametrize("width", [80, 60, 200])
@pytest.mark.parametrize("message", [LONG, FOLDED, "INFO:     short"])
def test_what_the_console_wrapped_is_joined(width: int, message: str) -> None:
    lines = printed("INFO:     before", message, "INFO:     after", width=width)
    whole = joined((LogLine(line) for line in lines), width)
    expected = [f"{STAMP}{text}" for text in ("INFO:     before", message, "INFO:     after")]
    assert [line.text for line in whole] == expected


def test_a_traceback_is_not_joined() -> None:
    lines = [
        f"{STAMP}ERROR:    something went wrong, and this line is long enough for",
        "Traceback (most recent call last):",
        '  File "/srv/tabby/main.py", line 187, in <module>',
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for TabbyConfigModel",
    ]
    assert [line.text for line in joined(map(LogLine, lines), 80)] == lines


@pytest.mark.parametrize(
    "text",
    [
        f"{STAMP}INFO:     Your API key is: {KEY}",
        f"Your admin key is: {KEY}",
        f"{STAMP}INFO:     Your API key is: another-{KEY}, {KEY}",
        f'{STAMP}INFO:     headers: {{"authorization": "Bearer {KEY}"}}',
        f"  Input should be a string [type=string_type, input_value='{KEY}', input_type=str]",
    ],
)
def test_keys_are_dropped_and_remembered(text: str) -> None:
    redaction.forget_all()
    assert KEY not in cleaned(LogLine(text)).text
    if "input_value" not in text:
        assert redaction.redact(f"see {KEY}!") == f"see {redaction.MARK}!"


def test_the_journal_of_the_present_run() -> None:
    wrapped = printed(f"INFO:     Your API key is:    {KEY}")
    assert len(wrapped) == 2
    escape = list(b"ERROR:    \x1b[31mCUDA out of memory\x1b[0m \xff")
    lines = [
        entry(1, "Started tabbyapi.service.", None),
        *(entry(2 + number, text) for number, text in enumerate(wrapped)),
        entry(5, escape),
        entry(6, None),
        "{ cut in the mid",
    ]
    host = ScratchHost(commands={"journalctl": journal(lines)})
    log = run_log(host, instance(), MACHINE)
    assert log.source == "journalctl -u tabbyapi.service"
    assert redact(shown_by(log)) == "sudo journalctl -u tabbyapi.service"
    assert log.complete
    assert log.present
    assert KEY not in "".join(line.text for line in log.lines)
    assert says(log, "auth-on")
    assert says(log, "out-of-memory")
    # A field without an underscore can be forged: only the manager's own word counts.
    assert host.ran[0][-4:] == (
        f"_SYSTEMD_INVOCATION_ID={RUN}",
        "+",
        f"INVOCATION_ID={RUN}",
        "_PID=1",
    )


def test_a_million_lines_cost_two_calls() -> None:
    lines = [entry(number, f"INFO:     line {number}") for number in range(5000)]
    host = ScratchHost(commands={"journalctl": journal(lines)})
    log = run_log(host, instance(), MACHINE)
    assert len(host.ran) == 2
    assert not log.complete
    texts = [line.text for line in log.lines]
    assert (texts[0], texts[399], texts[400], texts[-1]) == tuple(
        f"INFO:     line {number}" for number in (0, 399, 3500, 4999)
    )


def test_head_and_tail_that_meet_are_complete() -> None:
    lines = [entry(number, f"INFO:     line {number}") for number in range(1000)]
    log = run_log(ScratchHost(commands={"journalctl": journal(lines)}), instance(), MACHINE)
    assert log.complete
    assert len(log.lines) == 1000


def test_a_stopped_unit_has_no_id_any_more() -> None:
    lines = [entry(1, "INFO:     served"), entry(2, "WARNING:  Shutdown signal called.")]
    host = ScratchHost(commands={"journalctl": journal(lines)})
    log = run_log(host, instance(ActiveState="inactive", InvocationID=""), MACHINE)
    assert host.ran[0][-2:] == ("_SYSTEMD_UNIT=tabbyapi.service", "--lines=1")
    assert host.ran[1][-4] == f"_SYSTEMD_INVOCATION_ID={RUN}"
    assert not log.present
    assert says(log, "stopping")


def test_without_permission_it_is_unknown() -> None:
    words = "No journal files were opened due to insufficient permissions.\n"
    host = ScratchHost(commands={"journalctl": CommandResult(("journalctl",), 1, "", words)})
    with pytest.raises(Unknown, match="adm or systemd-journal"):
        run_log(host, instance(), MACHINE)


def test_without_a_journal_the_newest_log_file(tmp_path: Path) -> None:
    logs = tmp_path / "srv/tabby/logs"
    logs.mkdir(parents=True)
    (logs / "a.log").write_text("old\n")
    os.utime(logs / "a.log", (1, 1))
    text = f"Port 5000 is currently in use. Switching to 5001. {'on and on ' * 20}"
    (logs / "b.log").write_text(
        f"{STAMP}| WARNING  | {text}\n{STAMP}| INFO     | Your API key is: {KEY}\n"
        f"Your admin key is: {KEY}\n"
    )
    (logs / "c.log").symlink_to("/etc/passwd")
    running = Instance("/srv/tabby", process=Process(7, ("python", "main.py"), started=100.0))
    log = run_log(ScratchHost(tmp_path), running, Machine(systemd=False))
    assert log.source == "/srv/tabby/logs/b.log"
    assert log.present
    assert says(log, "port-moved")
    assert KEY not in "".join(line.text for line in log.lines)


def test_of_one_started_by_hand_the_journal_of_its_unit_says_nothing(tmp_path: Path) -> None:
    logs = tmp_path / "srv/tabby/logs"
    logs.mkdir(parents=True)
    (logs / "a.log").write_text("INFO:     by hand\n")
    host = ScratchHost(tmp_path, commands={"journalctl": journal([entry(1, "INFO:     before")])})
    stopped = instance(ActiveState="inactive", InvocationID="")
    by_hand = replace(stopped, process=Process(7, ("python", "main.py")))
    log = run_log(host, by_hand, MACHINE)
    assert (log.source, log.present) == ("/srv/tabby/logs/a.log", True)


def test_a_log_of_an_earlier_run_is_none_of_this(tmp_path: Path) -> None:
    logs = tmp_path / "srv/tabby/logs"
    logs.mkdir(parents=True)
    (logs / "a.log").write_text("old\n")
    os.utime(logs / "a.log", (1, 1))
    running = Instance("/srv/tabby", process=Process(7, ("python", "main.py"), started=100.0))
    with pytest.raises(Absent):
        run_log(ScratchHost(tmp_path), running, Machine(systemd=False))


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ('INFO:     127.0.0.1:5 - "GET /v1/models HTTP/1.1" 401', "refused"),
        ('INFO:     127.0.0.1:5 - "GET /v1/models?probe=tabbydoctor HTTP/1.1" 401', None),
        ('INFO:     127.0.0.1:5 - "GET /OutOfMemoryError HTTP/1.1" 404', None),
        ("INFO:     Prompt: CUDA out of memory", None),
        ("torch.OutOfMemoryError: CUDA out of memory.", "out-of-memory"),
        ("ERROR:    Ports 5000 and 5001 are in use by different services.", "ports-busy"),
        ("ERROR:    [Errno 99] error while attempting to bind on address", "bind-failed"),
        ("OSError: [Errno 98] Address already in use", "bind-failed"),
        ("pydantic.ValidationError: 2 validation errors for AuthKeys", "tokens-refused"),
        ("ValueError: The exllamav2 backend is no longer supported.", "format-gone"),
    ],
)
def test_known_lines(text: str, slug: str | None) -> None:
    found = known(LogLine(f"{STAMP}{text}" if text.startswith(("INFO", "ERROR")) else text))
    assert (found.slug if found else None) == slug


def test_a_users_manager_shows_no_run_of_another_accounts() -> None:
    """What it calls its run's id may be that of any service."""
    one = instance()
    assert one.unit is not None
    unit = replace(one.unit, user_manager=True, owner="mallory")
    host = ScratchHost(
        commands={"journalctl": journal([entry(1, "x")])},
        accounts=[Account("mallory", 61001, 61001)],
    )
    run_log(host, replace(one, unit=unit), MACHINE)
    mixed = " ".join(host.ran[0]).split(" + ")
    assert all("_UID=61001" in match for match in mixed)
