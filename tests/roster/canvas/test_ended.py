"""What the source itself says has ended: left out of the wanted rows, and listed with the status."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from roster.canvas.wanted import SEPARATOR, write
from tests.roster.canvas.rosters import AS_OF, Records, a_roster, a_tenant, changed, school_year

QUARANTINE = pl.DataFrame(schema={"table": pl.String, "record": pl.String})


def written(records: Records, folder: Path) -> dict[str, set[tuple[str, str]]]:
    """Of users, enrolments and links: (key, wanted | status)."""
    tenant = a_tenant(observers={"relationships": ["Mother", "Grandmother"]})
    write(a_roster(records), QUARANTINE, tenant, AS_OF, folder)
    ended = pl.read_parquet(folder / "ended.parquet")
    frozen = pl.read_parquet(folder / "frozen.parquet")["reason"]
    assert not {"suspended", "deleted"} & set(frozen)
    found = {}
    for file in ("users", "enrollments", "user_observers"):
        keys = pl.read_parquet(folder / f"{file}.parquet")["key"]
        said = ended.filter(pl.col("file") == f"{file}.csv").select("key", "status").rows()
        found[file] = {(key.replace(SEPARATOR, ":"), word) for key, word in [*((key, "wanted") for key in keys), *said]}
    return found


def test_of_a_suspended_person_the_user_ends_and_the_rest_stays(tmp_path: Path) -> None:
    found = written(changed(school_year(), "users", "ada", status="suspended"), tmp_path)
    assert ("ada", "suspended") in found["users"]
    assert ("alg1:ada:student", "wanted") in found["enrollments"]
    assert ("mum:ada", "wanted") in found["user_observers"]
    assert len(found["users"]) == 6


def test_with_a_deleted_person_all_that_hangs_on_them_ends_but_not_the_guardian(tmp_path: Path) -> None:
    found = written(changed(school_year(), "users", "ada", status="deleted"), tmp_path)
    assert ("ada", "deleted") in found["users"]
    assert ("alg1:ada:student", "deleted") in found["enrollments"]
    assert ("mum:ada", "deleted") in found["user_observers"]
    assert "mum" not in {key for key, _ in found["users"]}  # no row: gone as any guardian without a pupil
    assert ("gran", "wanted") in found["users"]


def test_of_a_deleted_guardian_the_links_end(tmp_path: Path) -> None:
    found = written(changed(school_year(), "users", "mum", status="deleted"), tmp_path)
    assert found["user_observers"] == {("mum:ada", "deleted"), ("gran:ben", "wanted")}
    assert ("mum", "deleted") in found["users"]
    assert ("ada", "wanted") in found["users"]
