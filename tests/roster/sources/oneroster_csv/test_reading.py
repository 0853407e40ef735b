"""From a set to raw tables and evidence."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roster.errors import SourceFault, SourceIncomplete, SourceUnreadable
from roster.sources import system
from roster.sources.files import Archive, Folder
from roster.sources.oneroster_csv.columns import FILES as CSV_FILES
from roster.sources.oneroster_tables import SCHEMAS
from tests.roster.sources.oneroster_csv.sets import (
    CONTROLLED,
    FILES,
    MANIFEST,
    NEWER,
    NOW,
    SETTINGS,
    control,
    extract,
    write,
)

READ = tuple(name for name in FILES if name != "manifest")


def tables(raw: Path) -> dict[str, pl.DataFrame]:
    return {name: pl.read_parquet(raw / f"{name}.parquet") for name in SCHEMAS}


def test_raw_tables_have_their_schemas_and_the_rows_of_the_files(tmp_path: Path) -> None:
    raw, evidence = extract(write(tmp_path / "set"))
    found = tables(raw)
    assert {name: frame.schema for name, frame in found.items()} == dict(SCHEMAS)
    assert found["classes"].select("class_type", "term_ids", "periods", "row").rows() == [
        ("scheduled", ["H1", "H2"], ["3", "4"], 2),
        ("homeroom", ["H2"], None, 3),
    ]
    assert found["roles"].is_empty()
    assert evidence.rows == {
        **{"orgs": 2, "academic_sessions": 3, "courses": 1, "classes": 2, "users": 5, "enrollments": 3},
        **{"students": 2, "staff": 1, "guardians": 2},
    }
    assert evidence.silent == ()


def test_columns_may_stand_in_any_order_and_case_and_others_are_left_alone(tmp_path: Path) -> None:
    plain, _ = extract(write(tmp_path / "plain"))
    turned = {}
    for name in READ:
        lines = [line.split(",") for line in FILES[name].replace('"H1, H2"', "H1").replace('"3,4"', "3").splitlines()]
        if name != "users":
            lines = [[*reversed(line), "x"] for line in lines]
            lines[0] = [*(column.upper() for column in lines[0][:-1]), "metadata.secret"]
            turned[name] = "\ufeff" + "".join(",".join(line) + "\r\n" for line in lines)
    other, evidence = extract(write(tmp_path / "other", **turned))
    assert evidence.complete
    assert tables(other)["orgs"].equals(tables(plain)["orgs"])
    assert tables(other)["enrollments"].equals(tables(plain)["enrollments"])


def test_no_password_and_nothing_sensitive_is_in_a_raw_table(tmp_path: Path) -> None:
    demographics = "sourcedId,status,dateLastModified,birthDate\ns1,,,1999-pw-birth\n"
    broken = {"users": NEWER["users"] + "s9,,,true,x,,pw-moved, pw-more\n"}
    raw, _ = extract(write(tmp_path / "set", **NEWER | broken, demographics=demographics))
    assert pl.read_parquet(raw / "unreadable.parquet").rows() == [
        ("users.csv", 6, "8 fields where the header has 23"),
    ]
    for file in raw.glob("*.parquet"):
        assert "pw-" not in str(pl.read_parquet(file).to_dicts())


def test_without_control_file_a_bulk_set_is_whole_and_proves_nothing(tmp_path: Path) -> None:
    _, evidence = extract(write(tmp_path / "set"))
    assert (evidence.complete, evidence.proven) == (True, False)
    assert evidence.reasons == ("sis: no control file counts its records",)


def test_who_has_lost_their_role_is_no_proof_that_they_left(tmp_path: Path) -> None:
    users = FILES["users"].replace("0007,teacher,", "0007,,")
    _, evidence = extract(write(tmp_path / "set", users=users, control=control()), CONTROLLED)
    assert (evidence.complete, evidence.proven) == (True, False)
    assert evidence.reasons == ("sis: 1 users have no role",)


def test_a_control_file_that_agrees_proves(tmp_path: Path) -> None:
    _, evidence = extract(write(tmp_path / "set", control=control()), CONTROLLED)
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())
    _, other = extract(write(tmp_path / "set", control=control(academicSessions=4)), CONTROLLED)
    assert (other.complete, other.proven) == (False, False)
    assert other.reasons == ("sis: academicSessions.csv has 3 rows, the control file says 4",)


@pytest.mark.parametrize(
    ("file", "before", "after", "reason"),
    [
        ("enrollments", "K2,0007,s2", "K9,0007,s2", "1 times enrollments name a class that is not in classes"),
        ("enrollments", "K2,0007,s2", "K2,0007,s9", "1 times enrollments name a user that is not in users"),
        ("classes", "0007,H2", "0009,H2", "1 times classes name a school that is not in orgs"),
        ("classes", "H1, H2", "H1,H9", "1 times classes name a term that is not in academic_sessions"),
        ("users", "g1,g2", "g1,g9", "1 times users name an agent that is not in users"),
        ("users", "0007,teacher", "0007,", "1 users have no role"),
    ],
)
def test_open_references_are_told(tmp_path: Path, file: str, before: str, after: str, reason: str) -> None:
    assert before in FILES[file]
    _, evidence = extract(write(tmp_path / "set", **{file: FILES[file].replace(before, after)}))
    assert (evidence.complete, evidence.proven) == (True, False)
    assert f"sis: {reason}" in evidence.reasons


def test_shrinkage_proves_nothing_and_a_kind_of_people_that_is_gone_is_no_whole_set(tmp_path: Path) -> None:
    _, good = extract(write(tmp_path / "set", control=control()), CONTROLLED)
    before = good.model_copy(update={"rows": {**good.rows, "guardians": 3}})
    _, evidence = extract(write(tmp_path / "set", control=control()), CONTROLLED, last_good=before)
    assert (evidence.complete, evidence.proven) == (True, False)
    assert "guardians has 1 of 3 records less than the last good delivery (33.3%; 2% is allowed)" in str(evidence)
    users = "".join(FILES["users"].splitlines(keepends=True)[:4])
    _, evidence = extract(write(tmp_path / "set", users=users), SETTINGS, last_good=good)
    assert not evidence.complete
    assert "sis: there are no guardians, the last good delivery had 2" in evidence.reasons


@pytest.mark.parametrize("file", READ)
def test_an_empty_bulk_file_never_means_that_all_are_gone(tmp_path: Path, file: str) -> None:
    _, evidence = extract(write(tmp_path / "set", **{file: FILES[file].splitlines()[0] + "\n"}))
    assert (evidence.complete, evidence.proven) == (False, False)
    assert f"sis: {file}.csv has no records, which never means that all are gone" in evidence.reasons
    with pytest.raises(SourceIncomplete, match=rf"{file}\.csv is empty"):
        extract(write(tmp_path / "set", **{file: ""}))


@pytest.mark.parametrize(
    ("file", "silent"),
    [
        ("orgs", ("orgs",)),
        ("academicSessions", ("academic_sessions",)),
        ("courses", ("courses",)),
        ("classes", ("classes",)),
        ("users", ("students", "staff", "guardians")),
        ("enrollments", ("enrollments",)),
    ],
)
def test_an_absent_file_says_nothing_of_what_would_be_in_it(tmp_path: Path, file: str, silent: tuple[str, ...]) -> None:
    manifest = MANIFEST.replace(f"file.{file},bulk", f"file.{file},absent")
    raw, evidence = extract(write(tmp_path / "set", manifest=manifest, **{file: None}))
    assert (evidence.complete, evidence.silent) == (True, silent)
    assert not any("name" in reason or "no role" in reason for reason in evidence.reasons)
    assert len(tables(raw)) == len(SCHEMAS)


def test_a_blank_field_too_many_is_taken_where_the_address_shows_that_nothing_has_moved(tmp_path: Path) -> None:
    longer = FILES["users"].replace(",,,pw-tess\n", ",,,,\n").replace("07,pw-bo\n", ",,\n")
    raw, evidence = extract(write(tmp_path / "set", users=longer))
    assert pl.read_parquet(raw / "users.parquet")["sourced_id"].to_list() == ["s1", "s2", "t1", "g1", "g2"]
    assert evidence.complete
    moved = FILES["users"].replace(
        "tessv,,Tess,Vaux,,N1,tess@example.org,,,,,pw-tess", "tessv,,Tess,Vaux, Dr,,N1,,,,,,,"
    )
    raw, evidence = extract(write(tmp_path / "set", users=moved))
    assert pl.read_parquet(raw / "unreadable.parquet").rows() == [
        ("users.csv", 4, "more fields than the header has"),
    ]
    assert not evidence.complete


@pytest.mark.parametrize("file", [*READ, "manifest"])
def test_a_set_that_changes_while_it_is_read_is_asked_for_again(tmp_path: Path, file: str) -> None:
    class Changing(Folder):
        def fetch(self, name: str, folder: Path) -> Path:
            copy = super().fetch(name, folder)
            if name == f"{file}.csv":
                write(tmp_path / "set", modified=NOW.replace(hour=1))
            return copy

    write(tmp_path / "set")
    (tmp_path / "raw").mkdir()
    with pytest.raises(SourceIncomplete, match="changed while it was read"):
        system("oneroster_csv").extract(Changing(tmp_path / "set"), SETTINGS, tmp_path / "raw", last_good=None, now=NOW)
    assert not list((tmp_path / "raw").glob("*.parquet"))


def test_a_zip_file_may_hold_the_set(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        for file in write(tmp_path / "set").iterdir():
            packed.write(file, file.name)
    (tmp_path / "raw").mkdir()
    reading = system("oneroster_csv").extract
    archive = Archive(Folder(tmp_path), "set.zip")
    later = datetime.now(UTC) + timedelta(hours=1)
    evidence = reading(archive, SETTINGS, tmp_path / "raw", last_good=None, now=later)
    assert (evidence.complete, evidence.rows["users"]) == (True, 5)


def test_a_set_that_may_still_be_written_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(SourceIncomplete, match=r"manifest\.csv.* changed 30 s ago"):
        extract(write(tmp_path / "set", modified=NOW - timedelta(seconds=30)))


@pytest.mark.parametrize("file", READ)
def test_a_file_that_is_cut_at_any_row_proves_nothing(tmp_path: Path, file: str) -> None:
    lines = FILES[file].splitlines(keepends=True)
    for kept in range(len(lines)):
        shorter = {file: "".join(lines[:kept]), "control": control()}
        try:
            _, evidence = extract(write(tmp_path / "set", **shorter), CONTROLLED)
        except SourceIncomplete:
            assert kept == 0
            continue
        assert (evidence.complete, evidence.proven) == (False, False)


@given(
    file=st.sampled_from([*READ, "manifest", "control"]), left_out=st.one_of(st.integers(1, 12), st.integers(1, 900))
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_is_cut_anywhere_proves_nothing(tmp_path: Path, file: str, left_out: int) -> None:
    """But for one of which only the last value is cut: then every record is there."""
    files = {**FILES, "control": control()}
    shorter = files[file].encode()[:-left_out]
    records, said = files[file].count("\n") - 1, ""
    try:
        raw, evidence = extract(write(tmp_path / "set", **{"control": control(), file: shorter}), CONTROLLED)
    except SourceFault as fault:
        said = str(fault)
    else:
        whole = file not in READ or pl.read_parquet(raw / f"{CSV_FILES[file].table}.parquet").height == records
        assert whole or not evidence.proven
    assert not any(private in said for private in ("Ode", "example.org", "pw-"))


@pytest.mark.parametrize("content", ["<html><body>Sign in</body></html>\n", "\x00\x01\x02", "PK\x03\x04", "a;b\n1;2\n"])
@pytest.mark.parametrize("file", [*READ, "manifest"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, file: str, content: str) -> None:
    with pytest.raises(SourceUnreadable, match=rf"{file}\.csv:1: "):
        extract(write(tmp_path / "set", **{file: content}))
