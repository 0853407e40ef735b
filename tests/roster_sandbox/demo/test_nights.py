from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from roster_sandbox.clever import IdTable
from roster_sandbox.demo.examples import fern
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import Places
from roster_sandbox.district import after
from roster_sandbox.district.clever_csv import TABLES
from roster_sandbox.district.model import District

DAY = date(2026, 2, 2)


def a_folder(work: Path, *tenant: str) -> Places:
    found = Places(work, *tenant)
    found.make()
    return found


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return a_folder(tmp_path / "work")


def test_the_nights_of_a_folder_go_on_where_they_ended(places: Places) -> None:
    first = Nights(places, DAY, pupils=240)
    assert first.next == 1
    first.done(DAY)
    later = Nights(places, DAY + timedelta(days=1))
    assert (later.next, later.recipe, later.played) == (2, first.recipe, [DAY])
    assert later.district(2) == first.district(2) != first.district(1)


def test_a_night_that_was_not_done_is_next_again(places: Places) -> None:
    nights = Nights(places, DAY, pupils=240)
    nights.deliver(nights.next)
    assert Nights(places, DAY).next == 1


def test_what_canvas_has_to_hold_grows_with_the_nights(places: Places) -> None:
    nights = Nights(places, DAY, pupils=240)
    assert nights.before().users == {}
    nights.deliver(1)
    one = nights.implied(nights.district(1), DAY)
    assert len(one.links) > 100
    assert nights.expected(DAY) == after(type(one)(), one)
    nights.done(DAY)
    tomorrow = DAY + timedelta(days=1)
    nights.deliver(2)
    assert nights.expected(tomorrow) == after(nights.before(), nights.implied(nights.district(2), tomorrow))


def test_the_second_export_lacks_a_fifth_of_one_schools_pupils_and_its_moves_leave_that_school_alone(
    places: Places,
) -> None:
    recipe = Nights(places, DAY, pupils=240).recipe
    before, now, export = recipe.night(1), recipe.night(2), recipe.export(2)
    school = now.schools[-1].id

    def at(district: District) -> set[str]:
        return {student.id for student in district.students if student.school_id == school}

    assert at(now) == at(before)
    assert [e for e in now.enrollments if e.student_id in at(now)] == [
        e for e in before.enrollments if e.student_id in at(now)
    ]
    missing = {student.id for student in now.students} - {student.id for student in export.students}
    assert missing <= at(now)
    assert len(missing) == len(at(now)) // 5
    assert not missing & {e.student_id for e in export.enrollments}
    assert not missing & {contact.student_id for contact in export.contacts}
    assert recipe.export(3) == recipe.night(3)


def test_clever_serves_the_night_as_synced_a_while_ago(places: Places) -> None:
    nights = Nights(places, DAY, pupils=240)
    nights.deliver(1)
    served = json.loads((places.delivery / "objects.json").read_text(encoding="utf-8"))
    assert {len(user["id"]) for user in served["users"]} == {24}
    synced = datetime.fromisoformat(served["districts"][0]["last_sync"])
    assert timedelta(minutes=5) < datetime.now(UTC) - synced < timedelta(hours=1)
    assert all(file.stat().st_mode & 0o077 == 0 for file in places.delivery.glob("[!d]*.json"))
    before = IdTable.read(places.delivery).to_export()
    nights.deliver(2)
    assert before.items() <= IdTable.read(places.delivery).to_export().items()


def test_files_are_delivered_as_written_a_while_ago(tmp_path: Path) -> None:
    places = a_folder(tmp_path / "work", "fern")
    nights = Nights(places, DAY, pupils=240)
    nights.deliver(1)
    files = list(places.delivery.iterdir())
    assert {"students.csv", "control.csv"} <= {file.name for file in files} <= {*TABLES, "control.csv"}
    ages = [time.time() - file.stat().st_mtime for file in files]
    assert 300 < min(ages) <= max(ages) < 3600
    assert set(nights.implied(nights.district(1), DAY).users) > {s.id for s in nights.district(1).students[3:9]}


class Unsure:
    """An example whose source does not prove that who is absent is gone."""

    KEYS = ()
    UNPROVEN = ("people",)
    serve = staticmethod(fern.serve)
    implied_canvas = staticmethod(fern.implied_canvas)


def test_who_is_absent_without_proof_goes_by_a_second_night_half_a_day_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = a_folder(tmp_path / "work", "fern")
    monkeypatch.setattr("roster_sandbox.demo.nights.example", lambda _: Unsure)
    nights = Nights(places, DAY, pupils=240)
    went = {s.id for s in nights.district(1).students} - {s.id for s in nights.district(2).students}
    assert went

    def states() -> set[str]:
        return {nights.before().users[pupil].state for pupil in went}

    nights.done(DAY)
    nights.done(DAY)
    nights.done(DAY)
    assert states() == {"active"}
    kept = json.loads(places.nights.read_text(encoding="utf-8"))
    for night in kept[:2]:
        night["at"] = (datetime.now(UTC) - timedelta(hours=13)).isoformat()
    places.nights.write_text(json.dumps(kept), encoding="utf-8")
    nights = Nights(places, DAY)
    assert states() == {"suspended"}
