"""Rules about classes. A class becomes a section of Canvas, and as a rule a course of its own."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import Night, rule
from roster.templates import section_fields, text


@rule("class-title-missing", "quarantine", "classes")
def class_title_missing(night: Night) -> pl.LazyFrame:
    """A class has no name.

    Why it matters: Canvas refuses the section, and a course that is named after it.
    What to do: name the class in the source system.
    Source: Canvas SIS import format, sections.csv: name is required.
    """
    return night.taught.filter(pl.col("title").is_null())


@rule("class-school-missing", "quarantine", "classes")
def class_school_missing(night: Night) -> pl.LazyFrame:
    """A class belongs to no school.

    Why it matters: its course has no sub-account to live in, and no limit watches over it.
    What to do: give the class its school in the source system.
    Source: OneRoster 1.1, Class: `school` is required.
    """
    return night.taught.filter(pl.col("school_id").is_null())


@rule("class-unknown-school", "quarantine", "classes")
def class_unknown_school(night: Night) -> pl.LazyFrame:
    """A class names a school that is not in the roster.

    Why it matters: Canvas answers "Account not found" and refuses the course with all that is in it.
    What to do: look whether the school is still shared with this export; else correct the class.
    Source: OneRoster 1.1, Class: `school` is a GUIDRef to an Org.
    """
    named = night.taught.filter(pl.col("school_id").is_not_null())
    return named.join(night.roster.orgs, left_on="school_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("school {}", "school_id")
    )


@rule("class-course-missing", "quarantine", "classes")
def class_course_missing(night: Night) -> pl.LazyFrame:
    """A class belongs to no course, while Canvas courses are made per school, term and course.

    Why it matters: there is no course that its section could be part of.
    What to do: give the class its course in the source system, or set `courses: {per: section}`.
    Source: OneRoster 1.1, Class: `course` is required.
    """
    if night.tenant.sync.courses.per == "section":
        return night.taught.clear()
    return night.taught.filter(pl.col("course_id").is_null())


@rule("class-unknown-course", "quarantine", "classes")
def class_unknown_course(night: Night) -> pl.LazyFrame:
    """A class names a course that is not in the roster.

    Why it matters: the section's course can't be named, so neither goes to Canvas.
    What to do: deliver the course, or correct the class in the source system.
    Source: OneRoster 1.1, Class: `course` is a GUIDRef to a Course.
    """
    named = night.taught.filter(pl.col("course_id").is_not_null())
    return named.join(night.roster.courses, left_on="course_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("course {}", "course_id")
    )


@rule("class-session-missing", "warn", "classes")
def class_session_missing(night: Night) -> pl.LazyFrame:
    """A class belongs to no term.

    Why it matters: Canvas puts its course into the default term, where it never ends.
    What to do: give the class its term in the source system.
    Source: OneRoster 1.1, Class: `terms` has at least one entry.
    """
    return night.taught.filter(pl.col("session_id").is_null())


@rule("class-unknown-session", "quarantine", "classes")
def class_unknown_session(night: Night) -> pl.LazyFrame:
    """A class names a term that is not in the roster.

    Why it matters: Canvas ignores an unknown term without a message: the course lands in the default term.
    What to do: deliver the term, or correct the class in the source system.
    Source: OneRoster 1.1, Class: `terms` are GUIDRefs to AcademicSessions.
    """
    named = night.taught.filter(pl.col("session_id").is_not_null())
    sessions = night.roster.academic_sessions
    return named.join(sessions, left_on="session_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("term {}", "session_id")
    )


@rule("class-without-teacher", "warn", "classes")
def class_without_teacher(night: Night) -> pl.LazyFrame:
    """A class has no teacher.

    Why it matters: its course exists in Canvas and nobody can publish it or see its pupils' work.
    What to do: assign a teacher in the source system; if the class is none, leave it out
    with `exclude: {classes: [...]}`.
    Source: practice; co-teachers and second roles are what exports lose first.
    """
    teachers = night.enrolled.filter(pl.col("canvas_role") == "teacher")
    return night.taught.join(teachers, left_on="sourced_id", right_on="class_id", how="anti")


@rule("class-without-students", "note", "classes")
def class_without_students(night: Night) -> pl.LazyFrame:
    """A class has no pupils.

    Why it matters: it is clutter, or its list of pupils has not been made yet. It goes to Canvas all the same, and
    nothing is ever deleted because a class is empty for a while.
    What to do: nothing, if the list is still to come; else leave it out with `exclude: {classes: [...]}`.
    Source: practice.
    """
    students = night.enrolled.filter(pl.col("canvas_role") == "student")
    return night.taught.join(students, left_on="sourced_id", right_on="class_id", how="anti")


@rule("class-id-template-blank", "quarantine", "classes")
def class_id_template_blank(night: Night) -> pl.LazyFrame:
    """A class's SIS id can't be made: a field that the tenant's template names is blank.

    Why it matters: the class has no place in Canvas; one that had one seems to be gone, so that a night with such a
    class drops nobody.
    What to do: fill the field in the source system, or name one in `ids: {section: ...}` that every class has.
    Source: Canvas SIS import format, sections.csv: section_id is required.
    """
    return night.taught.filter(pl.col("sourced_id").is_not_null() & _section_id(night).is_null())


@rule("class-id-template-collides", "quarantine", "classes")
def class_id_template_collides(night: Night) -> pl.LazyFrame:
    """Two classes get the same SIS id in Canvas from the tenant's template.

    Why it matters: they would become one section, with the pupils of both.
    What to do: name more in `ids: {section: ...}`, such as {school_id}-{class_id}.
    Source: Canvas SIS import format, sections.csv: section_id is unique.
    """
    made = night.taught.with_columns(made=_section_id(night))
    others = pl.col("sourced_id").n_unique().over("made")
    return made.filter(pl.col("made").is_not_null() & (others > 1)).with_columns(
        detail=pl.format("{} classes on one id", others)
    )


def _section_id(night: Night) -> pl.Expr:
    return text(night.tenant.sync.ids.section, section_fields("sourced_id"))
