"""Two school years: the old one ends and disappears from the source, the new one begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from roster.ledger_rows import live
from tests.nights.disturbed import Nights
from tests.nights.small import School, school

LAST_DAY = 150
"""From 1 February: past the spring term, which ends with June."""


@dataclass(frozen=True)
class NextYear(School):
    """The same people in the classes of another term. again: a class id of the old year that is given anew."""

    again: tuple[str, ...] = field(default=())

    def rows(self) -> Iterator[tuple[str, str | None, dict[str, str]]]:
        for file, school_id, row in super().rows():
            if file == "terms.csv":
                dates = {"start_date": "2016-07-01T05:00:00Z", "end_date": "2017-01-01T04:59:59Z"}
                yield file, school_id, {**row, "term_id": "autumn", "name": "Autumn", **dates}
                continue
            new = {column: self._new(row[column]) for column in ("section_id", "course_id") if column in row}
            if file == "courses.csv":
                new["term_id"] = "autumn"
            yield file, school_id, {**row, **new}

    def _new(self, name: str) -> str:
        return name if name in self.again else f"{name}-17"


def next_year(of: School, **more: Any) -> NextYear:
    return NextYear(of.people, of.places, of.links, of.sections, **more)


def states(nights: Nights, table: str, key: str) -> dict[str, str]:
    return {one[key]: one["state"] for one in nights.canvas.state()[table] if one[key]}


def of_the_old_year(nights: Nights) -> dict[str, list[dict[str, Any]]]:
    """What Canvas has of the spring term, states and all."""
    state = nights.canvas.state()
    return {
        "courses": [one for one in state["courses"] if one["term_id"] == "spring"],
        "sections": [one for one in state["sections"] if one["course_id"] in school().sections],
        "enrollments": [one for one in state["enrollments"] if one["course_id"] in school().sections],
    }


def changes(nights: Nights) -> pl.DataFrame:
    folder = nights.night().store.local_path(nights.planned[-1]["path"])
    return pl.read_parquet(folder / "changes.parquet")


def test_a_year_that_ended_stays_as_it_was_though_the_source_no_longer_has_it(nights: Nights) -> None:
    nights.play(school())
    before = of_the_old_year(nights)
    nights.day = LAST_DAY
    nights.play(next_year(school()))
    assert of_the_old_year(nights) == before
    assert states(nights, "terms", "term_id") == {"spring": "active", "autumn": "active"}
    assert {"algebra-17", "biology-17"} <= states(nights, "sections", "section_id").keys()
    assert "drop" not in changes(nights)["action"]
    nights.play(next_year(school()))
    assert changes(nights).is_empty()


def test_a_pupil_who_leaves_at_the_end_of_the_year_is_suspended_and_keeps_the_old_classes(nights: Nights) -> None:
    nights.play(school())
    before = of_the_old_year(nights)
    nights.day = LAST_DAY
    nights.play(next_year(school().without("p07")))
    assert states(nights, "users", "user_id")["p07"] == "suspended"
    assert of_the_old_year(nights) == before


def test_before_the_term_has_ended_its_absence_is_no_rollover_but_drops_that_are_held(nights: Nights) -> None:
    nights.play(school())
    before = of_the_old_year(nights)
    nights.play(next_year(school()))
    made = changes(nights).filter(pl.col("action") == "drop")
    assert set(made["file"]) == {"enrollments.csv"}
    assert set(made["part"]) == {"held"}
    assert of_the_old_year(nights) == before


def test_a_class_id_of_the_old_year_that_is_given_anew_is_held_with_all_that_is_in_it(nights: Nights) -> None:
    nights.play(school())
    before = of_the_old_year(nights)
    nights.day = LAST_DAY
    changed = school().joining("algebra", "p02").leaving("algebra", "p01")
    nights.play(next_year(changed, again=("algebra",)))
    held = changes(nights).filter(pl.col("holds").list.eval(pl.element().str.starts_with("reused-id: 1 ")).list.any())
    assert set(held.select("file", "key").iter_rows()) == {
        ("courses.csv", "algebra"),
        ("enrollments.csv", "algebra\x1fp01\x1fstudent"),
        ("enrollments.csv", "algebra\x1fp02\x1fstudent"),
    }
    assert set(held["part"]) == {"held"}
    assert of_the_old_year(nights) == before
    assert "biology-17" in states(nights, "sections", "section_id")


def test_a_course_that_moves_between_terms_that_run_is_not_held(nights: Nights) -> None:
    nights.play(school())
    nights.play(next_year(school(), again=("algebra",)))
    assert not changes(nights)["holds"].list.join(" ").str.contains("reused-id").any()


def test_a_pupil_who_moves_to_the_other_school_goes_on_as_the_same_person(nights: Nights) -> None:
    nights.play(school())
    nights.day = LAST_DAY
    places = {place for place in school().places if place[1] != "p01"} | {("chemistry", "p01", "student")}
    nights.play(next_year(replace(school(), places=frozenset(places))))
    rows = live(nights.loading.ledger.current()[2]).filter(pl.col("key").str.contains("p01"))
    assert "chemistry-17\x1fp01\x1fstudent" in rows["key"]
    assert [one["user_id"] for one in nights.canvas.state()["users"]].count("p01") == 1
    assert states(nights, "users", "user_id")["p01"] == "active"
