"""From the files of a small set to the files that Canvas gets, byte for byte."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from roster.canvas.wanted import write as write_rows
from roster.checks import judge
from roster.tenants import Tenant
from tests.roster.sources.oneroster_csv.sets import extract, roster, write

TENANT = Tenant.model_validate(
    {
        "id": "fern",
        "name": "Fern",
        "timezone": "Australia/Brisbane",
        "sources": [{"name": "sis", "system": "oneroster_csv", "connection": "sets"}],
        "canvas": {"test": {"connection": "canvas"}, "account": "Fern"},
        "sync": {"login_id": "username", "observers": {"relationships": ["parent"]}},
    }
)
GOLDEN = {
    "accounts": "account_id,parent_account_id,name,status\n0007,Fern,Fern Hill,active\n",
    "terms": (
        "term_id,name,status,start_date,end_date\n"
        "H2,Second,active,2026-01-15T14:00:00Z,2026-06-29T13:59:59Z\n"
        "Y26,Year,active,2025-08-31T14:00:00Z,2026-06-30T13:59:59Z\n"
    ),
    "courses": (
        "course_id,short_name,long_name,account_id,term_id,status\n"
        "K1,Maths A,Maths A,0007,Y26,active\n"
        "K2,Form 7,Form 7,0007,H2,active\n"
    ),
    "sections": "section_id,course_id,name,status\nK1,K1,Maths A,active\nK2,K2,Form 7,active\n",
    "users": (
        "user_id,login_id,first_name,last_name,email,status\n"
        "g1,maria@example.org,Maria,Ode,maria@example.org,active\n"
        "s1,anno,Ann,Ode,ann@example.org,active\n"
        "t1,tessv,Tess,Vaux,tess@example.org,active\n"
    ),
    "enrollments": (
        "section_id,user_id,role,status\nK1,s1,student,active\nK1,t1,teacher,active\nK2,s2,student,active\n"
    ),
    "user_observers": "observer_id,student_id,status\ng1,s1,active\n",
}
"""s2 is not enabled: no user is made of them, and one that is there is suspended and keeps the class."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    raw, _ = extract(write(folder / "set"))
    day = date(2026, 2, 3)
    (folder / "no-suites").mkdir()
    judged = judge(roster(raw), {"sis": raw}, TENANT, day, last_good_rows=None, docs=None, suites=folder / "no-suites")
    assert judged.quarantine.is_empty()
    write_rows(judged.roster, judged.quarantine, TENANT, day, folder)
    return folder / "csv"


@pytest.mark.parametrize("stem", list(GOLDEN))
def test_what_canvas_gets(written: Path, stem: str) -> None:
    assert {file.stem for file in written.glob("*.csv")} == set(GOLDEN)
    assert (written / f"{stem}.csv").read_text(encoding="utf-8") == GOLDEN[stem]
