"""Rules about guardians and their links to pupils. Only relationships that the tenant lists are judged further."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from roster.checks.rule import Night, rule

MOST = 6  # guardians of one pupil


@rule("guardian-relationship-unlisted", "note", "guardians")
def guardian_relationship_unlisted(night: Night) -> pl.LazyFrame:
    """A contact's relationship is not one that the tenant makes an observer of.

    Why it matters: the contact gets no link and no user of their own. That is the tenant's choice, so it is counted.
    What to do: nothing; or list the relationship under `observers: {relationships: [...]}`.
    Source: the tenant file.
    """
    if not night.tenant.sync.observers.relationships:
        return night.roster.guardians.clear()
    return night.roster.guardians.filter(~night.listed).with_columns(
        detail=pl.format("relationship {}", pl.col("relationship").fill_null("(none)"))
    )


@rule("guardian-without-key", "quarantine", "guardians")
def guardian_without_key(night: Night) -> pl.LazyFrame:
    """A contact has neither an id of their own nor an e-mail.

    Why it matters: nothing says tomorrow that it is the same person, so no user can be made of them.
    What to do: enter the contact's e-mail in the source system, or deliver contact ids.
    Source: Clever's upload format: Contact_sis_id, Contact_email.
    """
    return night.links.filter(pl.col("guardian_id").is_null())


@rule("guardian-unknown-guardian", "quarantine", "guardians")
def guardian_unknown_guardian(night: Night) -> pl.LazyFrame:
    """A link names a guardian who is not in the roster.

    Why it matters: Canvas refuses the link: "An observer referenced a non-existent user".
    What to do: deliver the guardian, or end the relationship in the source system.
    Source: Canvas SIS import format, user_observers.csv: observer_id.
    """
    named = night.links.filter(pl.col("guardian_id").is_not_null())
    return named.join(night.roster.users, left_on="guardian_id", right_on="sourced_id", how="anti")


@rule("guardian-unknown-student", "quarantine", "guardians")
def guardian_unknown_student(night: Night) -> pl.LazyFrame:
    """A link names a pupil who is not in the roster, or none.

    Why it matters: Canvas refuses the link: "A student referenced a non-existent user".
    What to do: end the relationship in the source system; most often the pupil has left.
    Source: Canvas SIS import format, user_observers.csv: student_id.
    """
    students = night.roster.users.filter(pl.col("kind") == "student")
    return night.links.join(students, left_on="student_id", right_on="sourced_id", how="anti")


@rule("guardian-repeated", "note", "guardians")
def guardian_repeated(night: Night) -> pl.LazyFrame:
    """A guardian is linked to one pupil several times.

    Why it matters: Canvas knows one link per observer and pupil; a second row says nothing new.
    What to do: nothing. The first row whose relationship is listed goes on.
    Source: Canvas SIS import format, user_observers.csv.
    """
    return _ranked(night).filter(pl.col("rank") > 0)


@rule("guardian-crowd", "warn", "guardians")
def guardian_crowd(night: Night) -> pl.LazyFrame:
    """A pupil has more than six guardians.

    Why it matters: some of them are probably of another pupil, and would see this one's work.
    What to do: go through the pupil's contacts in the source system.
    Source: practice; split families seldom have more than six.
    """
    several = pl.col("guardian_id").n_unique().over("student_id")
    return night.links.filter(pl.col("student_id").is_not_null() & (several > MOST)).with_columns(
        detail=pl.format("{} guardians of one pupil", several)
    )


def one_link_each(night: Night) -> Night:
    """The night with one listed row per guardian and pupil, the first; rows that are not listed make no link anyway."""
    kept = _ranked(night).filter(pl.col("rank") == 0).select(night.roster.guardians.collect_schema().names())
    return replace(night, roster=replace(night.roster, guardians=kept.collect().lazy()))


def _ranked(night: Night) -> pl.LazyFrame:
    """Guardian rows in their order, with `rank` above 0 where an earlier listed row links the same two."""
    order = night.roster.guardians.with_columns(listed=night.listed)
    pair = pl.col("listed") & pl.col("guardian_id").is_not_null() & pl.col("student_id").is_not_null()
    rank = pl.when(pair).then(pl.int_range(pl.len()).over("guardian_id", "student_id", "listed")).otherwise(0)
    return order.with_columns(rank=rank)
