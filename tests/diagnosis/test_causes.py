"""Root causes: every error and warning is one, or is explained by one."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tabbydoctor.diagnosis.causes import roots, with_causes
from tabbydoctor.diagnosis.check import DOWN, Check
from tabbydoctor.diagnosis.finding import Finding, Severity
from tabbydoctor.diagnosis.report import CheckResult, Root


def result(
    id: str,
    *findings: Finding,
    caused_by: Iterable[str] = (),
    category: str = "config",
    severity: Severity = Severity.ERROR,
    tags: Iterable[str] = (),
) -> CheckResult:
    causes, about = tuple(caused_by), frozenset(tags)
    check = Check(id, id.lower(), category, severity, lambda: (), "", causes, tags=about)
    given = findings or (Finding(f"{id} is wrong", severity=severity),)
    return CheckResult(check, "failed", None, given)


def diagnose(*results: CheckResult) -> list[Root]:
    return list(roots(with_causes(results)))


def test_the_cause_is_the_root_and_explains_what_follows_from_what_follows() -> None:
    found = diagnose(
        result("RTR010", caused_by=["RTR001"], category="router"),
        result("RTR001", caused_by=["CFG004"], category="router"),
        result("CFG004"),
    )
    assert found == [Root("CFG004", ("RTR001", "RTR010"), "CFG004 is wrong")]


def test_an_absent_cause_explains_nothing() -> None:
    assert [root.id for root in diagnose(result("RTR001", caused_by=["CFG004"]))] == ["RTR001"]


def test_two_faults_are_two_roots_graver_first_then_the_one_that_explains_more() -> None:
    found = diagnose(
        result("TOK004", severity=Severity.WARNING, category="tokens"),
        result("SVC002", category="service"),
        result("API001", category="endpoint", caused_by=["SVC002"]),
        result("GPU001", category="gpu"),
    )
    assert [root.id for root in found] == ["SVC002", "GPU001", "TOK004"]


def test_equal_roots_are_sorted_by_nearness_to_the_request() -> None:
    found = diagnose(
        result("GPU001", category="gpu"),
        result("SVC001", category="service"),
        result("RTR001", category="router"),
        result("TOK001", category="tokens"),
    )
    assert [root.id for root in found] == ["RTR001", "TOK001", "SVC001", "GPU001"]


def test_a_warning_that_explains_an_error_ranks_as_the_error() -> None:
    found = diagnose(
        result("CFG001"),
        result("SVC005", severity=Severity.WARNING, category="service"),
        result("API001", caused_by=["SVC005"], category="endpoint"),
    )
    assert [root.id for root in found] == ["SVC005", "CFG001"]


def test_a_warning_explains_nothing_that_is_down_unless_the_log_says_so() -> None:
    warned = result("CFG010", severity=Severity.WARNING)
    down = result("API001", caused_by=["CFG010"], category="endpoint", tags=[DOWN])
    assert [root.id for root in diagnose(warned, down)] == ["API001", "CFG010"]
    logged = Finding("the log says", severity=Severity.ERROR, caused_by=("CFG010",))
    (root,) = diagnose(warned, down, result("SVC011", logged, category="service"))
    assert (root.id, root.explains) == ("CFG010", ("API001", "SVC011"))


def test_a_finding_that_knows_its_cause_says_so_itself() -> None:
    accidental = Finding("down", severity=Severity.ERROR, caused_by=())
    found = diagnose(result("CFG004"), result("API001", accidental, caused_by=["CFG004"]))
    assert [root.id for root in found] == ["API001", "CFG004"] or len(found) == 2


def test_an_id_is_explained_only_if_each_of_its_findings_is() -> None:
    explained = Finding("one", severity=Severity.ERROR)
    own = Finding("two", severity=Severity.ERROR, caused_by=())
    found = diagnose(result("CFG002"), result("SVC011", explained, own, caused_by=["CFG002"]))
    assert {root.id for root in found} == {"CFG002", "SVC011"}


def test_infos_are_neither_roots_nor_causes() -> None:
    info = result("CFG009", severity=Severity.INFO)
    assert diagnose(info) == []
    assert [root.id for root in diagnose(info, result("RTR001", caused_by=["CFG009"]))] == [
        "RTR001"
    ]


def test_what_the_log_names_is_the_cause_among_several() -> None:
    logged = Finding("the log says", severity=Severity.ERROR, caused_by=("CFG010", "SVC012"))
    found = diagnose(
        result("CFG010"),
        result("GPU001", category="gpu"),
        result("SVC011", logged, category="service"),
        result("SVC002", caused_by=["CFG010", "GPU001"], category="service"),
        result("API001", caused_by=["SVC002", "CFG010", "GPU001"], category="endpoint"),
    )
    assert [(root.id, root.explains) for root in found] == [
        ("CFG010", ("API001", "SVC002", "SVC011")),
        ("GPU001", ()),
    ]


def test_a_line_of_the_log_that_is_no_error_rules_no_cause_out() -> None:
    logged = Finding("the log says", severity=Severity.WARNING, caused_by=("CFG010",))
    found = diagnose(
        result("CFG010"),
        result("GPU001", category="gpu"),
        result("SVC011", logged, category="service"),
        result("API001", caused_by=["CFG010", "GPU001"], category="endpoint"),
    )
    assert "API001" in {root.id: root.explains for root in found}["GPU001"]


def test_a_server_that_is_down_comes_before_what_its_router_would_do() -> None:
    found = diagnose(
        result("RTR002", category="router"),
        result("RTR007", caused_by=["RTR002"], category="router", severity=Severity.WARNING),
        result("API001", category="endpoint"),
    )
    assert [root.id for root in found] == ["API001", "RTR002"]


_ids = [f"X{n}" for n in range(7)]


@given(st.dictionaries(st.sampled_from(_ids), st.lists(st.sampled_from(_ids), max_size=3)))
def test_whatever_the_causes_circles_included_each_is_a_root_or_explained(
    causes: dict[str, list[str]],
) -> None:
    found = diagnose(*(result(id, caused_by=why) for id, why in causes.items()))
    covered = {root.id for root in found} | {id for root in found for id in root.explains}
    assert covered == set(causes)
    assert len({root.id for root in found}) == len(found)
