"""Rules about people: who they are, which school they belong to, their e-mails. Log-ins have a module of their own."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from roster.checks.rule import Night, rule
from roster.templates import by_user_kind, folded, matches

# What the mail library under Canvas's validator takes: an address by itself, its host in at least two parts.
ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"


def refused_email() -> pl.Expr:
    """True where Canvas would answer that the e-mail is invalid."""
    email = pl.col("email")
    return email.is_not_null() & (~email.str.contains(ADDRESS) | (email.str.len_chars() > 255))


@rule("user-name-missing", "quarantine", "users")
def user_name_missing(night: Night) -> pl.LazyFrame:
    """A person has neither a given nor a family name.

    Why it matters: Canvas would show the log-in as the person's name, to everyone in the class.
    What to do: enter the name in the source system. One name of the two is enough.
    Source: Canvas SIS import format, users.csv: without any name the log-in stands in.
    """
    names = ("given_name", "family_name", "preferred_given_name", "preferred_family_name")
    return night.people.filter(pl.all_horizontal(pl.col(name).is_null() for name in names))


@rule("user-without-role", "warn", "users")
def user_without_role(night: Night) -> pl.LazyFrame:
    """A person has no role: neither pupil nor staff nor guardian.

    Why it matters: nobody can say what they are, so they get no user in Canvas, or lose the one they had.
    What to do: give the person a role in the source system; in OneRoster 1.2 look whether roles.csv was cut.
    Source: OneRoster 1.1, User: role is required; 1.2: roles has at least one entry.
    """
    return night.people.filter(pl.col("kind").is_null())


@rule("user-rows-disagree", "quarantine", "users")
def user_rows_disagree(night: Night) -> pl.LazyFrame:
    """Rows of one id differ in name, e-mail or log-in.

    Why it matters: they may be two people under one id; whoever is taken, the other would get their courses.
    Rows that differ in school or contact only are one person, and no fault.
    What to do: give each person an id of their own in the source system, or make the rows agree.
    Source: OneRoster 1.1, User: sourcedId is unique; Clever's upload format repeats a student's row per contact.
    """
    rows = pl.len().over("sourced_id", "kind")
    return night.people.filter(pl.col("sourced_id").is_not_null() & (rows > 1)).with_columns(
        detail=pl.format("{} rows that disagree", rows)
    )


@rule("user-id-across-kinds", "quarantine", "users")
def user_id_across_kinds(night: Night) -> pl.LazyFrame:
    """Two people of different kinds, such as a pupil and a teacher, have one id.

    Why it matters: in Canvas they would be one user, the pupil with the teacher's rights.
    What to do: name the kind in the tenant file's template, as in `ids: {user: "{kind}-{sourced_id}"}`. This makes new
    SIS ids, so do it before the first night or change the ids in Canvas first.
    Source: Canvas SIS import format, users.csv: user_id is unique over all users.
    """
    kinds = pl.col("kind").n_unique().over("sourced_id", "made")
    made = night.people.with_columns(made=by_user_kind(night.tenant.sync.ids.user))
    return made.filter(pl.col("sourced_id").is_not_null() & (kinds > 1)).with_columns(
        detail=pl.format("also of another kind: name {} in ids.user", pl.lit("{kind}"))
    )


@rule("user-id-template-blank", "quarantine", "users")
def user_id_template_blank(night: Night) -> pl.LazyFrame:
    """A person's SIS id can't be made: a field that the tenant's template names is blank.

    Why it matters: the person has no place in Canvas; one who had one seems to be gone, so that a night with such a
    person drops nobody.
    What to do: fill the field in the source system, or name one in `ids: {user: ...}` that everybody has.
    Source: Canvas SIS import format, users.csv: user_id is required.
    """
    made = by_user_kind(night.tenant.sync.ids.user)
    return night.people.filter(pl.col("sourced_id").is_not_null() & made.is_null())


@rule("user-id-template-collides", "quarantine", "users")
def user_id_template_collides(night: Night) -> pl.LazyFrame:
    """Two people get the same SIS id in Canvas from the tenant's template.

    Why it matters: they would become one user, with the courses of both.
    What to do: name something in `ids: {user: ...}` that tells people apart, such as {sourced_id}.
    Source: Canvas SIS import format, users.csv: user_id is unique.
    """
    people = pl.col("sourced_id").n_unique().over("made")
    made = night.people.with_columns(made=by_user_kind(night.tenant.sync.ids.user))
    return made.filter(pl.col("made").is_not_null() & (people > 1)).with_columns(
        detail=pl.format("{} people on one id", people)
    )


@rule("user-placeholder", "quarantine", "users")
def user_placeholder(night: Night) -> pl.LazyFrame:
    """A teacher is a placeholder such as "TBA" or "Vacant", not a person.

    Why it matters: it would be a user with a teacher's rights in many classes and nobody answerable for it.
    What to do: nothing, once the real teacher is assigned. Which names count: `placeholders` in the tenant file.
    Source: practice of other importers of the same exports.
    """
    name = pl.concat_str("given_name", "family_name", separator=" ", ignore_nulls=True)
    patterns = night.tenant.sync.placeholders
    named = night.people.filter(pl.col("kind") == "staff").with_columns(whole_name=name)
    return named.filter(matches("whole_name", patterns) | matches("family_name", patterns))


@rule("user-email-refused", "warn", "users")
def user_email_refused(night: Night) -> pl.LazyFrame:
    """An e-mail is not one that Canvas takes. It is blanked; the person goes on without it.

    Why it matters: Canvas would save the user and report the row as faulty every night. Where the log-in is made from
    the e-mail there is no log-in either, and `user-login-missing` keeps the person back.
    What to do: correct the address in the source system; look for blanks, two addresses in one field, a missing host.
    Source: Canvas SIS import: "The email address associated with user … is invalid".
    """
    return night.people.filter(refused_email())


def without_refused_emails(night: Night) -> Night:
    """The night with every e-mail blanked that Canvas would refuse."""
    email = pl.when(~refused_email()).then(pl.col("email"))
    return replace(night, roster=replace(night.roster, users=night.roster.users.with_columns(email=email)))


@rule("user-email-shared", "warn", "users")
def user_email_shared(night: Night) -> pl.LazyFrame:
    """Several pupils have one e-mail.

    Why it matters: each gets the other's notifications, grades included. Often it is a parent's address.
    What to do: give each pupil an address of their own in the source system, or none.
    Source: practice; Canvas allows it.
    """
    pupils = night.people.filter((pl.col("kind") == "student") & pl.col("email").is_not_null())
    holders = pl.col("sourced_id").n_unique().over(folded("email"))
    return pupils.filter(holders > 1).with_columns(detail=pl.format("{} pupils on one address", holders))


@rule("user-school-missing", "warn", "users")
def user_school_missing(night: Night) -> pl.LazyFrame:
    """A pupil or a member of staff belongs to no school.

    Why it matters: limits per school do not watch over them, and the orgs filter leaves them out unless a class of
    theirs is in.
    What to do: give the person a school in the source system.
    Source: OneRoster 1.1, User: `orgs` has at least one entry.
    """
    schools = pl.col("school_ids").list.len().fill_null(0)
    return night.people.filter((pl.col("kind") != "guardian") & pl.col("school_id").is_null() & (schools == 0))


@rule("user-unknown-school", "warn", "users")
def user_unknown_school(night: Night) -> pl.LazyFrame:
    """A person belongs to a school that is not in the roster.

    Why it matters: the school was probably not delivered, and its classes will be missing too.
    What to do: look whether the school is still shared with this export; else correct the person.
    Source: OneRoster 1.1, User: `orgs` are GUIDRefs to Orgs.
    """
    schools = pl.concat_list(pl.col("school_id"), pl.col("school_ids").fill_null(pl.lit([], dtype=pl.List(pl.String))))
    named = (
        night.people.with_columns(named=schools)
        .explode("named", empty_as_null=True, keep_nulls=True)
        .filter(pl.col("named").is_not_null())
    )
    unknown = named.join(night.roster.orgs, left_on="named", right_on="sourced_id", how="anti")
    return unknown.with_columns(detail=pl.format("school {}", "named"))
