"""The demo district that Clever published: what Canvas then holds, and what later deliveries do to it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from roster.tenants import Tenant
from roster_airflow.loading import Loading
from roster_sandbox.canvas import Canvas
from tests.nights import Folder, Played, night_of, play

NIGHT = datetime(2016, 2, 1, 7, tzinfo=UTC)
FAMILY = ("Mother", "Father", "Stepmother", "Stepfather", "Grandmother", "Grandfather")

MakeTenant = Callable[..., Tenant]


@pytest.fixture(scope="session")
def district(samples: Path) -> Path:
    folder = samples / "clever-sandbox"
    if not folder.is_dir():
        pytest.skip(f"no {folder.name} in the sample data")
    return folder


def lines(folder: Path, name: str) -> list[str]:
    text = (folder / name).read_bytes().decode()
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def deliver(source: Path, target: Path, edits: dict[str, Callable[[list[str]], list[str]]], *, day: int) -> Folder:
    """The export with some files edited line by line, delivered on that day."""
    target.mkdir()
    for file in source.glob("*.csv"):
        edited = edits.get(file.name, list)(lines(source, file.name))
        (target / file.name).write_text("\n".join(edited) + "\n", encoding="utf-8")
        moment = (NIGHT + timedelta(days=day, hours=-4)).timestamp()
        os.utime(target / file.name, (moment, moment))
    return Folder(target)


def planned(played: Played) -> Counter[tuple[str, str, str]]:
    return Counter(played.changes.select("file", "action", "part").iter_rows())


def test_canvas_holds_the_district(
    district: Path, tenant: MakeTenant, loading: Loading, home: Path, canvas: Canvas
) -> None:
    settings = tenant(observers={"relationships": FAMILY})
    first = play(night_of(home, settings, NIGHT), Folder(district), loading)

    assert first.reasons == []
    assert planned(first) == {
        ("accounts.csv", "create", "free"): 3,
        ("terms.csv", "create", "free"): 3,
        ("courses.csv", "create", "free"): 379,
        ("sections.csv", "create", "free"): 379,
        ("users.csv", "create", "free"): 1093 + 368,
        ("enrollments.csv", "create", "free"): 8971 + 460,
        ("user_observers.csv", "create", "free"): 369,
    }
    assert first.json("check", "check.json")["counts"]["findings"]["guardian-relationship-unlisted"] == 635
    assert first.table("load", "problems.parquet").is_empty()
    roles = Counter(
        (row["role"], row["status"])
        for row in map(_row, first.changes.filter(pl.col("file") == "enrollments.csv")["new"])
    )
    assert roles == {("student", "active"): 8971, ("teacher", "active"): 460}

    second = play(night_of(home, settings, NIGHT + timedelta(days=1)), Folder(district), loading)

    assert second.reasons == []
    assert second.changes.is_empty()
    assert len(canvas.imports()) == 1


@pytest.mark.usefixtures("rules_only")
def test_a_course_per_school_term_and_course(district: Path, tenant: MakeTenant, loading: Loading, home: Path) -> None:
    settings = tenant(courses={"per": "school_term_course"})
    first = play(night_of(home, settings, NIGHT), Folder(district), loading)
    assert first.reasons == []
    assert planned(first)["courses.csv", "create", "free"] == 347
    assert planned(first)["sections.csv", "create", "free"] == 379


@pytest.mark.usefixtures("rules_only")
def test_shared_usernames_wait(district: Path, tenant: MakeTenant, loading: Loading, home: Path) -> None:
    first = play(night_of(home, tenant(login_id="username"), NIGHT), Folder(district), loading)

    assert first.reasons == []
    assert first.table("check", "quarantine.parquet").height == 6
    assert planned(first)["users.csv", "create", "free"] == 1093 - 6
    waiting = first.table("plan", "waiting.parquet")
    assert Counter(waiting["file"]) == {"enrollments.csv": 52}
    assert planned(first)["enrollments.csv", "create", "free"] == 9431 - 52


@pytest.mark.usefixtures("rules_only")
def test_what_canvas_already_has_stays_untouched_in_quarantine(
    district: Path, tenant: MakeTenant, loading: Loading, home: Path, canvas: Canvas
) -> None:
    play(night_of(home, tenant(), NIGHT), Folder(district), loading)
    before = canvas.state()
    by_username = tenant(login_id="username").model_copy(
        update={"safety": tenant().safety.model_copy(update={"updated": 1.0})}
    )
    second = play(night_of(home, by_username, NIGHT + timedelta(days=1)), Folder(district), loading)

    quarantined = set(second.table("check", "quarantine.parquet")["record"])
    assert len(quarantined) == 6
    assert second.table("plan", "waiting.parquet").is_empty()
    assert not quarantined & set(second.changes["key"])
    after = {one["user_id"]: one for one in canvas.state()["users"]}
    untouched = {one["user_id"]: one for one in before["users"] if one["user_id"] in quarantined}
    assert {key: after[key] for key in untouched} == untouched


def without_one_pupil(rows: list[str]) -> list[str]:
    """Without the first pupil of 02M800."""
    return [row for row in rows if "738733110" not in row]


def renamed(rows: list[str]) -> list[str]:
    return [row.replace(",Glover,L,Braeden,", ",Lovegrove,L,Braeden,") for row in rows]


@pytest.mark.usefixtures("rules_only")
@pytest.mark.parametrize(("missing", "of_school", "total_named"), [(60, 60, False), (111, 111, True)])
def test_a_cut_delivery_drops_only_what_two_nights_prove_and_limits_allow(
    district: Path,
    tenant: MakeTenant,
    loading: Loading,
    home: Path,
    tmp_path: Path,
    canvas: Canvas,
    missing: int,
    of_school: int,
    total_named: bool,
) -> None:
    settings = tenant()
    play(night_of(home, settings, NIGHT), Folder(district), loading)
    cut = {
        "students.csv": lambda rows: without_one_pupil(rows)[:-missing],
        "enrollments.csv": without_one_pupil,
        "teachers.csv": renamed,
    }
    gone = {row.split(",")[1] for row in lines(district, "students.csv")[-missing:]}
    theirs = sum(row.split(",")[1] in gone for row in lines(district, "enrollments.csv"))
    hers = sum(row.split(",")[1] == "738733110" for row in lines(district, "enrollments.csv"))

    night1 = play(
        night_of(home, settings, NIGHT + timedelta(days=1)), deliver(district, tmp_path / "1", cut, day=1), loading
    )
    assert planned(night1) == {("users.csv", "update", "free"): 1}
    assert night1.reasons == []

    night2 = play(
        night_of(home, settings, NIGHT + timedelta(days=2)), deliver(district, tmp_path / "2", cut, day=2), loading
    )
    drops = planned(night2)
    assert drops["users.csv", "drop", "held"] == of_school + (1 if total_named else 0)
    assert drops["users.csv", "drop", "free"] == (0 if total_named else 1)
    assert drops["enrollments.csv", "drop", "held" if total_named else "free"] == hers
    assert sum(drops.values()) == of_school + 1 + hers
    enrolled = [one for one in canvas.state()["enrollments"] if one["user_id"] in gone]
    assert len(enrolled) == theirs
    assert {one["state"] for one in enrolled} == {"active"}
    limits = night2.json("plan", "plan.json")["counts"]["limits"]
    named = {(limit["file"], limit["school"]) for limit in limits}
    assert named == {("users.csv", "27Q321")} | ({("users.csv", None)} if total_named else set())
    notices = " ".join(night2.report["notices"])
    assert f"limit-deleted: {of_school} of 258 users at 27Q321" in notices
    assert ("users in all" in notices) == total_named
    assert str(theirs) in notices


def _row(text: str) -> dict[str, str]:
    row: dict[str, str] = json.loads(text)
    return row
