"""Several sources for one tenant: what is taken from which, who is who, and where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

import polars as pl
import pytest

from roster.checks import judge
from roster.errors import TenantFileWrong
from roster.merging import CONFLICTS, KINDS, merge
from roster.model import LINEAGE, SCHEMAS, Roster
from roster.settings import SourceSettings
from roster.settings.grammar import MATCHED, PROVIDED, WON
from roster.tenants import Tenant, read_tenant
from tests.roster.builders import (
    a_class,
    a_line,
    a_link,
    a_roster,
    a_user,
    an_enrollment,
    an_org,
)

pytestmark = pytest.mark.usefixtures("rules_only")

TODAY = date(2026, 2, 2)
ROSTER = ["orgs", "academic_sessions", "courses", "classes", "students", "staff", "enrollments"]


def a_tenant(first: Mapping[str, Any] | None = None, **second: Any) -> Tenant:
    content = {
        "id": "banksia",
        "name": "Banksia",
        "timezone": "Australia/Brisbane",
        "sources": [
            {"name": "clever", "system": "clever", "connection": "api"} | dict(first or {}),
            {"name": "tass", "system": "clever_csv", "connection": "files"} | second,
        ],
        "canvas": {"test": {"connection": "canvas"}},
        "sync": {"observers": {"relationships": ["Mother"]}},
    }
    return Tenant.model_validate(content)


def ben(id_: str, **fields: Any) -> dict[str, Any]:
    names = {"given_name": "Ben", "family_name": "Bell", "username": "ben", "email": "ben@school.example"}
    return a_user(id_, sis_id="42", **names, **fields)


def clever() -> Roster:
    """Ada (of the school's own number 41), Ben (42) and their teacher Tess."""
    return a_roster(
        orgs=[an_org("c-north", sis_id="N")],
        classes=[a_class("c-maths", school_id="c-north", sis_id="M1")],
        users=[
            a_user(
                "c1",
                sis_id="41",
                given_name="Ada",
                family_name="Ode",
                username=None,
                email="ada@clever.example",
                school_id="c-north",
            ),
            ben("c2", school_id="c-north"),
            a_user("c9", "staff", sis_id="T9", given_name="Tess", school_id="c-north"),
        ],
        enrollments=[an_enrollment("c1", "c-maths")],
        lineage=[a_line("users", "c1", 2), a_line("users", "c2", 3), a_line("users", "c9", 1)],
    )


def tass(**more: Any) -> Roster:
    """Ada and Ben under their own numbers, Cid whom Clever has not, Ada's mother."""
    tables: dict[str, Any] = {
        "orgs": [an_org("n", sis_id="N")],
        "classes": [a_class("t-maths", school_id="n", sis_id="M1"), a_class("t-art", school_id="n", sis_id="A1")],
        "users": [
            a_user(
                "41",
                sis_id="41",
                given_name="ADA",
                family_name="Ode",
                username="ada.tass",
                email="ada@tass.example",
                school_id="n",
            ),
            ben("42", school_id="n"),
            a_user("43", sis_id="43", given_name="Cid", school_id="n"),
            a_user("P7-1", "guardian", given_name="Mary", email="mary@home.example", school_id="n"),
        ],
        "enrollments": [an_enrollment("41", "t-art"), an_enrollment("42", "t-maths")],
        "guardians": [a_link("P7-1", "41"), a_link("P7-1", "43")],
        "lineage": [
            a_line("users", "41", 2, "students", "tass"),
            a_line("users", "43", 4, "students", "tass"),
            a_line("users", "P7-1", 1, "parents", "tass"),
            a_line("guardians", "P7-1:41", 1, "parents", "tass"),
        ],
    }
    return a_roster(**(tables | more))


def merged(tenant: Tenant, second: Roster | None = None) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    roster, conflicts = merge({"clever": clever(), "tass": second or tass()}, tenant.sources)
    for name, schema in [*SCHEMAS.items(), ("lineage", LINEAGE)]:
        assert getattr(roster, name).collect_schema() == schema
    assert conflicts.schema == CONFLICTS
    return {name: frame.collect() for name, frame in roster.tables()} | {"lineage": roster.lineage.collect()}, conflicts


def person(tables: Mapping[str, pl.DataFrame], id_: str) -> dict[str, Any]:
    [found] = tables["users"].filter(pl.col("sourced_id") == id_).to_dicts()
    return found


def ids(frame: pl.DataFrame) -> list[str]:
    return sorted(frame["sourced_id"])


def test_of_a_source_for_parents_only_they_and_their_links_are_taken() -> None:
    tables, conflicts = merged(a_tenant({"provides": ROSTER}, provides=["guardians"], match={"students": "sis_id"}))
    assert ids(tables["users"]) == ["P7-1", "c1", "c2", "c9"]
    assert ids(tables["classes"]) == ["c-maths"]
    assert ids(tables["enrollments"]) == ids(clever().enrollments.collect())
    links = tables["guardians"].select("guardian_id", "student_id").rows()
    assert links == [("P7-1", "c1"), ("P7-1", "43")]  # Cid is nobody's pupil here: a rule finds the second
    assert person(tables, "c1") == person({"users": clever().users.collect()}, "c1")
    assert (person(tables, "P7-1")["school_id"], person(tables, "P7-1")["school_ids"]) == (None, [])
    assert conflicts.is_empty()


def test_a_link_to_a_pupil_whom_no_source_provides_is_found() -> None:
    tenant = a_tenant({"provides": ROSTER}, provides=["guardians"], match={"students": "sis_id"})
    roster, conflicts = merge({"clever": clever(), "tass": tass()}, tenant.sources)
    judged = judge(roster, {}, tenant, TODAY, last_good_rows=None, docs=None, conflicts=conflicts)
    assert judged.findings.filter(pl.col("rule") == "guardian-unknown-student")["record"].to_list() == ["P7-1:43"]


def test_the_first_source_wins_a_later_one_fills_blanks_and_adds_whom_the_first_has_not() -> None:
    match = {"students": "sis_id", "orgs": "sis_id"}
    tables, conflicts = merged(a_tenant(provides=["students"], match=match))
    ada = person(tables, "c1")
    assert (ada["username"], ada["email"], ada["school_id"]) == ("ada.tass", "ada@clever.example", "c-north")
    assert person(tables, "43")["school_id"] == "c-north"
    assert ids(tables["users"]) == ["43", "c1", "c2", "c9"]
    said = [(record, detail) for _, record, what, detail in conflicts.rows() if what == "differs"]
    assert ("c1", "email is another in tass") in said


def test_a_field_that_the_later_source_wins_is_taken_and_is_no_contradiction() -> None:
    wins = {"students": ["email"]}
    tables, conflicts = merged(a_tenant(provides=["guardians"], match={"students": "sis_id"}, wins=wins))
    ada = person(tables, "c1")
    assert (ada["username"], ada["email"]) == (None, "ada@tass.example")  # it provides no pupils: nothing is filled
    assert ids(tables["users"]) == ["P7-1", "c1", "c2", "c9"]
    assert conflicts.is_empty()


def test_lineage_says_which_source_a_value_came_from() -> None:
    tables, _ = merged(a_tenant(provides=["students", "guardians"], match={"students": "sis_id"}))
    lines = tables["lineage"].select("record", "source", "file", "row", "fields").rows()
    assert ("c1", "clever", "students.csv", 2, None) in lines
    assert ("c1", "tass", "students", 2, ["username"]) in lines
    assert ("43", "tass", "students", 4, None) in lines
    assert ("P7-1:41", "tass", "parents", 1, None) in lines
    assert not [line for line in lines if line[0] == "41"]


def test_enrolments_and_classes_of_a_later_source_are_of_the_merged_records() -> None:
    match = {"students": "sis_id", "orgs": "sis_id", "classes": "sis_id"}
    tables, _ = merged(a_tenant(provides=["classes", "enrollments"], match=match))
    assert ids(tables["classes"]) == ["c-maths", "t-art"]
    [art] = tables["classes"].filter(pl.col("sourced_id") == "t-art").to_dicts()
    assert art["school_id"] == "c-north"
    places = set(tables["enrollments"].select("class_id", "user_id").rows())
    assert places == {("c-maths", "c1"), ("t-art", "c1"), ("c-maths", "c2")}


def test_a_parent_who_is_staff_under_one_id_is_the_staff_member_of_the_earlier_source() -> None:
    second = tass(
        users=[a_user("41", sis_id="41"), a_user("E9", "staff", sis_id="T9")],
        enrollments=[],
        guardians=[a_link("E9", "41")],
    )
    tables, _ = merged(a_tenant(provides=["guardians"], match={"students": "sis_id", "staff": "sis_id"}), second)
    assert tables["guardians"].select("guardian_id", "student_id").rows() == [("c9", "c1")]


def test_nobody_is_matched_without_a_declared_key_and_never_by_name() -> None:
    tables, conflicts = merged(a_tenant(provides=["students"]))
    assert ids(tables["users"]) == ["41", "42", "43", "c1", "c2", "c9"]
    assert conflicts.is_empty()


def test_an_id_that_nothing_matches_is_never_taken_for_the_same_id_of_an_earlier_source() -> None:
    """Both number their pupils and classes: the parents of the second one's 7 must not observe the first one's."""
    stranger = a_user("43", sis_id="99", given_name="Somebody", school_id="c-north")
    first = a_roster(
        orgs=[an_org("n", sis_id="OTHER")],
        classes=[a_class("t-art", school_id="n", sis_id="OTHER")],
        users=[*clever().users.collect().to_dicts(), stranger],
    )
    match = {"students": "sis_id", "orgs": "sis_id", "classes": "sis_id"}
    tenant = a_tenant(provides=["guardians", "enrollments", "staff"], match=match)
    second = tass(users=[*tass().users.collect().to_dicts(), a_user("T1", "staff", school_id="n")])
    roster, conflicts = merge({"clever": first, "tass": second}, tenant.sources)
    assert set(roster.guardians.select("student_id").collect()["student_id"]) == {"c1", "tass/43"}
    assert set(roster.enrollments.collect()["class_id"]) == {"tass/t-art", "t-maths"}
    judged = judge(roster, {}, tenant, TODAY, last_good_rows=None, docs=None, conflicts=conflicts)
    found = judged.findings.filter(pl.col("rule") == "guardian-unknown-student")
    assert found["record"].to_list() == ["P7-1:43"]
    assert person({"users": roster.users.collect()}, "T1")["school_id"] == "tass/n"


def test_an_id_of_a_pupil_and_of_staff_names_neither_where_one_of_them_is_matched() -> None:
    users = [a_user("7", sis_id="41"), a_user("7", "staff", sis_id="T7")]
    second = tass(users=users, enrollments=[an_enrollment("7", "t-art", "teacher")], guardians=[])
    tables, _ = merged(a_tenant(provides=["staff", "enrollments"], match={"students": "sis_id"}), second)
    assert "c1" not in set(tables["enrollments"].filter(pl.col("role") == "teacher")["user_id"])


def test_a_link_of_staff_is_of_the_staff_user_whom_they_are_matched_with() -> None:
    users = [a_user("41", sis_id="41"), a_user("t9", "staff", sis_id="T9")]
    match = {"students": "sis_id", "staff": "sis_id"}
    second = tass(users=users, enrollments=[], guardians=[a_link("t9", "41")])
    tables, _ = merged(a_tenant(provides=["guardians"], match=match), second)
    assert tables["guardians"].select("guardian_id", "student_id").rows() == [("c9", "c1")]


def test_enrolments_that_two_sources_number_alike_stay_two() -> None:
    places = [an_enrollment("c1", "c-maths", sourced_id="1")]
    first = a_roster(
        **{name: frame.collect().to_dicts() for name, frame in clever().tables()} | {"enrollments": places}
    )
    second = tass(
        enrollments=[an_enrollment("42", "t-art", sourced_id="1")],
        lineage=[a_line("enrollments", "1", 5, "student_subjects", "tass")],
    )
    tenant = a_tenant(provides=["classes", "enrollments"], match={"students": "sis_id", "classes": "sis_id"})
    roster, conflicts = merge({"clever": first, "tass": second}, tenant.sources)
    assert roster.enrollments.select("sourced_id", "user_id").collect().rows() == [("1", "c1"), ("tass/1", "c2")]
    assert roster.lineage.select("record", "row").filter(pl.col("row") == 5).collect().rows() == [("tass/1", 5)]
    judged = judge(roster, {}, tenant, TODAY, last_good_rows=None, docs=None, conflicts=conflicts)
    assert judged.findings.filter(pl.col("rule") == "id-repeated").is_empty()


@pytest.mark.parametrize(("wins", "status"), [({}, None), ({"students": ["status"]}, "deleted")])
def test_only_a_source_that_wins_the_status_ends_somebody_whom_an_earlier_one_has(
    wins: dict[str, list[str]], status: str | None
) -> None:
    second = tass(users=[a_user("41", sis_id="41", status="deleted")], enrollments=[], guardians=[])
    tables, _ = merged(a_tenant(provides=["students"], match={"students": "sis_id"}, wins=wins), second)
    assert person(tables, "c1")["status"] == status


@pytest.mark.parametrize("folded", [True, False])
def test_addresses_match_in_any_case_and_other_keys_as_they_are(folded: bool) -> None:
    users = [a_user("41", sis_id="t9", email="ADA@Clever.example")]
    match = {"students": "email"} if folded else {"students": "sis_id"}
    tables, _ = merged(a_tenant(provides=["students"], match=match), tass(users=users, enrollments=[], guardians=[]))
    assert ("41" in ids(tables["users"])) is not folded


def test_own_and_earlier_column_may_be_two() -> None:
    tables, _ = merged(a_tenant(provides=["students"], match={"students": "sourced_id = sis_id"}))
    assert ids(tables["users"]) == ["43", "c1", "c2", "c9"]


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ([a_user("41", sis_id=None)], [("41", "no sis_id to be matched by")]),
        (
            [a_user("41", sis_id="41"), a_user("x41", sis_id="41")],
            [("41", "sis_id of several records"), ("x41", "sis_id of several records")],
        ),
    ],
)
def test_who_can_not_be_told_goes_into_quarantine(users: list[dict[str, Any]], said: list[tuple[str, str]]) -> None:
    tenant = a_tenant(provides=["students"], match={"students": "sis_id"})
    second = tass(users=users, enrollments=[], guardians=[])
    _, conflicts = merged(tenant, second)
    assert sorted(conflicts.select("record", "detail").rows()) == said
    roster, conflicts = merge({"clever": clever(), "tass": second}, tenant.sources)
    judged = judge(roster, {}, tenant, TODAY, last_good_rows=None, docs=None, conflicts=conflicts)
    assert {record for record, _ in said} <= set(judged.quarantine["record"])
    assert "c1" not in set(judged.quarantine["record"])


@pytest.mark.parametrize("blank", ["earlier", "later", "shared"])
def test_what_can_not_be_told_any_more_is_said_of_the_links_that_it_loses(blank: str) -> None:
    """Yesterday 41 was c1: the link of today names nobody, and that of yesterday only seems to be gone."""
    users = {row["sourced_id"]: row for row in clever().users.collect().to_dicts()}
    theirs = {row["sourced_id"]: row for row in tass().users.collect().to_dicts()}
    if blank == "earlier":
        users["c1"]["sis_id"] = None
    else:
        theirs["41"]["sis_id"] = None if blank == "later" else "42"
    tenant = a_tenant(provides=["guardians"], match={"students": "sis_id"})
    first = a_roster(users=[*users.values()])
    _, conflicts = merge({"clever": first, "tass": tass(users=[*theirs.values()])}, tenant.sources)
    [lost] = conflicts.filter(pl.col("what") == "lost").to_dicts()
    assert (lost["table"], lost["record"]) == ("guardians", None)
    count = 2 if blank == "earlier" else 1  # then nobody can say who Cid is either
    assert lost["detail"].startswith(f"tass: {count} guardians have a student_id that can't be told")


def test_where_every_key_is_there_a_link_to_somebody_else_takes_no_proof_away() -> None:
    tenant = a_tenant(provides=["guardians"], match={"students": "sis_id"})
    _, conflicts = merge({"clever": clever(), "tass": tass()}, tenant.sources)
    assert conflicts.is_empty()


def test_where_no_earlier_record_has_the_key_nobody_is_made_a_second_time() -> None:
    """A column that the earlier source does not fill: everybody would seem to be new."""
    tenant = a_tenant(provides=["students"], match={"students": "sis_id = identifier"})
    users = [row | {"identifier": None} for row in clever().users.collect().to_dicts()]
    _, conflicts = merge({"clever": a_roster(users=users), "tass": tass()}, tenant.sources)
    unclear = conflicts.filter(pl.col("what") == "unclear")
    assert ids(unclear.rename({"record": "sourced_id"})) == ["41", "42", "43"]
    assert set(unclear["detail"]) == {"no record before it has identifier to be matched by"}


def test_a_contradiction_warns_and_names_no_value() -> None:
    tenant = a_tenant(provides=["students"], match={"students": "sis_id"})
    roster, conflicts = merge({"clever": clever(), "tass": tass()}, tenant.sources)
    judged = judge(roster, {}, tenant, TODAY, last_good_rows=None, docs=None, conflicts=conflicts)
    [finding] = judged.findings.filter(pl.col("rule") == "source-contradiction").to_dicts()
    assert (finding["severity"], finding["record"], finding["detail"]) == ("warn", "c1", "email is another in tass")


def test_one_source_that_provides_everything_is_left_as_it_is() -> None:
    tenant = a_tenant()
    roster, conflicts = merge({"clever": clever()}, tenant.sources)
    assert roster.users.collect().equals(clever().users.collect())
    assert conflicts.is_empty()


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("match: {students: given_name}", "5: sources.1.match: students: must be a column that both sources have"),
        ("match: {enrollments: sourced_id}", "sources.1.match: enrollments: can't be matched; allowed are orgs"),
        ("match: {students: sis_id}, wins: {students: [grade]}", "sources.1.wins: students: grade is not a field"),
        ("wins: {students: [email]}", "source tass wins fields of students but does not match it"),
        ("provides: [parents]", "sources.1.provides.0: Input should be 'orgs'"),
    ],
)
def test_what_can_not_be_is_told(tmp_path: Any, second: str, said: str) -> None:
    file = tmp_path / "banksia.yaml"
    file.write_text(
        "id: banksia\nname: Banksia\ntimezone: Australia/Brisbane\nsources:\n"
        "  - {name: clever, system: clever, connection: api}\n"
        f"  - {{name: tass, system: clever_csv, connection: files, {second}}}\n"
        "canvas: {test: {connection: canvas}}\n"
    )
    with pytest.raises(TenantFileWrong, match=said.removeprefix("5: ").replace("[", r"\[")):
        read_tenant(file)


def test_the_first_source_has_none_before_it() -> None:
    with pytest.raises(ValueError, match="the first has none"):
        a_tenant({"match": {"students": "sis_id"}})


def test_what_can_be_matched_and_won_are_columns_of_the_model() -> None:
    assert set(MATCHED) == set(WON) == set(PROVIDED) - {"enrollments"}
    for thing in MATCHED:
        schema = SCHEMAS["users" if thing in KINDS else thing]
        assert set(MATCHED[thing]) | set(WON[thing]) <= set(schema)


def test_every_system_can_be_limited_to_what_it_provides() -> None:
    for model in get_args(get_args(SourceSettings)[0]):
        assert {"provides", "match", "wins", "max_age"} <= set(model.model_fields)
