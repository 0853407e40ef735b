"""The district as the records of TASS's APIs, in a folder that the stand-in serves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from roster_sandbox.district.implied import term_key
from roster_sandbox.district.model import District, Person, Section, Student
from roster_sandbox.tass.families import parents
from roster_sandbox.tass.ids import IdTable

Record = dict[str, Any]
RECORDS = "records.json"
COMPANY = "10"
FIRST_YEAR = 2026
"""`year_num` of the first two terms, whenever they are: TASS says no dates, and a tenant file does."""


def write_api(
    district: District,
    folder: Path,
    *,
    companies: Mapping[str, Sequence[str]] | None = None,
    own_codes: bool = True,
) -> IdTable:
    """Put the district into the folder, whole at every moment; answers its table of ids, which is kept there too.

    companies: schools by company code; left out: all are of company 10. A record that was there keeps its code.
    own_codes: off, pupils have the export's ids for codes, as where the export was made from TASS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = IdTable.read(folder)
    for student in () if own_codes else district.students:
        ids.name("students", student.id, student.id)
    parts = companies or {COMPANY: [school.id for school in district.schools]}
    whole = {
        company: _Company(district, company, frozenset(schools), ids).records() for company, schools in parts.items()
    }
    ids.write(folder)
    aside = folder / f".{RECORDS}.part"
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    aside.replace(folder / RECORDS)
    return ids


def semesters(district: District, ids: IdTable) -> list[Record]:
    """The district's terms as a tenant file has to give them: TASS has a year and a number, and no dates."""
    return [
        {
            "year": year,
            "semester": number,
            "name": term.name,
            "start": term.start.isoformat(),
            "end": term.end.isoformat(),
        }
        for term in district.terms
        for year, number in [_semester(term_key(term), ids)]
    ]


def _semester(key: str, ids: IdTable) -> tuple[int, int]:
    """Two semesters to a year, in the order in which terms turn up; the id of the term is made of both."""
    known = ids.ids["terms"]
    if key not in known:
        place = len(known)
        ids.name("terms", key, f"{FIRST_YEAR + place // 2}-{place % 2 + 1}")
    year, number = known[key].split("-")
    return int(year), int(number)


class _Company:
    """The records of one company: its schools, their pupils and classes, and whoever teaches there."""

    def __init__(self, district: District, code: str, schools: frozenset[str], ids: IdTable) -> None:
        self.district, self.code, self.ids = district, code, ids
        self.schools = [school for school in district.schools if school.id in schools]
        self.campus = {school.id: school.name for school in self.schools}
        self.students = [student for student in district.students if student.school_id in schools]
        self.sections = {section.id: section for section in district.sections if section.school_id in schools}
        for term in district.terms:
            _semester(term_key(term), ids)

    def records(self) -> dict[str, Any]:
        """product.method, in lower case → what it answers with."""
        employed = list(self._employed())
        pupils = [_pupil(self, student) for student in self.students]
        return {
            "lms.getcampuses": [{"code": school.id, "desc": school.name} for school in self.schools],
            "lms.getstudents": pupils,
            "lms.getteachers": [_teacher(self, person) for person, teaches in employed if teaches],
            "lms.getstudentsubjects": self._attending(),
            "lms.getteachersubjects": self._teaching(),
            "lms.gettimetables": [_lesson(self, section) for section in self.sections.values()],
            "idm.getstudents": [_idm_pupil(self, student) for student in self.students],
            "idm.getemployees": [_idm_employee(self, person, teaches) for person, teaches in employed],
            "idm.getparents": parents(self.district, [student.id for student in self.students], self.ids),
            "idm.getadmins": {"1": {"user_code": "root", "username": "", "e_mail": "", "name": "System Administrator"}},
            "student_details.getstudentsdetails": pupils,
            "employee_hr.getemployeesdetails": [_hr_employee(self, person) for person, _ in employed],
        }

    def _employed(self) -> Iterator[tuple[Person, bool]]:
        """Who works at the schools, and whether they teach; one who does both is one person."""
        teaching = {teacher for section in self.sections.values() for teacher in section.teacher_ids}
        seen = set()
        for teacher in self.district.teachers:
            if teacher.id in teaching or set(teacher.school_ids) & self.campus.keys():
                seen.add(teacher.id)
                yield teacher, True
        for member in self.district.staff:
            if member.school_id in self.campus and member.id not in seen:
                yield member, False

    def _attending(self) -> dict[str, list[Record]]:
        keyed: dict[str, list[Record]] = {}
        for place in self.district.enrollments:
            if place.section_id in self.sections:
                code = self.ids.of("students", place.student_id)
                row = _subject(self, self.sections[place.section_id])
                keyed.setdefault(code, []).append(row | {"student_code": code, "from_date": "", "to_date": ""})
        return keyed

    def _teaching(self) -> dict[str, list[Record]]:
        keyed: dict[str, list[Record]] = {}
        for section in self.sections.values():
            for teacher in section.teacher_ids:
                code, employee = self.ids.of("teachers", teacher), self.ids.of("employees", teacher)
                row = _subject(self, section) | {"teacher_code": code, "employee_code": employee}
                keyed.setdefault(code, []).append(row | {"sub_dept_code": "GEN", "sub_dept_desc": "General"})
        return keyed


def _class(company: _Company, section: Section) -> Record:
    year, semester = _semester(term_key(section.term), company.ids)
    return {
        "year_num": str(year),
        "semester": str(semester),
        "sub_code": company.ids.of("subjects", f"{section.course_number} {section.course_name}"),
        "year_grp": section.grade,
        "class": section.number,
    }


def _subject(company: _Company, section: Section) -> Record:
    own = _class(company, section)
    company.ids.name("sections", section.id, "-".join([company.code, *own.values()]))
    return own | {
        "year_grp_desc": section.grade,
        "sub_short": section.course_number,
        "sub_long": section.course_name,
        "sub_type": "NON" if section.course_number.startswith("HOM") else "COR",
    }


def _lesson(company: _Company, section: Section) -> Record:
    teachers = ",".join(company.ids.of("teachers", teacher) for teacher in section.teacher_ids)
    return _class(company, section) | {"prd_code": section.period, "day_code": "1", "tch_code": teachers, "tt_id": "91"}


def _pupil(company: _Company, student: Student) -> Record:
    """What is in `general_details` and `other_school_details` beside the names is nobody's business."""
    return {
        "general_details": {
            "student_code": company.ids.of("students", student.id),
            "surname": student.family,
            "preferred_surname": "",
            "first_name": student.given,
            "other_name": student.middle,
            "preferred_name": "",
            "gender": student.gender,
            "date_of_birth": f"{student.birth:%d/%m/%Y}",
            "religion": "Quaker",
            "mobile_phone": " " * 30,
            "date_of_leaving": "",
            "usi": student.state_id,
            "multipar_flg ": "N",
        },
        "school_details": {
            "campus": company.campus[student.school_id],
            "email_address": student.email,
            "year_group": student.grade,
            "pc_tutor_group": "AS",
        },
        "other_school_details": {"medical_condition": "Asthmatic", "passport_number/date": student.street},
    }


def _idm_pupil(company: _Company, student: Student) -> Record:
    return {
        "user_code": company.ids.of("students", student.id),
        "username": student.username,
        "surname": student.family,
        "first_name": student.given,
        "e_mail": student.email,
        "campus_code": student.school_id,
        "web_access": True,
        "dob": f"{student.birth} 00:00:00.0",
        "doe": "2018-03-30 00:00:00.0",
        "dol": "",
    }


def _teacher(company: _Company, teacher: Person) -> Record:
    return {
        "teacher_code": company.ids.of("teachers", teacher.id),
        "employee_code": company.ids.of("employees", teacher.id),
        "surname": teacher.family,
        "first_name": teacher.given,
        "other_name": teacher.middle,
        "preferred_name": "",
        "email_address": "",
        "school_email_address": teacher.email,
        "active_flag": "Y",
    }


def _idm_employee(company: _Company, person: Person, teaches: bool) -> Record:
    return {
        "user_code": company.ids.of("employees", person.id),
        "tch_code": company.ids.of("teachers", person.id) if teaches else "",
        "is_teacher": "Y" if teaches else "N",
        "username": person.username,
        "surname": person.family,
        "first_name": person.given,
        "other_name": person.middle,
        "preferred_name": "",
        "e_mail": "",
        "school_email": person.email,
        "start_date": "2007-06-25 00:00:00.0",
        "end_date": "",
        "web_access": True,
    }


def _hr_employee(company: _Company, person: Person) -> Record:
    general = {
        "employee_code": company.ids.of("employees", person.id),
        "teacher_code": "",
        "surname": person.family,
        "given_names": f"{person.given} {person.middle}".strip(),
        "preferred_name": "",
        "school_email": person.email,
        "date_of_birth": "01/11/1968",
        "termination_date": "",
    }
    return {"general": general, "address": {"home_phone": person.state_id}, "next_of_kin": {"name": "Jane"}}
