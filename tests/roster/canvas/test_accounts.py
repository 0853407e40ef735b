from __future__ import annotations

from roster.canvas.accounts import COLUMNS
from tests.roster.canvas.rosters import a_tenant, changed, column, only, rows_of, school_year


def test_each_school_is_an_account_below_the_root() -> None:
    rows = rows_of("accounts.csv", school_year(), a_tenant())

    assert only(COLUMNS, rows["n"]) == {
        "account_id": "n",
        "parent_account_id": None,
        "name": "North High",
        "status": "active",
    }
    assert only(("record", "school", "scope"), rows["n"]) == {"record": "n", "school": "n", "scope": None}


def test_a_district_is_no_account() -> None:
    assert set(rows_of("accounts.csv", school_year(), a_tenant())) == {"n", "s"}


def test_the_tenant_names_the_account_above_and_the_ids() -> None:
    rows = rows_of("accounts.csv", school_year(), a_tenant(account="BANKSIA", ids={"account": "school-{org_id}"}))

    assert column(rows, "parent_account_id") == {"school-n": "BANKSIA", "school-s": "BANKSIA"}


def test_a_school_is_filtered_by_id_or_name_and_stays_as_it_is() -> None:
    for orgs in ({"include": ["n"]}, {"include": ["north*"]}, {"exclude": ["S"]}, {"exclude": ["South*"]}):
        rows = rows_of("accounts.csv", school_year(), a_tenant(orgs=orgs))

        assert column(rows, "scope") == {"n": None, "s": "school"}, orgs


def test_a_school_without_a_name_is_called_by_its_id() -> None:
    rows = rows_of("accounts.csv", changed(school_year(), "orgs", "n", name=" "), a_tenant())

    assert rows["n"]["name"] == "n"
