"""The moves, found again by comparing two exports."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from roster_sandbox.district import District, Move, moved, write_clever

from .conftest import NIGHT, read

Table = list[dict[str, str]]


def _export(district: District, folder: Path, night: int) -> dict[str, Table]:
    write_clever(district, folder / str(night), delivered=NIGHT + timedelta(days=night))
    return {path.name: read(path) for path in (folder / str(night)).iterdir() if path.name != "control.csv"}


def _found(before: dict[str, Table], after: dict[str, Table]) -> set[Move]:
    """What happened to whom, by the files alone."""
    old, new = ({row["Student_id"]: row for row in day["students.csv"]} for day in (before, after))
    was, now = (_classes(day["enrollments.csv"]) for day in (before, after))
    moves = set()
    for pupil in old.keys() | new.keys():
        left, joined = (tuple(sorted(one[pupil] - other[pupil])) for one, other in ((was, now), (now, was)))
        if pupil not in new:
            moves.add(Move("leaves", pupil, left))
        elif pupil not in old:
            moves.add(Move("comes", pupil, (), joined, new=new[pupil]["School_id"]))
        elif (here := old[pupil]["School_id"]) != (there := new[pupil]["School_id"]):
            moves.add(Move("school", pupil, left, joined, here, there))
        elif old[pupil]["Last_name"] != new[pupil]["Last_name"]:
            moves.add(Move("name", pupil, left, joined, old[pupil]["Last_name"], new[pupil]["Last_name"]))
        elif left or joined:
            moves.add(Move("class", pupil, left, joined))
    return moves


def _classes(enrollments: Table) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in enrollments:
        found[row["Student_id"]].add(row["Section_id"])
    return found


def test_twelve_moves_night_after_night_are_what_the_exports_say(district: District, tmp_path: Path) -> None:
    today, before = district, _export(district, tmp_path, 1)
    for night in (2, 3, 4):
        today, moves = moved(today, night)
        after = _export(today, tmp_path, night)
        assert sorted(move.kind for move in moves) == ["class"] * 6 + ["comes", "leaves", "name"] + ["school"] * 3
        assert {_sorted(move) for move in moves} == _found(before, after)
        for name in ("schools.csv", "teachers.csv", "sections.csv", "staff.csv"):
            assert after[name] == before[name]
        before = after


def _sorted(move: Move) -> Move:
    return Move(move.kind, move.person_id, tuple(sorted(move.left)), tuple(sorted(move.joined)), move.old, move.new)


def test_only_what_moved_changes_in_a_pupil(district: District) -> None:
    after, moves = moved(district, 2)
    kinds = {move.person_id: move.kind for move in moves}
    old = {student.id: student for student in district.students}
    for student in after.students:
        if student.id not in kinds or kinds[student.id] == "class":
            assert student == old[student.id]
        elif kinds[student.id] in ("school", "name"):
            assert (student.email, student.given) == (old[student.id].email, old[student.id].given)
    untouched = {c for c in district.contacts if c.student_id not in kinds}
    assert untouched == {c for c in after.contacts if c.student_id not in kinds}


def test_a_class_is_changed_for_one_of_the_same_school_and_term(district: District) -> None:
    sections = {section.id: section for section in district.sections}
    changes = [move for seed in range(20) for move in moved(district, seed)[1] if move.kind == "class"]
    for move in changes:
        (left,), (joined,) = move.left, move.joined
        assert sections[left].school_id == sections[joined].school_id
        assert sections[left].term == sections[joined].term
        assert sections[left].term.contains(district.today)


def test_all_places_are_at_the_schools_of_their_pupils(district: District) -> None:
    after, _ = moved(moved(district, 2)[0], 3)
    homes = {student.id: student.school_id for student in after.students}
    strays = {e.student_id for e in after.enrollments if homes.get(e.student_id, e.school_id) != e.school_id}
    assert strays == set()


def test_flawed_records_do_not_move(district: District) -> None:
    flawed = district.flawed()
    for seed in range(20):
        after, moves = moved(district, seed)
        assert after.flaws == district.flaws
        for move in moves:
            assert flawed.isdisjoint((move.person_id, *move.left, *move.joined))


def test_who_comes_is_new_and_has_a_guardian(district: District) -> None:
    after, moves = moved(district, 2)
    later, more = moved(after, 3)
    (first,), (second,) = ([m.person_id for m in day if m.kind == "comes"] for day in (moves, more))
    ids = {student.id for student in district.students}
    assert len({first, second} - ids) == 2
    (contact,) = [contact for contact in later.contacts if contact.student_id == second]
    assert contact.guardian not in district.guardians()
