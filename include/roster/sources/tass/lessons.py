"""Classes, which TASS has no id for: known by company, year, semester, subject, year group and class.

A frame of lessons has a row for each pupil or teacher of each class, with class_id, course_id, session_id and user_id.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from roster.settings import Tass
from roster.sources.tass.dates import day

_COURSE = ("company", "year_num", "semester", "sub_code", "year_grp")
_TERM = ("company", "year_num", "semester")
_ENROLLMENT = ("sourced_id", "class_id", "user_id", "role", "primary", "begin_date", "end_date")


def key(settings: Tass, column: str) -> pl.Expr:
    """The id of a person or campus: the code, after its company where two companies may use one code twice."""
    return pl.concat_str("company", column, separator="-") if settings.prefixed else pl.col(column)


def attending(tables: Mapping[str, pl.LazyFrame], settings: Tass) -> pl.LazyFrame:
    """A lesson for each pupil."""
    known = _keyed(_wanted(tables["student_subjects"], settings), settings)
    return known.with_columns(
        user_id=key(settings, "student_code"), role=pl.lit("student"), file=pl.lit("student_subjects")
    ).with_columns(primary=pl.lit(None, dtype=pl.Boolean), begin_date=day("from_date"), end_date=day("to_date"))


def teaching(tables: Mapping[str, pl.LazyFrame], settings: Tass) -> pl.LazyFrame:
    """A lesson for each teacher of a class, the first one its primary; then those whom only the timetable names."""
    listed = _keyed(_wanted(tables["teacher_subjects"], settings), settings)
    employed = _employed(tables)
    named = listed.join(employed, on=["company", "teacher_code"], how="left", maintain_order="left")
    rows = named.with_columns(
        employee_code=pl.coalesce("employee_code", "known", "teacher_code"), file=pl.lit("teacher_subjects")
    ).drop("known")
    if "timetables" in tables:
        rows = pl.concat([rows, _timetabled(tables["timetables"], rows, employed, settings)], how="diagonal")
    nothing = pl.lit(None, dtype=pl.Date)
    first = (pl.int_range(pl.len()) == 0).over("class_id") & (pl.col("file") == "teacher_subjects")
    return rows.with_columns(
        user_id=key(settings, "employee_code"),
        role=pl.lit("teacher"),
        primary=first,
        begin_date=nothing,
        end_date=nothing,
    ).unique(["class_id", "user_id"], keep="first", maintain_order=True)


def _employed(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """(company, teacher_code, known): the employee whom a teacher's code means, by the first API that says so."""
    codes = (
        ("teachers", "teacher_code", "employee_code"),
        ("idm_employees", "tch_code", "user_code"),
        ("hr_employees", "teacher_code", "employee_code"),
    )
    told = [
        tables[name].select("company", teacher_code=code, known=employee)
        for name, code, employee in codes
        if name in tables
    ]
    return pl.concat(told).drop_nulls().unique(["company", "teacher_code"], keep="first", maintain_order=True)


def _timetabled(timetables: pl.LazyFrame, listed: pl.LazyFrame, employed: pl.LazyFrame, settings: Tass) -> pl.LazyFrame:
    """Teachers of classes that are known, a row for each of several in one cell ("AJ,BBE")."""
    rows = _keyed(timetables, settings).join(listed.select("class_id").unique(), on="class_id", how="semi")
    each = rows.with_columns(teacher_code=pl.col("tch_code").str.split(",")).explode(
        "teacher_code", empty_as_null=False, keep_nulls=False
    )
    named = each.with_columns(pl.col("teacher_code").str.strip_chars()).filter(pl.col("teacher_code") != "")
    return (
        named.join(employed, on=["company", "teacher_code"], how="left", maintain_order="left")
        .with_columns(employee_code=pl.coalesce("known", "teacher_code"), file=pl.lit("timetables"))
        .drop("known", "tch_code")
    )


def sessions(lessons: pl.LazyFrame, settings: Tass) -> pl.LazyFrame:
    """The semesters of the tenant file that have a class."""
    named = _terms(settings).select("session_id", "title", "start_date", "end_date")
    used = named.join(lessons.select("session_id").unique(), on="session_id", how="semi", maintain_order="left")
    return used.unique("session_id", keep="first", maintain_order=True).rename({"session_id": "sourced_id"})


def courses(lessons: pl.LazyFrame, campuses: pl.LazyFrame) -> pl.LazyFrame:
    """A course per company, year, semester, subject and year group; its campus is that of its first class."""
    placed = lessons.filter(pl.col("course_id").is_not_null()).join(
        campuses, on="class_id", how="left", maintain_order="left"
    )
    first = placed.unique("course_id", keep="first", maintain_order=True)
    return first.select(sourced_id="course_id", title=_title(), code="sub_code", school_id="school_id")


def classes(lessons: pl.LazyFrame, campuses: pl.LazyFrame) -> pl.LazyFrame:
    """A class per key; TASS has no name for it, so it is called after subject, year group and class."""
    first = lessons.unique("class_id", keep="first", maintain_order=True)
    placed = first.join(campuses, on="class_id", how="left", maintain_order="left")
    return placed.select(
        sourced_id="class_id",
        title=pl.concat_str(_title(), "class", separator=" ", ignore_nulls=True),
        code=pl.concat_str(*(pl.col(name).fill_null("") for name in ("sub_code", "year_grp", "class")), separator="-"),
        course_id="course_id",
        school_id="school_id",
        session_id="session_id",
        sis_id="class_id",
    )


def enrollments(lessons: pl.LazyFrame) -> pl.LazyFrame:
    """The enrolments of the lessons."""
    return lessons.with_columns(sourced_id=enrolled()).select(_ENROLLMENT)


def enrolled() -> pl.Expr:
    """The id of a lesson's enrolment."""
    return pl.concat_str("class_id", "user_id", "role", separator=":")


def campuses_of(attending: pl.LazyFrame, lessons: pl.LazyFrame, pupils: pl.LazyFrame) -> pl.LazyFrame:
    """(class_id, school_id): the campus that most pupils of a class are of; without any, most pupils of its year group.

    pupils: user_id, school_id, company and year_group. TASS says of no class where it is.
    """
    known = pupils.filter(pl.col("school_id").is_not_null())
    own = _most(attending.join(known.select("user_id", "school_id"), on="user_id"), ["class_id"])
    of_year = _most(known.rename({"year_group": "year_grp"}), ["company", "year_grp"]).rename({"school_id": "of_year"})
    each = lessons.select("class_id", "company", "year_grp").unique("class_id", keep="first", maintain_order=True)
    joined = each.join(own, on="class_id", how="left").join(of_year, on=["company", "year_grp"], how="left")
    return joined.select("class_id", school_id=pl.coalesce("school_id", "of_year"))


def _most(placed: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    counted = placed.group_by(*by, "school_id").len().sort("len", "school_id", descending=[True, False])
    return counted.unique(by, keep="first", maintain_order=True).drop("len")


def _title() -> pl.Expr:
    subject = pl.coalesce("sub_long", "sub_short", "sub_code")
    return pl.concat_str(subject, pl.coalesce("year_grp_desc", "year_grp"), separator=" ", ignore_nulls=True)


def _keyed(rows: pl.LazyFrame, settings: Tass) -> pl.LazyFrame:
    """The rows with class_id, course_id and session_id; a semester that the tenant file does not have keeps a name."""
    ids = [pl.col(column).fill_null("") for column in _COURSE]
    is_one = pl.all_horizontal(pl.col(column).is_not_null() for column in _COURSE[:-1])
    named = _terms(settings).select(*_TERM, "session_id")
    joined = rows.join(named, on=_TERM, how="left", maintain_order="left")
    return joined.with_columns(
        course_id=pl.when(is_one).then(pl.concat_str(ids, separator="-")),
        class_id=pl.when(is_one).then(pl.concat_str(*ids, pl.col("class").fill_null(""), separator="-")),
        session_id=pl.coalesce("session_id", pl.concat_str("year_num", "semester", separator="-")),
    )


def _wanted(rows: pl.LazyFrame, settings: Tass) -> pl.LazyFrame:
    """Without the types of subjects that the tenant leaves out, and without semesters before its first."""
    left_out = [kind.casefold() for kind in settings.leave_out]
    number = [pl.col(column).cast(pl.Int64, strict=False) for column in ("year_num", "semester")]
    first = _terms(settings).group_by("company").agg(since=pl.col("order").min())
    dated = rows.join(first, on="company", how="left", maintain_order="left")
    is_earlier = (number[0] * 10 + number[1]) < pl.col("since")
    is_left_out = pl.col("sub_type").str.to_lowercase().is_in(left_out)
    return dated.filter(~is_earlier.fill_null(value=False), ~is_left_out.fill_null(value=False)).drop("since")


def _terms(settings: Tass) -> pl.LazyFrame:
    rows = [
        {
            "company": company,
            "year_num": str(term.year),
            "semester": str(term.semester),
            "order": term.year * 10 + term.semester,
            "session_id": "-".join([*term.companies, str(term.year), str(term.semester)]),
            "title": term.name or f"{term.year} Semester {term.semester}",
            "start_date": term.start,
            "end_date": term.end,
        }
        for term in settings.terms
        for company in term.companies or settings.companies
    ]
    return pl.LazyFrame(rows)
