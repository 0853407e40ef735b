"""What one reading of TASS proves, and what it asks."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roster.errors import SourceFault, SourceUnreadable
from roster.evidence import Evidence
from roster.settings import Tass
from roster.sources import Good
from roster.sources.tass.methods import READS, ask
from roster.sources.tass.reading import extract
from roster.sources.tass.tables import TABLES
from tests.roster.sources.tass.replies import (
    BO,
    IDM_STUDENTS,
    ZOE,
    Replies,
    a_school,
    lesson,
    settings,
)

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
WHOLE: dict[str, Any] = {"lms_getStudents": [ZOE, BO], "idm_getStudents": IDM_STUDENTS[:2]}
"""Without the pupil of a campus that is in no list."""


def read(folder: Path, replies: Replies, chosen: Tass | None = None, last_good: Evidence | None = None) -> Evidence:
    folder.mkdir()
    good = Good(last_good, lambda: nullcontext(folder)) if last_good else None
    return extract(replies, chosen or settings(), folder, last_good=good, now=NOW)


def test_a_whole_reading_proves_what_is_absent(tmp_path: Path) -> None:
    evidence = read(tmp_path / "raw", a_school(**WHOLE))
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())
    assert (evidence.source, evidence.system, evidence.delivered) == ("tass", "tass", NOW)
    assert evidence.rows == {
        "campuses/10": 2,
        "students/10": 2,
        "teachers/10": 2,
        "student_subjects/10": 3,
        "teacher_subjects/10": 2,
        "idm_students/10": 2,
        "idm_employees/10": 4,
        "idm_parents/10": 1,
    }


def test_each_reading_is_a_delivery_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    one = read(tmp_path / "one", a_school(**WHOLE))
    two = extract(a_school(**WHOLE), settings(), tmp_path / "two", last_good=None, now=NOW.replace(day=3))
    assert one.delivery != two.delivery


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"lms_getStudents": []}, "students of company 10 is empty"),
        ({"lms_getCampuses": []}, "campuses of company 10 is empty"),
        ({"lms_getTeachers": []}, "teachers of company 10 is empty"),
        ({"lms_getStudentSubjects": {}}, "student_subjects of company 10 is empty"),
        ({"lms_getTeacherSubjects": {}}, "teacher_subjects of company 10 is empty"),
        ({"idm_getStudents": []}, "idm_students of company 10 is empty"),
        ({"idm_getEmployees": []}, "idm_employees of company 10 is empty"),
        ({"idm_getParents": []}, "idm_parents of company 10 is empty"),
    ],
)
def test_a_table_that_is_empty_in_no_school_makes_it_incomplete(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    evidence = read(tmp_path / "raw", a_school(**WHOLE | changed))
    assert not evidence.complete
    assert f"tass: {reason}" in evidence.reasons


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"lms_getStudents": [ZOE]}, "1 records of student_subjects name a pupil that is not in students"),
        ({"lms_getStudents": [ZOE]}, "1 records of those of idm_students at the school are not in students"),
        ({"idm_getStudents": IDM_STUDENTS[:1]}, "1 records of students are not in those of idm_students at the school"),
        (
            {"idm_getStudents": [IDM_STUDENTS[0], IDM_STUDENTS[1] | {"dol": "2026-03-01 00:00:00.0"}]},
            "1 records of students are not in those of idm_students at the school",
        ),
        (
            {"lms_getTeachers": [{"teacher_code": "AJ", "employee_code": 1000016}]},
            "1 records of teacher_subjects name a teacher that is not in teachers",
        ),
        (
            {"idm_getEmployees": [{"user_code": 1000016}]},
            "1 records of teachers are not in idm_employees",
        ),
        (
            {"idm_getEmployees": [{"user_code": 1000016}, {"user_code": 1000017, "end_date": "2026-03-01"}]},
            "1 records of teachers are not in idm_employees",
        ),
        (
            {"lms_getCampuses": [{"code": "JU", "desc": "Junior School"}]},
            "1 records of students name a campus that is not in campuses",
        ),
        (
            {"lms_getCampuses": [{"code": "JU", "desc": "Junior School"}]},
            "1 records of idm_students name a campus that is not in campuses",
        ),
    ],
)
def test_what_does_not_agree_is_complete_and_proves_nothing(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    evidence = read(tmp_path / "raw", a_school(**WHOLE | changed))
    assert (evidence.complete, evidence.proven) == (True, False)
    assert f"tass: {reason}" in evidence.reasons


@pytest.mark.parametrize(
    "more",
    [{"doe": "2026-03-03 00:00:00.0"}, {"dol": "2026-03-02 00:00:00.0"}, {"doe": "2026-03-02", "dol": "2026-03-03"}],
)
def test_who_comes_or_goes_today_or_tomorrow_is_no_disagreement(tmp_path: Path, more: dict[str, str]) -> None:
    """The night's day in UTC is not the school's."""
    pupils = [IDM_STUDENTS[0], IDM_STUDENTS[1] | more]
    assert read(tmp_path / "raw", a_school(**WHOLE | {"idm_getStudents": pupils})).proven


@pytest.mark.parametrize("more", [{"dol": "2026-03-01 00:00:00.0"}, {"doe": "2026-03-03 00:00:00.0"}])
def test_pupils_whom_idm_knows_from_before_or_after_are_no_disagreement(tmp_path: Path, more: dict[str, str]) -> None:
    others = [*IDM_STUDENTS[:2], {"user_code": "0009999", "campus_code": "JU", **more}]
    assert read(tmp_path / "raw", a_school(**WHOLE | {"idm_getStudents": others})).proven


def test_student_details_has_to_have_the_same_pupils(tmp_path: Path) -> None:
    chosen = settings(products=("student_details",))
    same = a_school(**WHOLE, student_details_getStudentsDetails=[BO, ZOE])
    assert read(tmp_path / "same", same, chosen).proven
    other = read(tmp_path / "other", a_school(**WHOLE, student_details_getStudentsDetails=[BO]), chosen)
    assert other.reasons == ("tass: 1 records of students are not in student_details",)


def test_what_shrank_is_told_by_company(tmp_path: Path) -> None:
    chosen = settings(companies=("10", "20"), shrink="40%")
    before = read(tmp_path / "before", a_school(**WHOLE), chosen)
    assert before.proven
    less = WHOLE | {"lms_getStudentSubjects": {"x": [lesson("0080", 10, "A") | {"student_code": "0009130"}]}}
    after = read(tmp_path / "after", a_school(**less), chosen, before)
    assert after.complete
    assert after.reasons == tuple(
        f"tass: student_subjects of company {company} has 2 of 3 less than the last good night (66.7%; 40% is allowed)"
        for company in ("10", "20")
    )


def test_a_company_that_is_no_longer_read_proves_nothing(tmp_path: Path) -> None:
    before = read(tmp_path / "before", a_school(**WHOLE), settings(companies=("10", "20")))
    after = read(tmp_path / "after", a_school(**WHOLE), settings(company_in_ids=True), before)
    assert not after.proven
    assert (
        "tass: students of company 20 has 2 of 2 less than the last good night (100.0%; 2% is allowed)" in after.reasons
    )


def test_parents_that_were_there_and_are_not_make_it_incomplete(tmp_path: Path) -> None:
    before = read(tmp_path / "before", a_school(**WHOLE))
    after = read(tmp_path / "after", a_school(**WHOLE | {"idm_getParents": []}), last_good=before)
    assert "tass: idm_parents of company 10 is empty, the last good night had 1" in after.reasons
    assert not after.complete


def test_what_a_night_asks(tmp_path: Path) -> None:
    replies = a_school(**WHOLE)
    chosen = settings(
        companies=("10", "20"),
        products=("idm", "student_details", "employee_hr"),
        timetable_periods=("1", "2"),
        lms_only=False,
    )
    read(tmp_path / "raw", replies, chosen)
    of_one = [(method, parameters) for company, _, method, parameters in replies.asked if company == "20"]
    current = {"currentstatus": "current", "includephoto": "false", "thumbnail": "false"}
    assert of_one == [
        ("getCampuses", {"codeonly": "false"}),
        ("getStudents", current),
        ("getTeachers", current),
        ("getStudentSubjects", {"code": "all", "lmsflag": "N"}),
        ("getTeacherSubjects", {"code": "all", "lmsflag": "N"}),
        ("getTimetables", {"year": "2026", "period": "1"}),
        ("getTimetables", {"year": "2026", "period": "2"}),
        *((method, {"user_code": "ALL"}) for method in ("getStudents", "getEmployees", "getParents")),
        ("getStudentsDetails", current),
        ("getEmployeesDetails", {"date": "02/03/2026"}),
    ]
    assert len(replies.asked) == 2 * len(of_one)


def test_the_reading_methods_are_those_of_the_tables_and_write_nothing() -> None:
    assert {(table.product, table.method) for table in TABLES.values()} == READS
    assert all(method.startswith("get") for _, method in READS)


@pytest.mark.parametrize(
    "method", ["setStudent", "setParent", "addStudentNote", "deleteStudent", "getAdmins", "GETSTUDENTS", "getCommRules"]
)
def test_no_other_method_is_asked(method: str) -> None:
    replies = a_school()
    with pytest.raises(SourceFault, match=f"{method} is not one of the reading methods of TASS"):
        ask(replies, "10", "idm", method, {})
    assert replies.asked == []


def test_a_reply_of_another_product_is_told(tmp_path: Path) -> None:
    replies = a_school(**WHOLE)
    replies.spoil = lambda method, reply: {"teachers": []} if method == "getCampuses" else reply
    with pytest.raises(SourceUnreadable, match=r"getCampuses \(lms\) of company 10: the reply has no campuses"):
        read(tmp_path / "raw", replies)


def test_a_reply_cut_after_any_byte_is_an_error_that_says_where(tmp_path: Path) -> None:
    for number, size in enumerate(range(0, 600, 13)):
        replies = a_school(**WHOLE)
        replies.spoil = (
            lambda method, reply, size=size: (  # type: ignore[misc]
                Replies({("lms", method): reply}).ask("10", "lms", method, {})[:size]
                if method == "getStudents"
                else reply
            )
        )
        with pytest.raises(
            SourceUnreadable,
            match=r"getStudents \(lms\) of company 10(:\d+:\d+: no JSON any more|: byte \d+ is not UTF-8)",
        ):
            read(tmp_path / f"raw{number}", replies)
