"""What the operator sees, on a terminal and in a pipe."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import shlex
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tabbydoctor.diagnosis.finding import Remedy, Safety, Severity
from tabbydoctor.diagnosis.report import CheckResult, Report, Root, Status
from tabbydoctor.reports.terminal import TerminalReporter
from tests.reports.reports import (
    DEPLOYMENT,
    EMPTY,
    EVERY,
    HEALTHY,
    ONE_ROOT,
    OPEN,
    TWO_ROOTS,
    check,
    fault,
    hostile,
    report,
    result,
)

ESCAPE = "\x1b"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def piped(given: Report, *, verbose: bool = False) -> str:
    stream = io.StringIO()
    TerminalReporter().write(given, stream, verbose=verbose)
    return stream.getvalue()


def on_terminal(given: Report) -> str:
    stream = Terminal()
    TerminalReporter().write(given, stream, verbose=False)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)


def test_one_root_with_its_consequences() -> None:
    assert piped(ONE_ROOT) == (
        """\
TabbyAPI is broken: 1 error, 5 consequences.

TabbyAPI  tabbyapi.service, in /opt/tabbyapi, as user tabby
URL       http://127.0.0.1:5000
router    /opt/router/router.py, router.service, kind python

CFG004  error    auth.disable in /opt/tabbyapi/config.yml has no effect
        TabbyAPI knows no section `auth`, so it still asks for a key.
        seen: /opt/tabbyapi/config.yml:12
          expected  network.disable_auth: true
          actual    auth.disable: true
        remedy (safe): let the router send the key
            tabbydoctor fix --auth
        causes
          RTR001  consequence 1
          RTR002  consequence 2
          RTR003  consequence 3
          RTR004  consequence 4
          RTR005  consequence 5

Next: tabbydoctor fix --auth, or tabbydoctor explain CFG004 for more.
"""
    )


def test_a_healthy_deployment_is_said_in_a_few_lines() -> None:
    lines = piped(HEALTHY).splitlines()
    assert lines[0] == "TabbyAPI is healthy: 5 checks passed, 2 skipped."
    assert lines[-1] == "Nothing to do. tabbydoctor check --verbose shows every check."
    assert "CFG001" not in piped(HEALTHY)


def test_verbose_adds_what_passed_and_why_something_was_skipped() -> None:
    shown = piped(HEALTHY, verbose=True)
    assert "CFG001  a-name\n" in shown
    assert "skipped: 2\n  no router was found\n    RTR001 RTR002\n" in shown


def test_verbose_adds_the_evidence_of_consequences() -> None:
    assert "/file:1" not in piped(ONE_ROOT)
    assert "seen: /file:1" in piped(ONE_ROOT, verbose=True)


def test_roots_stand_in_the_order_of_the_diagnosis_and_remarks_after_them() -> None:
    shown = piped(TWO_ROOTS)
    assert shown.startswith("TabbyAPI is broken: 1 error, 1 warning.\n")
    places = [shown.index(id) for id in ("\nGPU001", "\nTOK004", "\nCFG011")]
    assert places == sorted(places)
    assert "At next start." not in shown
    assert "fix --auth" not in shown


def test_a_fault_that_no_root_explains_is_shown_all_the_same() -> None:
    lost = report(result("CFG005", fault("port is no number")))
    assert "CFG005  error    port is no number" in piped(lost)


def test_every_finding_of_a_root_is_shown_and_those_of_a_consequence_are_counted() -> None:
    several = report(
        result("CFG003", fault("one"), fault("two")),
        result("CFG005", fault("three"), fault("four")),
        roots=(Root("CFG003", ("CFG005",), ""),),
    )
    shown = piped(several)
    assert "CFG003  error    one" in shown
    assert "CFG003  error    two" in shown
    assert "CFG005  three (and 1 more)" in shown


def test_what_could_not_be_told_is_never_called_healthy() -> None:
    shown = piped(OPEN)
    assert shown.startswith("No fault found, but 3 checks could not tell: 1 check passed.\n")
    assert "  run as root to read /dev/nvidia0's ACL\n    GRP001 GRP002\n" in shown
    assert "SVC011  crashed  a-name: ValueError: boom" in shown


def test_an_empty_report() -> None:
    assert piped(EMPTY).splitlines()[0] == "Nothing to judge: no check was run."


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_a_pipe_gets_80_columns_and_no_escape(name: str, verbose: bool) -> None:
    shown = piped(EVERY[name], verbose=verbose)
    assert ESCAPE not in shown
    assert_narrow(shown)


def test_long_paths_and_wide_characters_stay_within_80_columns_or_stand_alone() -> None:
    long_path = "/" + "/".join(["a-rather-long-directory-name"] * 6)
    for value in (long_path, f"see {long_path} there", "模型 " * 60, "words " * 60):
        assert_narrow(piped(hostile(value), verbose=True))


def assert_narrow(shown: str) -> None:
    for line in shown.splitlines():
        tokens = line.removesuffix(" \\").strip()
        words = shlex.split(tokens) if tokens.startswith(("cat", "'")) else tokens.split()
        assert cell_len(line) <= 80 or len(words) == 1, line


@given(st.text())
def test_a_pipe_never_gets_a_control_character(value: str) -> None:
    shown = piped(hostile(value), verbose=True)
    assert all(char.isprintable() for char in shown.replace("\n", ""))


@given(st.text())
def test_a_value_never_starts_a_line_of_its_own_making(value: str) -> None:
    margin = re.compile(r"^\S+", re.MULTILINE)
    known = set(margin.findall(piped(hostile("x"), verbose=True)))
    assert set(margin.findall(piped(hostile(value), verbose=True))) <= known


@given(st.text())
def test_a_terminal_gets_no_escape_but_its_colours(value: str) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(hostile(value)))
    assert all(char.isprintable() for char in shown.replace("\n", ""))


def test_control_characters_are_made_visible() -> None:
    shown = piped(hostile("/srv/a\x1b[2Jb\nc\u202e"))
    assert r"/srv/a\x1b[2Jb\nc\u202e" in shown


def test_bytes_that_are_no_text_are_shown_as_bytes() -> None:
    assert r"/srv/caf\xe9" in piped(hostile("/srv/caf\udce9"))


def test_rich_markup_in_a_value_is_no_markup() -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(hostile("[red]x[/red] :smile: [link=a]")))
    assert "[red]x[/red] :smile: [link=a]" in shown


def test_a_value_of_several_lines_keeps_them_behind_a_rule() -> None:
    shown = piped(hostile("first\nsecond"))
    assert "  actual    | first\n                    | second\n" in shown


def test_a_terminal_gets_colour() -> None:
    assert f"{ESCAPE}[1;38;5;160mTabbyAPI is broken" in on_terminal(ONE_ROOT)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colour_gets_none(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert on_terminal(ONE_ROOT) == piped(ONE_ROOT)


def test_both_looks_are_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(ONE_ROOT)) == piped(ONE_ROOT)


def test_a_wide_terminal_is_used_up_to_100_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    shown = on_terminal(report(result("CFG001", fault("x", detail="words " * 60))))
    assert 90 < max(len(line) for line in shown.splitlines() if "words" in line) <= 100


def test_a_stream_that_cannot_say_a_character_gets_an_escape() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    TerminalReporter().write(hostile("/srv/café"), stream, verbose=False)
    stream.flush()
    assert rb"/srv/caf\xe9" in raw.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ["a"] * 100,
        ["/opt/some long path/" + "x" * 70, "--flag"] * 3,
        ["it's", 'say "so"', "a\\b", "$HOME", "`id`", "#no comment", "tab\there", "two\nlines"] * 3,
        ["caf\u00e9", "\u202e", "\x1b[31m", "<<EOF\nEOF\n"],
    ],
)
def test_a_command_means_the_same_when_pasted(arguments: list[str]) -> None:
    command = "printf '%s\\0' " + " ".join(map(shlex.quote, arguments))
    remedy = Remedy("print", commands=(command,))
    shown = piped(report(result("CFG001", fault("x", remedies=(remedy,)))))
    pasted = shown.split("remedy (manual): print\n")[1].split("\n\nNext:")[0]
    assert_narrow(pasted)
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(["bash", "-c", pasted], capture_output=True, check=True, env=environment)
    assert ran.stdout.decode().split("\0")[:-1] == arguments


def test_a_here_document_is_left_as_it_is() -> None:
    command = "cat > /etc/x <<'EOF'\n[Service]\n  User=tabby\nEOF"
    remedy = Remedy("write it", commands=(command,))
    shown = piped(report(result("CFG001", fault("x", remedies=(remedy,)))))
    assert f"\n{command}\n" in shown


def test_warnings_alone_do_not_call_it_broken() -> None:
    shown = piped(report(result("TOK004", fault("readable", Severity.WARNING))))
    assert shown.startswith("TabbyAPI works, but needs attention: 1 warning.\n")


def of_router(severity: Severity) -> CheckResult:
    """A fault of a check of the router."""
    one = result("RTR001", fault("no key", severity))
    return dataclasses.replace(one, check=check("RTR001", category="router"))


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [
        (Severity.ERROR, "The router in front of TabbyAPI is broken: 1 error."),
        (
            Severity.WARNING,
            "The router in front of TabbyAPI works, but needs attention: 1 warning.",
        ),
    ],
)
def test_a_fault_of_the_router_alone_is_called_so(severity: Severity, verdict: str) -> None:
    assert piped(report(of_router(severity))).splitlines()[0] == verdict
    both = piped(report(result("TOK004", fault("x")), of_router(severity)))
    assert both.startswith("TabbyAPI is broken")


def test_the_subject_is_the_first_root_s() -> None:
    gpu = result("GPU001", fault("no driver"))
    gpu = dataclasses.replace(gpu, check=check("GPU001", category="gpu"))
    assert piped(report(gpu)).startswith("The GPU is broken: 1 error.")
    both = report(result("TOK004", fault("x", Severity.WARNING)), of_router(Severity.ERROR))
    router_first = dataclasses.replace(both, roots=(Root("RTR001", (), ""), Root("TOK004", (), "")))
    assert piped(router_first).startswith("The router in front of TabbyAPI is broken")


def unjudged(*others: CheckResult, **more: Any) -> str:
    """The first line where nothing is known of the router."""
    one = result("RTR019", fault("not judged", Severity.WARNING))
    one = dataclasses.replace(one, check=check("RTR019", category="router"))
    return piped(report(one, *others, **more)).splitlines()[0]


def test_a_router_that_could_not_be_judged_is_named_in_the_first_line() -> None:
    beside = unjudged(result("RTR001", status="unknown", reason="x"))
    assert beside.startswith("No fault found, but the router could not be judged: 1 warning; 1")
    assert unjudged() == "No fault found, but the router could not be judged: 1 warning."
    roots = (Root("TOK004", (), ""), Root("RTR019", (), ""))
    said = unjudged(result("TOK004", fault("x")), roots=roots)
    assert said == "TabbyAPI is broken; the router could not be judged: 1 error, 1 warning."
    assert "healthy" not in unjudged(deployment={})


@pytest.mark.parametrize("status", ["unknown", "crashed"])
def test_a_router_whose_judgement_did_not_come_is_named_too(status: Status) -> None:
    late = result("RTR019", status=status, reason="time limit (10 s)")
    shown = piped(report(late, result("CFG001"))).splitlines()[0]
    assert shown.startswith("No fault found, but the router could not be judged and 1 check could")
    none = report(late, result("CFG001"), deployment={})
    assert "router" not in piped(none).splitlines()[0]


def test_a_remark_on_the_rest_of_a_router_is_not_health_either() -> None:
    keyed = result("RTR019", fault("besides", Severity.INFO))
    shown = piped(report(keyed, result("CFG001"))).splitlines()[0]
    assert shown == "No fault found, but the router could not be judged: 1 check passed, 1 remark."


def test_a_selection_says_how_many_of_all_checks_passed() -> None:
    some = report(*(result(f"CFG00{n}") for n in range(1, 4)), catalogue=78)
    assert piped(some).splitlines()[0] == "3 of 78 checks passed."
    also = report(result("CFG001"), result("CFG002", status="unknown", reason="x"), catalogue=78)
    assert piped(also).splitlines()[0] == "1 of 78 checks passed, 1 check could not tell."
    router = report(result("RTR019", status="unknown", reason="x"), result("A001"), catalogue=78)
    assert piped(router).splitlines()[0].endswith("the router could not be judged.")
    whole = report(*(result(f"CFG00{n}") for n in range(1, 4)), catalogue=3)
    assert piped(whole).startswith("TabbyAPI is healthy: 3 checks passed")


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ("error", "1 consequence (an error)."),
        ("error warning", "2 consequences (1 of them an error)."),
        ("error error warning", "3 consequences (2 of them errors)."),
    ],
)
def test_an_error_among_the_consequences_of_a_warning_is_counted(
    severities: str, said: str
) -> None:
    kinds = [Severity(word) for word in severities.split()]
    ids = [f"RTR00{number}" for number, _ in enumerate(kinds)]
    following = [result(id, fault("x", kind)) for id, kind in zip(ids, kinds, strict=True)]
    cause = result("API003", fault("moved", Severity.WARNING))
    shown = piped(report(cause, *following, roots=(Root("API003", tuple(ids), ""),)))
    assert shown.splitlines()[0] == f"TabbyAPI is broken: 1 warning, {said}"


def test_a_configuration_elsewhere_is_in_the_head() -> None:
    there = {**DEPLOYMENT, "config_files": ["/etc/tabby/tabby.yml"]}
    assert "\nconfig    /etc/tabby/tabby.yml\n" in piped(report(deployment=there))
    assert "config" not in piped(report(deployment=DEPLOYMENT))


def test_the_next_step_is_the_command_that_the_remedy_gives() -> None:
    remedy = Remedy("wire it", commands=("sudo tabbydoctor fix --auth",))
    shown = piped(report(result("RTR001", fault("no key", remedies=(remedy,)))))
    assert "Next: sudo tabbydoctor fix --auth, or " in shown


def test_the_next_step_is_of_the_first_root() -> None:
    down = report(result("API001", fault("down")), result("RTR002", fault("no key")))
    later = dataclasses.replace(down, roots=(Root("API001", (), ""), Root("RTR002", (), "")))
    assert "Next: tabbydoctor explain API001" in piped(later)
    misspelt = dataclasses.replace(down, roots=(Root("API001", ("RTR002",), ""),))
    assert "Next: sudo tabbydoctor fix --auth, or tabbydoctor explain API001" in piped(misspelt)


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ((), "Next: tabbydoctor explain TOK004 for more."),
        (("sudo chmod 600 /srv/t",), "Next: sudo chmod 600 /srv/t, or tabbydoctor explain TOK004"),
        (("chown a /srv/t", "chmod 600 /srv/t"), "Next: the 2 commands of the first remedy, or "),
        (("cat <<EOF\nx\nEOF",), "Next: the 1 command of the first remedy, or "),
    ],
)
def test_the_next_step_is_the_first_remedy(commands: tuple[str, ...], said: str) -> None:
    ways = (Remedy("close it", Safety.SAFE, commands), Remedy("another", commands=("reboot",)))
    assert said in piped(report(result("TOK004", fault("open", remedies=ways))))
