from __future__ import annotations

from pathlib import Path

import polars as pl

from roster.canvas.admins import COLUMNS
from roster.canvas.wanted import files, write
from tests.roster.canvas.rosters import AS_OF, a_roster, a_tenant, changed, column, only, rows_of, school_year


def test_staff_on_the_list_have_the_role_at_their_own_school() -> None:
    tenant = a_tenant(
        admins={"School Office": ["staff-tess"], "AccountAdmin": ["staff-stan", "staff-tess"]},
        ids={"user": "{kind}-{sourced_id}", "account": "acc-{org_id}"},
    )
    rows = rows_of("admins.csv", school_year(), tenant)

    assert set(rows) == {
        "staff-tess:acc-n:School Office",
        "staff-tess:acc-n:AccountAdmin",
        "staff-stan:acc-s:AccountAdmin",
    }
    row = rows["staff-tess:acc-n:School Office"]
    assert only(COLUMNS, row) == {
        "user_id": "staff-tess",
        "account_id": "acc-n",
        "role": "School Office",
        "status": "active",
    }
    assert only(("record", "school", "scope"), row) == {"record": "tess", "school": "n", "scope": None}


def test_nobody_but_staff_has_a_role() -> None:
    assert rows_of("admins.csv", school_year(), a_tenant(admins={"AccountAdmin": ["ada", "mum", "ghost"]})) == {}


def test_without_a_school_that_has_an_account_there_is_no_row() -> None:
    tenant = a_tenant(admins={"AccountAdmin": ["tess", "stan"]})
    records = changed(school_year(), "users", "tess", school_id=None, school_ids=None)
    records = changed(records, "users", "stan", school_id="d", school_ids=["d"])

    assert rows_of("admins.csv", records, tenant) == {}


def test_roles_at_a_school_that_is_filtered_out_are_left() -> None:
    records = changed(school_year(), "users", "stan", school_ids=["s", "n"])
    tenant = a_tenant(admins={"AccountAdmin": ["tess", "stan"]}, orgs={"include": ["n"]})

    assert column(rows_of("admins.csv", records, tenant), "scope") == {
        "tess:n:AccountAdmin": None,
        "stan:s:AccountAdmin": "school",
    }


def test_of_whom_the_source_says_that_they_are_suspended_the_role_ends() -> None:
    records = changed(school_year(), "users", "tess", status="suspended")

    assert column(rows_of("admins.csv", records, a_tenant(admins={"AccountAdmin": ["tess"]})), "scope") == {
        "tess:n:AccountAdmin": "suspended"
    }


def test_without_a_list_the_file_is_not_synced_and_with_an_empty_one_it_is(tmp_path: Path) -> None:
    nothing = pl.DataFrame(schema={"table": pl.String, "record": pl.String})

    assert "admins.csv" not in write(a_roster(school_year()), nothing, a_tenant(), AS_OF, tmp_path / "off")
    assert write(a_roster(school_year()), nothing, a_tenant(admins={}), AS_OF, tmp_path / "on")["admins.csv"] == 0
    assert "admins.csv" not in files(a_tenant(admins={}, people=False))
