"""What one reading of a district proves, and whom it asks for alone."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.errors import SourceUnreadable
from roster.evidence import Evidence, Standing
from roster.settings import Clever
from roster.sources import Good
from roster.sources.clever.reading import LOOKUPS, extract
from tests.roster.sources.clever.lists import DISTRICT, Answer, Lists

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
SETTINGS = Clever(name="clever", system="clever", connection="api")


def pupil(number: int) -> dict[str, Any]:
    return {"id": f"b{number:02}", "roles": {"student": {"sis_id": f"{number}", "school": "a1"}}}


def a_district(district: dict[str, Any] | None = None, **lists: Any) -> Lists:
    teacher = {"id": "c01", "roles": {"teacher": {"sis_id": "T1", "school": "a1"}}}
    served: dict[str, Any] = {
        "schools": [{"id": "a1", "sis_id": "420"}],
        "terms": [{"id": "f1", "name": "S1"}],
        "courses": [{"id": "e1", "name": "Math"}],
        "users": [*(pupil(number) for number in range(1, 11)), teacher],
        "sections": [section([f"b{number:02}" for number in range(1, 11)])],
    }
    return Lists.of(DISTRICT | (district or {}), **(served | lists))


def section(students: list[str], **more: Any) -> dict[str, Any]:
    places = {"school": "a1", "course": "e1", "term_id": "f1", "teacher": "c01", "teachers": ["c01"]}
    return {"id": "01", "students": students, **places, **more}


def read(lists: Lists, folder: Path, last_good: Evidence | None = None, now: datetime = NOW) -> Evidence:
    folder.mkdir()
    good = Good(last_good, lambda: nullcontext(folder)) if last_good else None
    return extract(lists, SETTINGS, folder, last_good=good, now=now)


def test_a_whole_reading_proves_what_is_absent(tmp_path: Path) -> None:
    evidence = read(a_district(), tmp_path / "raw")
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, True, ())
    assert (evidence.source, evidence.system) == ("clever", "clever")
    assert evidence.delivered == datetime(2026, 3, 1, 20, tzinfo=UTC)
    assert evidence.rows["students"] == 10
    assert evidence.rows["enrollments"] == 11


@pytest.mark.parametrize(
    ("district", "reason"),
    [
        ({"state": "pending"}, "the district is in state pending, in which absence proves nothing"),
        ({"state": "error"}, "the district is in state error, in which absence proves nothing"),
        ({"state": "paused"}, "the district is in state paused, in which absence proves nothing"),
        ({"state": ""}, "the district is in state unknown, in which absence proves nothing"),
        ({"pause_start": "2026-03-01"}, "the district is paused, so its data stand still"),
        ({"pause_end": "2026-03-03T00:00:00Z"}, "the district is paused, so its data stand still"),
        (
            {"pause_start": "2026-03-01", "pause_end": "2026-03-03"},
            "the district is paused, so its data stand still",
        ),
        (
            {"pause_start": "June"},
            "it can't be told whether the district is paused: its dates of the pause can't be read",
        ),
    ],
)
def test_a_district_that_is_not_live_proves_nothing_in_any_number_of_nights(
    tmp_path: Path, district: dict[str, Any], reason: str
) -> None:
    evidence = read(a_district(district), tmp_path / "raw")
    assert (evidence.complete, evidence.reasons) == (False, (f"clever: {reason}",))
    later = read(
        a_district(district | {"last_sync": "2026-03-02T20:00:00.000Z"}),
        tmp_path / "later",
        now=NOW + timedelta(hours=20),
    )
    nights = [Standing.of(NOW + timedelta(days=day), [one]) for day, one in enumerate((evidence, later))]
    assert not nights[0].confirms(nights[1])


@pytest.mark.parametrize(
    "district",
    [{"state": "success"}, {"pause_start": "2026-06-01", "pause_end": "2026-08-01"}, {"pause_end": "2025-08-01"}],
)
def test_a_pause_to_come_or_over_is_none(tmp_path: Path, district: dict[str, Any]) -> None:
    assert read(a_district(district), tmp_path / "raw").proven


def test_a_reading_without_a_new_sync_is_the_same_delivery(tmp_path: Path) -> None:
    first = read(a_district(), tmp_path / "1")
    again = read(a_district(), tmp_path / "2", now=NOW + timedelta(days=1))
    synced = read(a_district({"last_sync": "2026-03-02T20:00:00.000Z"}), tmp_path / "3", now=NOW + timedelta(days=1))
    assert first.delivery == again.delivery != synced.delivery
    unsaid = [
        read(a_district({"last_sync": None}), tmp_path / f"4{day}", now=NOW + timedelta(days=day)) for day in (0, 1)
    ]
    assert unsaid[0].delivery != unsaid[1].delivery
    assert unsaid[0].delivered == NOW


def test_a_sync_in_the_middle_proves_nothing(tmp_path: Path) -> None:
    lists = a_district()

    def synced(path: str, answer: Answer) -> Answer:
        if "districts" in path and len(lists.asked) > 1:
            return {"data": [{"data": DISTRICT | {"last_sync": "2026-03-02T07:00:00.000Z"}}]}
        return answer

    lists.spoil = synced
    evidence = read(lists, tmp_path / "raw")
    assert (evidence.complete, evidence.proven) == (True, False)
    assert evidence.reasons == ("clever: Clever synced the district while it was read",)


def test_a_token_that_sees_no_district_or_several_is_refused(tmp_path: Path) -> None:
    lists = a_district()
    lists.objects["districts"] = [DISTRICT, DISTRICT | {"id": "e" * 24}]
    with pytest.raises(SourceUnreadable, match="the token sees 2 districts"):
        read(lists, tmp_path / "raw")


def test_tables_that_shrink_or_empty_prove_nothing(tmp_path: Path) -> None:
    before = read(a_district(), tmp_path / "before")
    shrunken = a_district(users=a_district().objects["users"][2:], sections=[section(["b03"])])
    evidence = read(shrunken, tmp_path / "raw", before)
    assert (evidence.complete, evidence.proven) == (True, False)
    assert evidence.reasons == (
        "clever: students has 2 of 10 less than the last good night (20.0%; 2% is allowed)",
        "clever: enrollments has 9 of 11 less than the last good night (81.8%; 2% is allowed)",
    )
    empty = read(a_district(terms=[], courses=[]), tmp_path / "empty", before)
    assert not empty.complete
    assert "clever: terms is empty, the last good night had 1" in empty.reasons
    none = read(a_district(sections=[]), tmp_path / "none")
    assert (none.complete, none.reasons) == (False, ("clever: sections is empty",))


def test_someone_whom_a_section_names_and_clever_does_not_know(tmp_path: Path) -> None:
    """By Clever's counts it is Clever's own gap; without them it may be ours."""
    lists = a_district(sections=[section(["b01", "ghost"])])
    assert read(lists, tmp_path / "counted").proven
    assert lists.asked.count("/v3.1/users/ghost") == 1
    lists.counts = False
    evidence = read(lists, tmp_path / "raw")
    assert (evidence.complete, evidence.proven) == (True, False)
    assert evidence.reasons == ("clever: 1 people whom sections name are in no list of users",)


def test_someone_who_came_while_it_was_read_is_added(tmp_path: Path) -> None:
    lists = a_district(users=[*a_district().objects["users"], pupil(99)], sections=[section(["b01", "b99"])])
    lists.spoil = lambda path, answer: _without("b99", path, answer)
    lists.counts = False
    evidence = read(lists, tmp_path / "raw")
    assert (evidence.complete, evidence.proven) == (True, True)
    students = pl.read_parquet(tmp_path / "raw" / "students.parquet")
    assert students.select("id", "row").rows()[-1] == ("b99", 11)
    assert evidence.rows["students"] == 11


def test_someone_whom_the_list_passed_over_makes_it_incomplete(tmp_path: Path) -> None:
    lists = a_district()
    lists.spoil = lambda path, answer: _without("b05", path, answer)
    lists.counts = False
    evidence = read(lists, tmp_path / "raw")
    assert not evidence.complete
    assert evidence.reasons == ("clever: 1 people are there when asked for alone, and were passed over in the lists",)
    assert evidence.rows["students"] == 10


def _without(one: str, path: str, answer: Answer) -> Answer:
    listed = "/users?" in path
    return answer | {"data": [item for item in answer["data"] if not listed or item["data"]["id"] != one]}


def test_only_so_many_are_asked_for_alone(tmp_path: Path) -> None:
    ghosts = [f"ghost{number:03}" for number in range(LOOKUPS + 5)]
    lists = a_district(sections=[section(["b01", *ghosts, "../odd"], teachers=["c02", "c01"], teacher="c02")])
    lists.counts = False
    evidence = read(lists, tmp_path / "raw")
    assert sum("/users/" in path for path in lists.asked) <= LOOKUPS
    assert not any("odd" in path for path in lists.asked)
    assert evidence.reasons == (f"clever: {LOOKUPS + 7} people whom sections name are in no list of users",)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"school": "a9"}, "1 sections name a school that is not in schools"),
        ({"term_id": "f9"}, "1 sections name a term that is not in terms"),
        ({"course": "e9"}, "1 sections name a course that is not in courses"),
    ],
)
def test_without_counts_an_open_reference_proves_nothing(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    lists = a_district(sections=[section(["b01"], **more)])
    lists.counts = False
    evidence = read(lists, tmp_path / "raw")
    assert (evidence.complete, evidence.proven, evidence.reasons) == (True, False, (f"clever: {reason}",))
