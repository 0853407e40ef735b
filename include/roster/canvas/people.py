"""Who is a user in Canvas, and who observes whom."""

from __future__ import annotations

import polars as pl

from roster.canvas.classes import excluded_class
from roster.canvas.schools import belongs, every_school, schools
from roster.canvas.values import clean
from roster.model import Roster
from roster.templates import by_user_kind, matches
from roster.tenants import Tenant


def members(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """Students and staff with an id whom the tenant does not exclude.

    The columns of `users`, user_id, school (the primary one) and scope: `school` for those of whom no school, and no
    class that they are enrolled in, is synced.
    """
    people = known(roster, settings).filter(pl.col("kind") != "guardian")
    if every_school(settings):
        return people.with_columns(scope=pl.lit(None, dtype=pl.String))
    belonging = pl.concat([_by_school(roster, settings), _by_class(roster, settings)]).unique()
    return (
        people.join(belonging, on="sourced_id", how="left")
        .with_columns(scope=pl.when(pl.col("belongs").is_null()).then(pl.lit("school")))
        .drop("belongs")
    )


def known(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """Everyone with an id in Canvas who is not excluded, with user_id and school (the primary one)."""
    return (
        roster.users.filter(~matches("sourced_id", settings.sync.exclude.users))
        .with_columns(
            user_id=clean(by_user_kind(settings.sync.ids.user)),
            school=pl.coalesce("school_id", pl.col("school_ids").list.first()),
        )
        .filter(pl.col("user_id").is_not_null())
    )


def _by_school(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """sourced_id, belongs: those with a school that is synced."""
    every = pl.concat_list(pl.col("school_ids").fill_null([]), "school_id").alias("school_id")
    return (
        roster.users.select("sourced_id", every)
        .explode("school_id", empty_as_null=True, keep_nulls=True)
        .join(schools(roster, settings), on="school_id", how="left")
        .filter(belongs(settings))
        .select("sourced_id", belongs=pl.lit(value=True))
    )


def _by_class(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """sourced_id, belongs: those enrolled in a class of a school that is synced."""
    taught = (
        roster.classes.filter(~excluded_class(settings))
        .join(schools(roster, settings), on="school_id", how="left")
        .filter(belongs(settings))
        .select(class_id="sourced_id")
    )
    enrolled = roster.enrollments.join(taught, on="class_id", how="semi")
    return enrolled.select(sourced_id="user_id", belongs=pl.lit(value=True))


def deleted() -> pl.Expr:
    """`deleted` where the source says that a person is: what hangs on them ends with them; else null."""
    return pl.when(pl.col("status") == "deleted").then("status")


def links(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """Who observes whom, by record.

    observer and student (ids in the roster), observer_id and student_id (in Canvas), school and student_scope of the
    student, scope of the link (which ends with either of the two), staff (True where the observer is a staff user). A
    contact counts if the tenant lists the relationship, the student has a row and the contact an id. A contact whom the
    source itself has as staff, under the same id, is that staff user; with `observers.staff: same_email` the one of the
    same address (of several the first by id) stands for the contact as well.
    """
    listed = [relationship.strip().lower() for relationship in settings.sync.observers.relationships]
    students = (
        members(roster, settings)
        .filter(pl.col("kind") == "student")
        .select("school", pl.coalesce("scope", deleted()).alias("scope"), student="sourced_id", student_id="user_id")
    )
    everyone = known(roster, settings)
    guardians = everyone.filter(pl.col("kind") == "guardian")
    staff = everyone.filter(pl.col("kind") == "staff").join(guardians, on="sourced_id", how="anti")
    contacts = pl.concat([guardians, staff]).select(
        _address().alias("address"),
        deleted().alias("observer_scope"),
        observer="sourced_id",
        observer_id="user_id",
        own_staff=pl.col("kind") == "staff",
    )
    listed_links = roster.guardians.filter(
        pl.col("relationship").str.strip_chars().str.to_lowercase().is_in(listed)
    ).select(record="sourced_id", observer="guardian_id", student="student_id")
    found = (
        listed_links.join(students, on="student")
        .join(contacts, on="observer")
        .with_columns(scope=pl.coalesce("scope", "observer_scope"), student_scope="scope")
        .drop("observer_scope")
    )
    if settings.sync.observers.staff == "separate":
        return found.rename({"own_staff": "staff"}).drop("address")
    return (
        found.join(_staff_by_address(roster, settings), on="address", how="left")
        .with_columns(
            observer=pl.when("own_staff").then("observer").otherwise(pl.coalesce("staff_member", "observer")),
            observer_id=pl.when("own_staff").then("observer_id").otherwise(pl.coalesce("staff_id", "observer_id")),
            staff=pl.col("own_staff") | pl.col("staff_id").is_not_null(),
        )
        .drop("address", "staff_member", "staff_id", "own_staff")
    )


def _address() -> pl.Expr:
    return clean(pl.col("email")).str.to_lowercase()


def _staff_by_address(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    return (
        known(roster, settings)
        .filter((pl.col("kind") == "staff") & _address().is_not_null())
        .select(_address().alias("address"), staff_member="sourced_id", staff_id="user_id")
        .sort("staff_member", "staff_id")
        .unique("address", keep="first", maintain_order=True)
    )


def people(roster: Roster, settings: Tenant) -> pl.LazyFrame:
    """Every user of Canvas: `members`, and the guardians who observe someone.

    An observer belongs where one of the students does, at the first of those by id; so does a staff user who is a
    parent, whatever their own school.
    """
    if not settings.sync.observers.relationships:
        return members(roster, settings)
    observed = (
        links(roster, settings)
        .filter(pl.col("student_scope").ne_missing("deleted"))
        .filter(~pl.col("staff") | pl.col("scope").ne_missing("deleted"))
        .sort(pl.col("student_scope").is_not_null(), "student", "school", nulls_last=True)
        .group_by("observer", "staff", maintain_order=True)
        .agg(
            pupil_school=pl.col("school").first(),
            pupil_scope=pl.col("student_scope").first(),
            observes=pl.lit(value=True),
        )
    )
    by_kind = [pl.col("sourced_id").alias("observer"), (pl.col("kind") == "staff").alias("staff")]
    staff_too = pl.col("observes").fill_null(value=False) & pl.col("pupil_scope").is_null()
    own = (
        members(roster, settings)
        .with_columns(by_kind)
        .join(observed, on=("observer", "staff"), how="left")
        .with_columns(scope=pl.when(~((pl.col("kind") == "staff") & staff_too)).then("scope"))
    )
    guardians = (
        known(roster, settings)
        .filter(pl.col("kind") == "guardian")
        .with_columns(by_kind)
        .join(observed, on=("observer", "staff"))
        .with_columns(school=pl.col("pupil_school"), scope=pl.col("pupil_scope"))
    )
    spent = ("observer", "staff", "pupil_school", "pupil_scope", "observes")
    return pl.concat([own.drop(spent), guardians.drop(spent)], how="diagonal")
