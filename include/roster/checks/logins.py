"""Rules about log-ins: how a person gets in, judged over the whole tenant and in any case of letters."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import Night, rule
from roster.shared_logins import shared
from roster.templates import folded

LONGEST = 100  # characters of a log-in
_RANKS = {"staff": 0, "student": 1, "guardian": 2}


@rule("user-login-missing", "quarantine", "users")
def user_login_missing(night: Night) -> pl.LazyFrame:
    """A person has nothing that the tenant's `login_id` could be made from.

    Why it matters: Canvas refuses the user: "No login_id given". Their enrolments wait with them.
    What to do: fill the field in the source system that `login_id` names, or name another one in the tenant file.
    Source: Canvas SIS import format, users.csv: login_id is required.
    """
    return night.people.filter(pl.col("login").is_null() | (pl.col("login").str.strip_chars() == ""))


@rule("user-login-refused", "quarantine", "users")
def user_login_refused(night: Night) -> pl.LazyFrame:
    """A log-in is longer than 100 characters, or holds characters that can't be printed or typed.

    Why it matters: Canvas refuses the user: "Invalid login_id".
    What to do: correct the field in the source system that `login_id` names.
    Source: Canvas, Pseudonym: at most 100 printable characters.
    """
    login = pl.col("login")
    unfit = login.str.contains(r"[\p{C}\p{Zl}\p{Zp}\x{FFFD}]") | (login != login.str.strip_chars())
    return night.people.filter(unfit | (login.str.len_chars() > LONGEST)).with_columns(
        detail=pl.when(unfit)
        .then(pl.lit("unprintable characters"))
        .otherwise(pl.format("{} characters", login.str.len_chars()))
    )


@rule("user-login-shared", "quarantine", "users")
def user_login_shared(night: Night) -> pl.LazyFrame:
    """Two people have one log-in, in whatever case.

    Why it matters: Canvas would give the second person's row to the first, or refuse it.
    Staff keep it before pupils, pupils before guardians; among equals nobody does. Schools make no difference.
    What to do: give each person a log-in of their own in the source system.
    Source: Canvas SIS import: "… has already claimed … requested login information", compared in lower case.
    """
    shared = _sharing(night)
    return shared.filter(~_among_guardians()).with_columns(detail=pl.format("{} people on one log-in", "holders"))


@rule("guardian-login-shared", "quarantine", "users")
def guardian_login_shared(night: Night) -> pl.LazyFrame:
    """Two guardians have one e-mail, and so one log-in.

    Why it matters: a family's shared address can't be two users. Neither is made until somebody says whose it is.
    What to do: enter a second address in the source system; or set `login_id: {guardian: "{sourced_id}"}` in the tenant
    file, if guardians get their log-ins on paper.
    Source: Canvas SIS import: "… has already claimed … requested login information".
    """
    shared = _sharing(night)
    return shared.filter(_among_guardians()).with_columns(detail=pl.format("{} guardians on one log-in", "holders"))


@rule("further-login-shared", "warn", "users")
def further_login_shared(night: Night) -> pl.LazyFrame:
    """Somebody would have a further log-in, of `sync.logins`, that somebody else has too.

    Why it matters: Canvas gives a log-in to one person, and refuses the other's every night. Nobody is given this one;
    who has it keeps it. The people themselves go on.
    What to do: give each person a field of their own in the source system; often it is a parent's address.
    Source: Canvas SIS import: "… has already claimed … requested login information", compared in lower case.
    """
    found = shared(night.people, night.tenant.sync)
    return found.select("sourced_id", detail=pl.format("{}: {} people on one log-in", "suffix", "holders"))


def _among_guardians() -> pl.Expr:
    return pl.col("kind").eq_missing("guardian") & (pl.col("best") == _RANKS["guardian"])


def _sharing(night: Night) -> pl.LazyFrame:
    """People who can't have their log-in because of another, with `holders` of it and the `best` rank among them."""
    rank = pl.col("kind").replace_strict(_RANKS, default=len(_RANKS), return_dtype=pl.Int64)
    person = pl.concat_str("kind", "sourced_id", separator="\x1f", ignore_nulls=True)
    group = folded("login")
    ranked = night.people.filter(pl.col("login").is_not_null()).with_columns(rank=rank, person=person, group=group)
    holders = ranked.with_columns(
        best=pl.col("rank").min().over("group"), holders=pl.col("person").n_unique().over("group")
    )
    equals = pl.col("person").n_unique().over("group", "rank")
    return holders.with_columns(equals=equals).filter((pl.col("rank") > pl.col("best")) | (pl.col("equals") > 1))
