"""Rules about enrolments, and the repair that leaves one row per person, class and role."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from roster.checks.rule import Night, rule

_SAME = ("class_id", "user_id", "same_role")


@rule("enrollment-incomplete", "quarantine", "enrollments")
def enrollment_incomplete(night: Night) -> pl.LazyFrame:
    """An enrolment lacks its class, its user or its role.

    Why it matters: Canvas refuses the row, every night.
    What to do: complete the row in the source system, or have the export leave it out.
    Source: OneRoster 1.1, Enrollment: class, user and role are required.
    """
    needed = ("class_id", "user_id", "role")
    lacking = pl.concat_str(
        [pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in needed], separator=", ", ignore_nulls=True
    )
    incomplete = pl.any_horizontal(pl.col(name).is_null() for name in needed)
    return night.roster.enrollments.filter(incomplete).with_columns(detail=pl.format("without {}", lacking))


@rule("enrollment-unknown-class", "quarantine", "enrollments")
def enrollment_unknown_class(night: Night) -> pl.LazyFrame:
    """An enrolment names a class that is not in the roster.

    Why it matters: Canvas refuses the row, every night. Many at once mean that a file was cut or a school not shared.
    What to do: find the class in the source system; compare the days of the two files.
    Source: OneRoster 1.1, Enrollment: `class` is a GUIDRef to a Class.
    """
    named = night.roster.enrollments.filter(pl.col("class_id").is_not_null())
    return named.join(night.roster.classes, left_on="class_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("class {}", "class_id")
    )


@rule("enrollment-unknown-user", "quarantine", "enrollments")
def enrollment_unknown_user(night: Night) -> pl.LazyFrame:
    """An enrolment names a user who is not in the roster.

    Why it matters: Canvas refuses the row, every night.
    What to do: find the user in the source system; most often they left mid-term.
    Source: OneRoster 1.1, Enrollment: `user` is a GUIDRef to a User.
    """
    named = night.roster.enrollments.filter(pl.col("user_id").is_not_null())
    return named.join(night.roster.users, left_on="user_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("user {}", "user_id")
    )


@rule("enrollment-unmapped-role", "warn", "enrollments")
def enrollment_unmapped_role(night: Night) -> pl.LazyFrame:
    """An enrolment has a role that has no counterpart in Canvas.

    Why it matters: it makes no row, so the person does not see the class.
    What to do: map the role in the tenant file, as in `roles: {proctor: ta}`, or leave it if that is meant.
    Source: OneRoster 1.1, Enrollment: `role`; Canvas SIS import format, enrollments.csv: role.
    """
    return night.enrolled.filter(pl.col("role").is_not_null() & pl.col("canvas_role").is_null()).with_columns(
        detail=pl.format("role {}", "role")
    )


@rule("enrollment-dates-reversed", "quarantine", "enrollments")
def enrollment_dates_reversed(night: Night) -> pl.LazyFrame:
    """An enrolment ends before it begins.

    Why it matters: nobody can say whether the person is in the class. What Canvas has stays as it is.
    What to do: correct the days in the source system; look at the date format of the export.
    Source: OneRoster 1.1, Enrollment: beginDate and endDate.
    """
    return night.roster.enrollments.filter(pl.col("begin_date") > pl.col("end_date")).with_columns(
        detail=pl.format("{} to {}", "begin_date", "end_date")
    )


@rule("enrollment-repeated", "note", "enrollments")
def enrollment_repeated(night: Night) -> pl.LazyFrame:
    """A person has several enrolments with one role in one class; one of them goes on.

    Why it matters: Canvas knows one enrolment per section, user and role. Of several rows the last would win there,
    and a pupil who left and came back would lose the class.
    What to do: nothing. The current one goes on, else the next, else the last that ended; of those alike the first.
    Source: OneRoster best practices: a person who leaves and comes back has an enrolment for each stay.
    """
    return _ranked(night).filter(pl.col("rank") > 0)


def one_enrollment_each(night: Night) -> Night:
    """The night with one enrolment per class, user and role: the current one, else the next, else the last."""
    kept = _ranked(night).filter(pl.col("rank") == 0).select(night.roster.enrollments.collect_schema().names())
    return replace(night, roster=replace(night.roster, enrollments=kept.collect().lazy()))


def _ranked(night: Night) -> pl.LazyFrame:
    """Enrolments in their order, with `rank` 0 for the one of each group that goes on; incomplete ones are all kept.

    Rows with days the wrong way round come last, so that they never push a sound one out.
    """
    today = pl.lit(night.as_of)
    begin, end = pl.col("begin_date"), pl.col("end_date")
    ended, to_come = (end < today).fill_null(value=False), (begin > today).fill_null(value=False)
    standing = (
        pl.when((begin > end).fill_null(value=False)).then(3).when(ended).then(2).when(to_come).then(1).otherwise(0)
    )
    # The next to come is the earliest, the last that ended the latest; of several current ones the latest to begin.
    days = (
        pl.when(ended).then(-end.to_physical()).when(to_come).then(begin.to_physical()).otherwise(-begin.to_physical())
    )
    order = (
        night.enrolled.with_row_index("nth")
        .with_columns(
            same_role=pl.coalesce("canvas_role", "role"), standing=standing, days=days, second=~pl.col("primary")
        )
        .sort("standing", "days", "second", "nth", nulls_last=True)
    )
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in _SAME)
    rank = pl.when(whole).then(pl.int_range(pl.len()).over(_SAME)).otherwise(0)
    return order.with_columns(rank=rank).sort("nth")
