from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from roster_sandbox.district import District, generate, moved
from roster_sandbox.district.names import SCRIPTS, is_marked

DIGEST = """
import hashlib, pathlib, sys
from datetime import UTC, datetime
from roster_sandbox.district import generate, moved, write_clever
folder = pathlib.Path(sys.argv[1])
write_clever(moved(generate(), 2)[0], folder, delivered=datetime(2026, 2, 3, tzinfo=UTC))
print(hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.iterdir()))).hexdigest())
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    digests = [_digest_in_a_process(tmp_path / seed, seed) for seed in ("1", "2")]
    assert digests[0] == digests[1] != hashlib.sha256(b"").hexdigest()


def _digest_in_a_process(folder: Path, hash_seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", DIGEST, str(folder)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_another_seed_draws_other_people(district: District) -> None:
    other = generate(7)
    assert {s.email for s in other.students}.isdisjoint(s.email for s in district.students if s.email)


def test_about_fifteen_hundred_people(district: District) -> None:
    assert 1_450 <= district.people() <= 1_600
    assert len(district.students) == 820
    assert len(district.teachers) == 76
    assert 550 <= len(district.guardians()) <= 680
    assert 6_300 <= len(district.enrollments) <= 7_000
    assert len(district.schools) == 3


def test_siblings_share_their_guardians(district: District) -> None:
    children = Counter(contact.guardian for contact in district.contacts)
    assert sum(1 for count in children.values() if count > 1) > 100


def test_staff_with_two_roles_are_the_same_person(district: District) -> None:
    teachers = {teacher.id: teacher for teacher in district.teachers}
    both = [member for member in district.staff if member.id in teachers]
    assert len(both) == 6
    for member in both:
        teacher = teachers[member.id]
        assert (member.email, member.family, member.given) == (teacher.email, teacher.family, teacher.given)


def test_classes_have_one_to_four_teachers_and_some_teachers_have_none(district: District) -> None:
    sizes = Counter(len(set(section.teacher_ids)) for section in district.sections)
    assert set(sizes) == {0, 1, 2, 3, 4}
    assert sizes[0] == 1
    teaching = {teacher_id for section in district.sections for teacher_id in section.teacher_ids}
    assert len({teacher.id for teacher in district.teachers} - teaching) >= 3


def test_one_teacher_has_rows_at_two_schools_and_another_visits(district: District) -> None:
    homes = {teacher.id: set(teacher.school_ids) for teacher in district.teachers}
    assert [len(schools) for schools in homes.values()].count(2) == 1
    travelling = {t for section in district.sections for t in section.teacher_ids if section.school_id not in homes[t]}
    assert len(travelling) == 1


def test_terms_that_run_that_are_over_and_that_are_to_come_have_classes(district: District) -> None:
    used = Counter(section.term for section in district.sections)
    assert set(used) == set(district.terms)
    running = [term for term in district.terms if term.contains(district.today)]
    assert len(running) == 2
    assert sum(used[term] for term in running) > 20 * sum(used[term] for term in used if term not in running)


def test_terms_follow_the_day_given() -> None:
    day = date(2030, 12, 30)
    later = generate(today=day, pupils=200, teachers=24)
    assert sum(1 for term in later.terms if term.contains(day)) == 2
    assert sum(1 for term in later.terms if term.contains(day + timedelta(days=40))) == 2


def test_every_personal_value_is_unmistakable(district: District) -> None:
    for day in (district, moved(district, 2)[0]):
        values = day.personal_values()
        assert [value for value in values if not is_marked(value) or len(value) < 5] == []


def test_personal_values_are_all_that_names_a_person(district: District) -> None:
    values = district.personal_values()
    for person in (*district.students, *district.teachers, *district.staff):
        if person.id != "e9990001":
            named = {person.id, person.number, person.email, person.username, person.family, person.given} - {""}
            assert named <= values
    for guardian in district.guardians():
        assert {guardian.email, guardian.sis_id, guardian.phone, guardian.name, guardian.family} - {""} <= values
    assert all(unicodedata.normalize(form, value) in values for form in ("NFC", "NFD") for value in values)


def test_names_come_in_several_scripts_and_unicode_forms(district: District) -> None:
    names = [unicodedata.normalize("NFC", student.family) for student in district.students]
    for script in SCRIPTS.values():
        assert any(unicodedata.normalize("NFC", script.mark) in name for name in names)
    written = [student.family for student in district.students]
    assert any(unicodedata.is_normalized("NFC", n) and not unicodedata.is_normalized("NFD", n) for n in written)
    assert any(unicodedata.is_normalized("NFD", n) and not unicodedata.is_normalized("NFC", n) for n in written)
    assert {"'", "’", "-", " "} <= set("".join(written))
    assert any(ord(letter) > 0xFFFF for name in written for letter in name)
    assert any(", " in guardian.name for guardian in district.guardians())


def test_ids_are_nobody_elses(district: District) -> None:
    for people in (district.students, district.teachers, district.staff):
        assert len({person.id for person in people}) == len(people)
    given = [guardian.sis_id for guardian in district.guardians() if guardian.sis_id]
    assert len(set(given)) == len(given) > 100
    assert len({section.id for section in district.sections}) == len(district.sections)


def test_too_small_a_district_is_refused() -> None:
    with pytest.raises(ValueError, match="200 pupils"):
        generate(pupils=149)


@pytest.mark.parametrize("seed", range(5))
def test_small_districts_of_any_seed_have_all_flaws_and_move(seed: int) -> None:
    small = generate(seed, schools=2, pupils=200, teachers=12)
    assert len(small.flaws) == 15
    assert len(moved(small, seed)[1]) == 12
