"""From replies of TASS to the files that Canvas gets, line by line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from roster.canvas.wanted import write
from roster.checks import judge
from roster.sources.tass.mapping import to_roster
from roster.sources.tass.reading import extract
from roster.tenants import Tenant
from tests.roster.sources.tass.replies import BO, IDM_STUDENTS, ZOE, a_school, settings

ART, OTHER = "10-2026-1-0080-10-A", "10-2026-1-2204--1-B"
FILES = {
    "accounts": [
        "account_id,parent_account_id,name,status",
        "7,,Senior School,active",
        "JU,,Junior School,active",
    ],
    "terms": [
        "term_id,name,status,start_date,end_date",
        "2026-1,Autumn,active,2026-01-26T14:00:00Z,2026-06-19T13:59:59Z",
    ],
    "courses": [
        "course_id,short_name,long_name,account_id,term_id,status",
        f"{ART},Art & Design 10 A,Art & Design 10 A,7,2026-1,active",
        f"{OTHER},sh -1 B,sh -1 B,JU,2026-1,active",
    ],
    "sections": [
        "section_id,course_id,name,status",
        f"{ART},{ART},Art & Design 10 A,active",
        f"{OTHER},{OTHER},sh -1 B,active",
    ],
    "users": [
        "user_id,login_id,first_name,last_name,email,status",
        "0009130,znunez,Zo,Nu,zoe@s.example.org,active",
        "1000016,aokafor,Addie,Okafor,ada@example.org,active",
        "1000017,tvaux,Tess,Vaux,tess@example.org,active",
        "1000018,rreed,R,Reed,rae@example.org,active",
        "20073,bbell,Bo,Bell,bo@example.org,active",
        "P299,mary@example.net,Mary,Nuñez,mary@example.net,active",
    ],
    "enrollments": [
        "section_id,user_id,role,status",
        f"{ART},0009130,student,active",
        f"{ART},1000016,teacher,active",
        f"{ART},20073,student,active",
        f"{OTHER},1000017,teacher,active",
        f"{OTHER},20073,student,active",
    ],
    "user_observers": [
        "observer_id,student_id,status",
        "P299,0009130,active",
        "P299,20073,active",
    ],
}


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, source = tmp_path_factory.mktemp("golden"), settings()
    raw = folder / "raw"
    raw.mkdir()
    replies = a_school(lms_getStudents=[ZOE, BO], idm_getStudents=IDM_STUDENTS[:2])
    extract(replies, source, raw, last_good=None, now=datetime(2026, 3, 1, 22, tzinfo=UTC))
    tenant = Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia",
            "timezone": "Australia/Brisbane",
            "sources": [source.model_dump()],
            "canvas": {"test": {"connection": "canvas"}},
            "sync": {
                "login_id": {"student": "username", "staff": "username", "guardian": "{email}"},
                "observers": {"relationships": ["Parent 1 of TASS"]},
            },
        }
    )
    with pytest.MonkeyPatch.context() as without_suites:
        without_suites.setattr("roster.checks.judgement.read_suites", lambda _: ())  # they take seconds
        judged = judge(to_roster(raw, source), {"tass": raw}, tenant, date(2026, 3, 2), last_good_rows=None, docs=None)
    write(judged.roster, judged.quarantine, tenant, date(2026, 3, 2), folder)
    return folder / "csv"


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_as_it_was_written_by_hand(csv: Path, name: str) -> None:
    assert (csv / f"{name}.csv").read_text(encoding="utf-8").splitlines() == FILES[name]
