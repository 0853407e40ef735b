from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.places import Places
from roster_sandbox.district import after, implied
from roster_sandbox.district.model import District

DAY = date(2026, 2, 2)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path / "work")
    found.make()
    return found


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
    one = implied(nights.district(1), today=DAY)
    assert nights.expected(DAY) == after(type(one)(), one)
    nights.done(DAY)
    tomorrow = DAY + timedelta(days=1)
    assert nights.expected(tomorrow) == after(nights.before(), implied(nights.district(2), today=tomorrow))


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


def test_a_delivery_has_come_to_rest_and_has_a_control_file(places: Places) -> None:
    Nights(places, DAY, pupils=240).deliver(1)
    files = {file.name: file.stat() for file in places.delivery.glob("*.csv")}
    assert "control.csv" in files
    assert len(files) == 7
    now = datetime.now(UTC).timestamp()
    assert all(now - stat.st_mtime > 300 and stat.st_mode & 0o077 == 0 for stat in files.values())
