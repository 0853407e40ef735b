from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster.canvas import FILE_NAMES, wanted
from tests.roster.canvas.rosters import AS_OF, Records, a_roster, a_tenant, added, changed, school_year

QUARANTINE = pl.Schema({"table": pl.String, "record": pl.String})
OBSERVERS = {"observers": {"relationships": ["mother", "grandmother"]}}
PER_COURSE = {"courses": {"per": "school_term_course"}}


def _quarantine(*records: tuple[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(records, schema=QUARANTINE, orient="row")


def _frozen(folder: Path) -> list[tuple[str, str, str]]:
    return sorted(pl.read_parquet(folder / "frozen.parquet").rows())


def test_the_wanted_rows_are_written_unique_and_sorted_by_key(tmp_path: Path) -> None:
    twice = {"sourced_id": "again", "class_id": "alg1", "user_id": "ada", "role": "STUDENT"}
    records = added(school_year(), "enrollments", twice)
    counts = wanted.write(a_roster(records), _quarantine(), a_tenant(**OBSERVERS), AS_OF, tmp_path)

    assert counts == {
        "accounts.csv": 2,
        "terms.csv": 1,
        "courses.csv": 3,
        "sections.csv": 3,
        "users.csv": 6,
        "enrollments.csv": 4,
        "user_observers.csv": 2,
    }
    rows = pl.read_parquet(tmp_path / "enrollments.parquet")
    assert rows.columns == ["section_id", "user_id", "role", "status", "key", "school", "record"]
    assert rows["key"].to_list() == sorted(rows["key"])
    assert rows.rows()[0] == (*("alg1", "ada", "student", "active", "alg1\x1fada\x1fstudent", "n", "again"),)


def test_the_canonical_csv_is_what_canvas_gets(tmp_path: Path) -> None:
    wanted.write(a_roster(school_year()), _quarantine(), a_tenant(), AS_OF, tmp_path)

    assert (tmp_path / "csv" / "sections.csv").read_bytes() == (
        b"section_id,course_id,name,status\n"
        b"alg1,alg1,Algebra One,active\nalg2,alg2,Algebra Two,active\nbio1,bio1,Biology One,active\n"
    )


def test_rows_in_quarantine_or_out_of_scope_are_frozen(tmp_path: Path) -> None:
    quarantine = _quarantine(("users", "ada"), ("users", "nobody"), ("users", None), ("classes", "tess"))
    wanted.write(a_roster(school_year()), quarantine, a_tenant(orgs={"include": ["n"]}), AS_OF, tmp_path)

    assert _frozen(tmp_path) == [
        ("accounts.csv", "s", "school"),
        ("courses.csv", "bio1", "school"),
        ("enrollments.csv", "bio1\x1fben\x1fstudent", "school"),
        ("enrollments.csv", "bio1\x1fstan\x1fteacher", "school"),
        ("sections.csv", "bio1", "school"),
        ("terms.csv", "fall", "term"),
        ("terms.csv", "summer", "term"),
        ("users.csv", "ada", "quarantine"),
        ("users.csv", "ben", "school"),
        ("users.csv", "stan", "school"),
    ]
    assert pl.read_parquet(tmp_path / "users.parquet")["record"].to_list() == ["tess"]


def test_a_key_with_one_good_row_is_wanted(tmp_path: Path) -> None:
    quarantine = _quarantine(("classes", "alg1"))
    wanted.write(a_roster(school_year()), quarantine, a_tenant(**PER_COURSE), AS_OF, tmp_path)

    assert pl.read_parquet(tmp_path / "courses.parquet")["record"].to_list() == ["alg2", "bio1"]
    assert ("sections.csv", "alg1", "quarantine") in _frozen(tmp_path)
    assert not [row for row in _frozen(tmp_path) if row[0] == "courses.csv"]


def test_a_course_of_several_classes_is_frozen_with_the_roster_s_course(tmp_path: Path) -> None:
    wanted.write(a_roster(school_year()), _quarantine(("courses", "alg")), a_tenant(**PER_COURSE), AS_OF, tmp_path)

    assert ("courses.csv", "n-spring-alg", "quarantine") in _frozen(tmp_path)


def test_of_the_terms_of_one_course_the_latest_current_one_counts(tmp_path: Path) -> None:
    records = changed(school_year(), "classes", "alg1", session_id="fall")
    records = changed(records, "academic_sessions", "fall", end_date=AS_OF)
    tenant = a_tenant(ids={"course": "{school_id}-{course_id}"}, **PER_COURSE)
    wanted.write(a_roster(records), _quarantine(), tenant, AS_OF, tmp_path)

    courses = pl.read_parquet(tmp_path / "courses.parquet")
    assert courses.select("course_id", "term_id").rows() == [("n-alg", "spring"), ("s-bio", "spring")]


def test_of_two_enrolments_with_one_key_the_running_one_counts(tmp_path: Path) -> None:
    again = {"sourced_id": "a", "class_id": "alg1", "user_id": "ada", "role": "student", "end_date": date(2016, 1, 15)}
    wanted.write(a_roster(added(school_year(), "enrollments", again)), _quarantine(), a_tenant(), AS_OF, tmp_path)

    rows = pl.read_parquet(tmp_path / "enrollments.parquet").filter(pl.col("user_id") == "ada")
    assert rows["status"].to_list() == ["active"]


def test_what_is_switched_off_is_absent_which_is_not_empty(tmp_path: Path) -> None:
    people, classes = tmp_path / "people", tmp_path / "classes"
    wanted.write(a_roster(school_year()), _quarantine(), a_tenant(course_memberships=False), AS_OF, people)
    wanted.write(a_roster(school_year()), _quarantine(), a_tenant(people=False), AS_OF, classes)

    assert {file.name for file in (people / "csv").iterdir()} == {
        *("accounts.csv", "terms.csv", "users.csv", "user_observers.csv"),
    }
    assert {file.name for file in (classes / "csv").iterdir()} == {
        *("accounts.csv", "terms.csv", "courses.csv", "sections.csv", "enrollments.csv"),
    }
    assert not (people / "enrollments.parquet").exists()


def test_an_empty_roster_writes_empty_files(tmp_path: Path) -> None:
    counts = wanted.write(a_roster({}), _quarantine(), a_tenant(**OBSERVERS, cross_list={}, admins={}), AS_OF, tmp_path)

    assert counts == dict.fromkeys(FILE_NAMES, 0)
    assert (tmp_path / "csv" / "users.csv").read_bytes() == b"user_id,login_id,first_name,last_name,email,status\n"


def test_the_digest_knows_every_row_and_every_file(tmp_path: Path) -> None:
    digests = set()
    for name, records, sync in (
        ("same", school_year(), {}),
        ("renamed", changed(school_year(), "users", "ada", given_name="Adi"), {}),
        ("fewer", school_year(), {"people": False}),
    ):
        wanted.write(a_roster(records), _quarantine(), a_tenant(**sync), AS_OF, tmp_path / name)
        digests.add(wanted.digest(tmp_path / name))

    assert len(digests) == 3


def test_the_digest_is_the_same_on_every_python_and_polars(tmp_path: Path) -> None:
    wanted.write(a_roster(school_year()), _quarantine(), a_tenant(**OBSERVERS), AS_OF, tmp_path)

    assert wanted.digest(tmp_path) == "5a195f49add3f30b0ab542d1f2a2ed4ef930c0f903c5e0d2bc95a43f2f533686"


def _with_twins() -> Records:
    """Rows that share keys and differ, as a source with faults delivers them."""
    records = added(school_year(), "users", {**school_year()["users"][0], "given_name": "Twin", "school_id": "s"})
    records = added(records, "classes", {**records["classes"][0], "title": "Twin"})
    records = added(records, "orgs", {**records["orgs"][1], "name": "Twin High"})
    records = added(records, "academic_sessions", {**records["academic_sessions"][1], "title": "Twin term"})
    records = added(records, "courses", {**records["courses"][0], "title": "Twin course", "code": None})
    other = {"sourced_id": "mum:ada2", "guardian_id": "mum", "student_id": "ada", "relationship": "grandmother"}
    return added(records, "guardians", other)


@pytest.mark.parametrize("per", ["section", "school_term_course"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_order_of_the_records_changes_no_byte(seed: int, per: str, tmp_path: Path) -> None:
    shuffled = {table: random.Random(f"{seed}{table}").sample(rows, len(rows)) for table, rows in _with_twins().items()}
    tenant = a_tenant(courses={"per": per, "long_name": "{course} {teacher}"}, orgs={"exclude": ["s"]}, **OBSERVERS)
    quarantine = [("users", "ben"), ("classes", "alg2")]
    written = []
    for records in (_with_twins(), shuffled):
        wanted.write(a_roster(records), _quarantine(*quarantine), tenant, AS_OF, tmp_path)
        parquet = {file.name: pl.read_parquet(file).rows() for file in tmp_path.glob("*.parquet")}
        written.append((wanted.digest(tmp_path), {**parquet, "frozen.parquet": _frozen(tmp_path)}))
        quarantine.reverse()

    assert written[0] == written[1]
