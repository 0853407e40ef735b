"""The district as OneRoster sets, read here with the csv module alone."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roster_sandbox.oneroster.export import Version
from roster_sandbox.oneroster.export_csv import COLUMNS, ids_of, write_set
from tests.few import few

WHEN = datetime(2026, 2, 2, 3, tzinfo=UTC)
HEADS = ["sourcedId", "status", "dateLastModified"]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as content:
        return list(csv.DictReader(content))


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_bulk_set_has_what_its_manifest_says(tmp_path: Path, version: Version) -> None:
    write_set(few(3), tmp_path, delivered=WHEN, version=version, control=True)
    said = {row["propertyName"]: row["value"] for row in rows(tmp_path / "manifest.csv")}
    assert (said["manifest.version"], said["oneroster.version"]) == ("1.0", version)
    bulk = {name.removeprefix("file.") for name, mode in said.items() if mode == "bulk"}
    there = {file.stem for file in tmp_path.glob("*.csv")}
    assert bulk == set(COLUMNS[version]) == there - {"manifest", "control"}
    for name in bulk:
        found = rows(tmp_path / f"{name}.csv")
        assert list(found[0]) == [*HEADS, *COLUMNS[version][name]]
        assert {(row["status"], row["dateLastModified"]) for row in found} == {("", "")}
    counted = {row["File"]: int(row["Rows"]) for row in rows(tmp_path / "control.csv")}
    assert counted == {f"{name}.csv": len(rows(tmp_path / f"{name}.csv")) for name in bulk}
    assert {file.stat().st_mtime for file in tmp_path.iterdir()} == {WHEN.timestamp()}


def test_references_lead_to_what_is_there(tmp_path: Path) -> None:
    ids = write_set(few(3), tmp_path, delivered=WHEN, version="1.2")
    assert ids.ids == ids_of(few(3)).ids
    known = {name: {row["sourcedId"] for row in rows(tmp_path / f"{name}.csv")} for name in COLUMNS["1.2"]}
    for row in rows(tmp_path / "classes.csv"):
        assert row["courseSourcedId"] in known["courses"]
        assert set(row["termSourcedIds"].split(",")) <= known["academicSessions"]
    for row in rows(tmp_path / "enrollments.csv"):
        assert (row["classSourcedId"] in known["classes"], row["userSourcedId"] in known["users"]) == (True, True)
    agents = {one for row in rows(tmp_path / "users.csv") for one in row["agentSourcedIds"].split(",") if one}
    assert agents
    assert agents <= known["users"]
    assert {row["userSourcedId"] for row in rows(tmp_path / "roles.csv")} == known["users"]


def test_a_delta_says_what_has_changed_and_who_is_gone(tmp_path: Path) -> None:
    write_set(few(3), tmp_path / "bulk", delivered=WHEN)
    write_set(few(2), tmp_path / "delta", delivered=WHEN, since=few(3))
    before, after = (
        {row["sourcedId"] for row in rows(tmp_path / "bulk" / "users.csv")},
        {row["sourcedId"]: row for row in rows(tmp_path / "delta" / "users.csv")},
    )
    assert after
    gone = {key for key, row in after.items() if row["status"] == "tobedeleted"}
    assert gone < before
    assert {row["dateLastModified"] for row in after.values()} == {"2026-02-02T03:00:00.000Z"}
    assert rows(tmp_path / "delta" / "orgs.csv") == []
    said = {row["propertyName"]: row["value"] for row in rows(tmp_path / "delta" / "manifest.csv")}
    assert (said["file.users"], said["file.results"]) == ("delta", "absent")


def test_a_file_may_be_left_out(tmp_path: Path) -> None:
    write_set(few(2), tmp_path, delivered=WHEN)
    write_set(few(2), tmp_path, delivered=WHEN, absent=["classes"])
    assert not (tmp_path / "classes.csv").exists()
    said = {row["propertyName"]: row["value"] for row in rows(tmp_path / "manifest.csv")}
    assert (said["file.classes"], said["file.users"]) == ("absent", "bulk")
