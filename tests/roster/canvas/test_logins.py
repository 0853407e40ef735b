"""Further log-ins: who has one, and in which CSV a row goes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from roster.canvas import wanted
from tests.roster.canvas.rosters import AS_OF, a_roster, a_tenant, added, changed, column, only, rows_of, school_year

GOOGLE = {"suffix": "-google", "login_id": "email", "authentication_provider": "google"}


def further(records: Any, *logins: dict[str, Any], **sync: Any) -> dict[str, dict[str, Any]]:
    tenant = a_tenant(**{"login_id": "username", "logins": list(logins or (GOOGLE,))} | sync)
    rows = rows_of("users.csv", records, tenant)
    return {key: row for key, row in rows.items() if row["existing_user_id"] is not None}


def test_a_person_has_one_more_log_in_that_is_theirs() -> None:
    row = further(school_year())["ada-google"]
    columns = ("user_id", "login_id", "authentication_provider_id", "existing_user_id", "first_name", "last_name")
    assert only((*columns, "email", "status", "record", "school", "scope"), row) == {
        "user_id": "ada-google",
        "login_id": "ada@example.org",
        "authentication_provider_id": "google",
        "existing_user_id": "ada",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": None,
        "status": "active",
        "record": "ada",
        "school": "n",
        "scope": None,
    }


def test_without_the_setting_users_csv_is_what_it_was() -> None:
    rows = rows_of("users.csv", school_year(), a_tenant())
    assert set(rows) == {"ada", "ben", "tess", "stan"}
    assert not {"existing_user_id", "authentication_provider_id"} & set(rows["ada"])


def test_the_kinds_that_a_map_leaves_out_have_none() -> None:
    rows = further(school_year(), GOOGLE | {"login_id": {"staff": "{email_name}@staff.example"}})
    assert column(rows, "login_id") == {"tess-google": "tess@staff.example", "stan-google": "stan@staff.example"}


def test_who_has_no_value_for_it_has_none() -> None:
    rows = further(changed(school_year(), "users", "ada", email=None))
    assert set(rows) == {"ben-google", "tess-google", "stan-google"}


@pytest.mark.parametrize(
    ("own", "theirs", "is_one"),
    [
        (None, None, True),
        (None, "google", True),
        ("saml", None, True),
        ("google", "google", True),
        ("saml", "google", False),
    ],
)
def test_a_log_in_that_canvas_takes_for_the_persons_own_is_none(
    own: str | None, theirs: str | None, is_one: bool
) -> None:
    setting = GOOGLE | {"authentication_provider": theirs, "login_id": "{username}"}
    records = changed(school_year(), "users", "ben", username="BEN.U")
    rows = further(records, setting, login_id={"student": "{username}"}, authentication_provider=own)
    assert ("ada-google" not in rows, "ben-google" not in rows) == (is_one, is_one)


def write(folder: Path, records: Any, **sync: Any) -> str:
    quarantine = pl.DataFrame(schema={"table": pl.String, "record": pl.String})
    tenant = a_tenant(login_id="username", logins=[GOOGLE], **sync)
    wanted.write(a_roster(records), quarantine, tenant, AS_OF, folder)
    return wanted.digest(folder)


def test_one_that_somebody_else_has_too_is_left_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, changed(school_year(), "users", "ben", email="ADA@example.org"))
    users = pl.read_parquet(tmp_path / "users.parquet")["key"].to_list()
    assert users == ["ada", "ben", "stan", "stan-google", "tess", "tess-google"]
    frozen = pl.read_parquet(tmp_path / "frozen.parquet").filter(pl.col("file") == "users.csv")
    assert frozen.select("key", "reason").rows() == [("ada-google", "log-in"), ("ben-google", "log-in")]


def test_of_whom_the_source_says_that_it_is_over_the_log_in_is_free(tmp_path: Path) -> None:
    over = changed(school_year(), "users", "ben", email="ada@example.org", status="deleted")
    write(tmp_path, over)
    assert "ada-google" in pl.read_parquet(tmp_path / "users.parquet")["key"].to_list()
    ended = pl.read_parquet(tmp_path / "ended.parquet").filter(pl.col("file") == "users.csv")
    assert set(ended["key"]) == {"ben", "ben-google"}


def test_a_persons_own_row_goes_before_a_log_in_of_the_same_id(tmp_path: Path) -> None:
    records = added(school_year(), "users", school_year()["users"][1] | {"sourced_id": "ada-google"})
    write(tmp_path, records)
    row = pl.read_parquet(tmp_path / "users.parquet").filter(pl.col("key") == "ada-google")
    assert row.select("login_id", "existing_user_id").rows() == [("ben.u", None)]


def test_the_artefact_has_a_csv_of_them_and_its_digest_knows_every_row(tmp_path: Path) -> None:
    first = write(tmp_path / "first", school_year())
    assert (tmp_path / "first" / "csv" / "logins.csv").read_text(encoding="utf-8").splitlines() == [
        "user_id,login_id,authentication_provider_id,existing_user_id",
        "ada-google,ada@example.org,google,ada",
        "ben-google,ben@example.org,google,ben",
        "stan-google,stan@example.org,google,stan",
        "tess-google,tess@example.org,google,tess",
    ]
    users = (tmp_path / "first" / "csv" / "users.csv").read_text(encoding="utf-8").splitlines()
    assert users[0] == "user_id,login_id,authentication_provider_id,first_name,last_name,email,status"
    assert [line.partition(",")[0] for line in users[1:]] == ["ada", "ben", "stan", "tess"]
    assert write(tmp_path / "again", school_year()) == first
    assert write(tmp_path / "less", changed(school_year(), "users", "ada", email=None)) != first


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ([GOOGLE, GOOGLE], "one suffix more than once"),
        ([GOOGLE | {"suffix": ""}], "without blanks, such as -google"),
        ([GOOGLE | {"suffix": "- google"}], "without blanks, such as -google"),
        ([GOOGLE | {"login_id": "{phone}"}], "names {phone}"),
    ],
)
def test_a_setting_that_can_not_be_is_refused(setting: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        a_tenant(logins=setting)
