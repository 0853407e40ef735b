"""A small school in the generic schema, to the last byte of what Canvas gets, and the roster and lineage in between."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from roster.canvas.wanted import write
from roster.checks import judge
from roster.model import Roster
from roster.sources import system
from roster.tenants import Tenant
from roster_sandbox.sis_db import SCHEMA
from tests.roster.sources.sis_db.answering import TODAY, Answering, extract, settings

FILES = {
    "accounts.csv": "account_id,parent_account_id,name,status\n0071,,Fern Hill,active\n0072,,Gum Creek,active\n",
    "terms.csv": (
        "term_id,name,status,start_date,end_date\ny26,Year 26,active,2025-08-31T14:00:00Z,2026-06-30T13:59:59Z\n"
    ),
    "courses.csv": (
        "course_id,short_name,long_name,account_id,term_id,status\n"
        'c1,"Maths, first","Maths, first",0071,y26,active\n'
        "c2,Maths 7 2,Maths 7 2,0071,y26,active\n"
    ),
    "sections.csv": 'section_id,course_id,name,status\nc1,c1,"Maths, first",active\nc2,c2,Maths 7 2,active\n',
    "users.csv": (
        "user_id,login_id,first_name,last_name,email,status\n"
        "g1,maria@x.example,Maria,Odell,maria@x.example,active\n"
        "g2,own@x.example,Otto,Odin,own@x.example,active\n"
        "p1,ann@x.example,Ann,Ode,ann@x.example,active\n"
        "p2,bo@x.example,Bo,Belle,bo@x.example,active\n"
        "t1,tess@x.example,Tess,Vaux,tess@x.example,active\n"
        "t2,hugo@x.example,Hugo,Hall,hugo@x.example,active\n"
    ),
    "enrollments.csv": (
        "section_id,user_id,role,status\n"
        "c1,p1,student,active\n"
        "c1,p2,student,completed\n"
        "c1,t1,teacher,active\n"
        "c1,t2,ta,active\n"
        "c2,p2,student,active\n"
        "c2,t1,teacher,active\n"
        "c2,t2,teacher,completed\n"
    ),
    "user_observers.csv": "observer_id,student_id,status\ng1,p1,active\ng2,p1,active\n",
}


def tenant() -> Tenant:
    content = {
        "id": "banksia",
        "name": "Banksia",
        "timezone": "Australia/Brisbane",
        "sources": [{"name": "sis", "system": "sis_db", "connection": "school", "pack": "generic"}],
        "canvas": {"test": {"connection": "canvas"}},
        "sync": {"observers": {"relationships": ["Mother", "Father"]}},
    }
    return Tenant.model_validate(content)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA.read_text())
    connection.executescript(Path(__file__).with_name("school.sql").read_text())
    folder = tmp_path_factory.mktemp("golden")
    evidence = extract(Answering(connection), settings(), folder)
    assert evidence.rows == {
        "orgs": 3, "academic_sessions": 2, "courses": 2, "classes": 3, "users": 7, "enrollments": 10, "guardians": 2,
    }  # fmt: skip
    assert evidence.proven, evidence.reasons
    return folder


@pytest.fixture(scope="module")
def roster(raw: Path) -> Roster:
    return system("sis_db").to_roster(raw, settings())


@pytest.mark.usefixtures("rules_only")
def test_to_canvas(raw: Path, roster: Roster, tmp_path: Path) -> None:
    judged = judge(roster, {"sis": raw}, tenant(), TODAY, last_good_rows=None, docs=None)
    assert judged.counts.get("enrollment-repeated") == 1
    assert judged.quarantine.is_empty()
    write(judged.roster, judged.quarantine, tenant(), TODAY, tmp_path)
    assert {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "csv").iterdir()} == FILES


def one(frame: pl.LazyFrame, **which: str) -> dict[str, object]:
    return frame.filter(**which).collect().row(0, named=True)


def test_every_field_of_the_roster(roster: Roster) -> None:
    assert roster.orgs.select("sourced_id", "name", "type", "parent_id", "sis_id").collect().rows() == [
        ("0071", "Fern Hill", "school", "d0", "0071"),
        ("0072", "Gum Creek", "school", "d0", "0072"),
        ("d0", "Fern District", "district", None, "d0"),
    ]
    assert one(roster.academic_sessions, sourced_id="s1") == {
        "sourced_id": "s1", "title": "Half 1", "start_date": date(2025, 9, 2), "end_date": date(2026, 1, 16),
        "school_id": "0072",
    }  # fmt: skip
    assert one(roster.courses, sourced_id="0072-M7") == {
        "sourced_id": "0072-M7", "title": "Music 7", "code": "M7", "school_id": "0072"
    }  # fmt: skip
    assert one(roster.classes, sourced_id="c1") == {
        "sourced_id": "c1", "title": "Maths, first", "code": "1", "period": "3(A)", "course_id": "0071-M7",
        "school_id": "0071", "session_id": "y26", "sis_id": "c1",
    }  # fmt: skip
    assert one(roster.users, sourced_id="p2") == {
        "sourced_id": "p2", "kind": "student", "given_name": "Robert", "middle_name": "R", "family_name": "Bell",
        "preferred_given_name": "Bo", "preferred_family_name": "Belle", "username": "bobb", "email": "bo@x.example",
        "identifier": "N2", "school_id": "0072", "school_ids": ["0072"], "sis_id": "p2", "status": None,
    }  # fmt: skip
    assert one(roster.users, sourced_id="t1")["school_ids"] == ["0071", "0072"]
    assert one(roster.users, sourced_id="t1")["identifier"] == "S1"
    assert one(roster.enrollments, sourced_id="r4") == {
        "sourced_id": "r4", "class_id": "c1", "user_id": "p2", "role": "student", "primary": None,
        "begin_date": date(2025, 9, 7), "end_date": date(2025, 12, 5),
    }  # fmt: skip
    assert one(roster.enrollments, class_id="c2", user_id="t2") == {
        "sourced_id": "c2:t2:teacher:2025-09-05", "class_id": "c2", "user_id": "t2", "role": "teacher", "primary": True,
        "begin_date": date(2025, 9, 5), "end_date": date(2025, 12, 19),
    }  # fmt: skip
    assert one(roster.guardians, guardian_id="g2") == {
        "sourced_id": "g2:p1", "guardian_id": "g2", "student_id": "p1", "relationship": "Father"
    }  # fmt: skip


def test_every_record_has_its_lineage(raw: Path, roster: Roster) -> None:
    lineage = roster.lineage.collect()
    assert set(lineage["source"]) == {"sis"}
    for table, frame in roster.tables():
        keys = frame.select("sourced_id").collect()["sourced_id"].to_list()
        lines = lineage.filter(table=table)
        assert sorted(set(lines["record"])) == sorted(keys), table
        assert lines["row"].sort().to_list() == list(range(1, lines.height + 1)), table
        assert set(lines["file"]) == {table}
    row = one(roster.lineage, table="users", record="p2")["row"]
    assert pl.read_parquet(raw / "users.parquet").filter(row=row)["email"].to_list() == ["bo@x.example"]


def test_the_primary_school_goes_first(tmp_path: Path) -> None:
    people = [
        {
            "sourced_id": "t",
            "kind": "staff",
            "given_name": "T",
            "family_name": "V",
            "school_id": id_,
            "is_primary": flag,
        }
        for id_, flag in (("1", None), ("2", "N"), ("3", "Y"))
    ]
    asked = settings(pack=None, views={"users": "people"})
    extract(Answering.with_tables(people=people), asked, tmp_path)
    user = one(system("sis_db").to_roster(tmp_path, asked).users, sourced_id="t")
    assert (user["school_id"], user["school_ids"]) == ("3", ["3", "1", "2"])


def test_tables_that_are_not_provided_are_empty(tmp_path: Path) -> None:
    links = [{"guardian_id": "g", "student_id": "p", "relationship": "Aunt"}]
    asked = settings(pack=None, views={"guardians": "links"})
    extract(Answering.with_tables(links=links), asked, tmp_path)
    found = system("sis_db").to_roster(tmp_path, asked)
    assert found.guardians.collect().rows() == [("g:p", "g", "p", "Aunt")]
    assert {name for name, frame in found.tables() if frame.collect().height} == {"guardians"}
