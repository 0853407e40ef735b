"""One call judges a night: findings with their places, repairs, quarantine, stops, and what the log says of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from roster.checks import FINDINGS, QUARANTINE, Judgement, judge
from roster.checks.catalogue import RULES
from roster.errors import TenantFileWrong
from roster.model import SCHEMAS, Roster
from roster.tenants import Tenant
from tests.roster.builders import (
    TODAY,
    a_class,
    a_line,
    a_link,
    a_roster,
    a_session,
    a_tenant,
    a_user,
    an_enrollment,
)


@dataclass
class Judge:
    """Judges with data docs only where a test asks for them, and no suites but those it brings."""

    suites: Path

    def __call__(self, roster: Roster, tenant: Tenant | None = None, **given: object) -> Judgement:
        settings = {"last_good_rows": None, "docs": None, "suites": self.suites, **given}
        return judge(roster, {}, tenant or a_tenant(), TODAY, **settings)


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


def _of(judgement: Judgement, rule: str) -> list[dict[str, object]]:
    return judgement.findings.filter(pl.col("rule") == rule).rows(named=True)


def test_a_sound_roster_comes_back_as_it_was(judged: Judge) -> None:
    roster = a_roster(
        classes=[a_class()],
        users=[a_user(), a_user("tom", "staff")],
        enrollments=[an_enrollment(), an_enrollment("tom", role="teacher")],
    )
    judgement = judged(roster)
    assert judgement.findings.height == 0
    assert dict(judgement.findings.schema) == dict(FINDINGS)
    assert dict(judgement.quarantine.schema) == dict(QUARANTINE)
    assert (judgement.stops, judgement.counts) == ((), {})
    for name, frame in judgement.roster.tables():
        assert frame.collect_schema() == SCHEMAS[name]
        assert frame.collect().equals(getattr(roster, name).collect())


def test_a_finding_says_rule_severity_record_place_school_and_detail(judged: Judge) -> None:
    lineage = [a_line("users", "bob", 9), a_line("users", "ada", 12), a_line("users", "ada", 17)]
    roster = a_roster(users=[a_user("ada", given_name="A\x07"), a_user("bob")], lineage=lineage)
    assert _of(judged(roster), "text-control-character") == [
        {
            "rule": "text-control-character",
            "severity": "quarantine",
            "table": "users",
            "record": "ada",
            "source": "clever",
            "file": "students.csv",
            "row": 12,
            "school": "north",
            "detail": "given_name",
        }
    ]


def test_an_enrollment_counts_at_its_class_and_a_link_at_its_pupil(judged: Judge) -> None:
    classes = [a_class("maths", school_id="south")]
    roster = a_roster(
        classes=classes, users=[a_user("ada")], enrollments=[an_enrollment("ghost")], guardians=[a_link("ghost", "ada")]
    )
    judgement = judged(roster, a_tenant(["Mother"]))
    assert [one["school"] for one in _of(judgement, "enrollment-unknown-user")] == ["south"]
    assert [one["school"] for one in _of(judgement, "guardian-unknown-guardian")] == ["north"]


def test_records_without_an_id_are_found_each_at_its_own_row(judged: Judge) -> None:
    lineage = [a_line("users", None, 3), a_line("users", "ada", 4), a_line("users", None, 8)]
    judgement = judged(a_roster(users=[a_user(None), a_user("ada"), a_user(None)], lineage=lineage))
    assert [one["row"] for one in _of(judgement, "id-missing")] == [3, 8]
    assert judgement.counts["id-missing"] == 2
    assert judgement.quarantine.height == 0


def test_a_record_with_several_faults_is_in_quarantine_once_and_still_in_the_roster(judged: Judge) -> None:
    roster = a_roster(users=[a_user("ada", given_name="A\x07", family_name="L\ufffd"), a_user("bob")])
    judgement = judged(roster)
    assert judgement.quarantine.rows() == [("users", "ada")]
    assert judgement.counts == {"text-control-character": 1, "text-replacement-character": 1}
    assert judgement.roster.users.collect()["sourced_id"].to_list() == ["ada", "bob"]


def test_what_refers_to_a_record_in_quarantine_is_not_in_quarantine_itself(judged: Judge) -> None:
    roster = a_roster(classes=[a_class()], users=[a_user("ada", email=None)], enrollments=[an_enrollment("ada")])
    assert judged(roster).quarantine.rows() == [("users", "ada")]


def test_an_email_that_canvas_refuses_is_blanked_and_keeps_the_person_only_where_it_is_the_log_in(
    judged: Judge,
) -> None:
    roster = a_roster(users=[a_user("ada", email="ada at home")])
    by_name = judged(roster, a_tenant(login_id="username"))
    assert by_name.counts == {"user-email-refused": 1}
    assert by_name.quarantine.height == 0
    assert by_name.roster.users.collect()["email"].to_list() == [None]
    assert judged(roster).counts == {"user-email-refused": 1, "user-login-missing": 1}


def test_repeated_enrollments_are_collapsed_before_ids_are_compared(judged: Judge) -> None:
    roster = a_roster(classes=[a_class()], users=[a_user()], enrollments=[an_enrollment(), an_enrollment()])
    judgement = judged(roster)
    assert judgement.counts == {"class-without-teacher": 1, "enrollment-repeated": 1}
    assert judgement.roster.enrollments.collect().height == 1


def test_repeated_links_are_collapsed(judged: Judge) -> None:
    links = [a_link("bea"), a_link("bea", relationship="Guardian") | {"sourced_id": "bea:ada:guardian"}]
    roster = a_roster(users=[a_user(), a_user("bea", "guardian")], guardians=links)
    judgement = judged(roster, a_tenant(["Mother", "Guardian"]))
    assert judgement.counts == {"guardian-repeated": 1}
    assert judgement.roster.guardians.collect()["sourced_id"].to_list() == ["bea:ada"]


def test_a_stop_names_the_rules_that_found_something(judged: Judge) -> None:
    roster = a_roster(users=[], academic_sessions=[a_session(end_date=TODAY.replace(month=1, day=31))])
    judgement = judged(roster, last_good_rows={"users": 3, "classes": 2})
    assert judgement.stops == ("table-empty",)
    assert judgement.counts["no-current-term"] == 1
    assert judgement.counts["table-empty"] == 2
    assert judgement.quarantine.height == 0


@pytest.mark.parametrize(
    ("severity", "quarantined", "stops"),
    [("note", 0, ()), ("warn", 0, ()), ("quarantine", 1, ()), ("stop", 0, ("class-without-teacher",))],
)
def test_a_tenant_sets_the_severity_of_a_rule(
    judged: Judge, severity: str, quarantined: int, stops: tuple[str, ...]
) -> None:
    roster = a_roster(classes=[a_class()])
    judgement = judged(roster, a_tenant(rules={"class-without-teacher": severity}))
    assert [one["severity"] for one in _of(judgement, "class-without-teacher")] == [severity]
    assert (judgement.quarantine.height, judgement.stops) == (quarantined, stops)


def test_an_unknown_rule_in_the_tenant_file_is_refused_with_the_closest(judged: Judge) -> None:
    with pytest.raises(TenantFileWrong, match=r"banksia\.yaml: rules\.class-with-teacher: .* class-without-teacher"):
        judged(a_roster(), a_tenant(rules={"class-with-teacher": "note"}))


def test_the_log_has_rules_and_numbers_and_nobody(judged: Judge, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    judged(a_roster(users=[a_user("ada", email="secret at home"), a_user("bob", given_name="B\x07")]))
    said = [record.getMessage() for record in caplog.records if record.name.startswith("roster")]
    assert said == [
        "rule text-control-character: 1",
        "rule user-email-refused: 1",
        "rule user-login-missing: 1",
    ]
    assert not any(word in caplog.text for word in ("ada", "bob", "secret", "mail.example"))


def test_every_rule_is_documented_in_four_parts() -> None:
    from roster.checks.rules_page import PARTS, parts_of

    assert len(RULES) >= 25
    for one in RULES.values():
        parts = parts_of(one)
        assert list(parts) == ["fault", *PARTS], one.id
        assert all(parts.values()), one.id
