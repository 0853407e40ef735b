"""Further log-ins that two people would have: Canvas gives a log-in to one of them, so neither is given it."""

from __future__ import annotations

import polars as pl

from roster.settings.sync import SyncSettings
from roster.templates import by_user_kind, folded, login, word_by_kind

PERSON = ("sourced_id", "kind")


def shared(users: pl.LazyFrame, sync: SyncSettings) -> pl.LazyFrame:
    """PERSON, suffix and holders of every further log-in that somebody else has too, as their own or as a further one.

    users: rows of the model's users. Of whom the source says that they are suspended or deleted counts as nobody. Two
    log-ins are one if they are the same text in any case, unless each has a provider and it is another.
    """
    here = users.filter(pl.col("status").is_null())
    own = here.select(
        *PERSON, suffix=None, text=login(sync.login_id), provider=word_by_kind(sync.authentication_provider)
    )
    further = [
        here.select(
            *PERSON,
            suffix=pl.lit(one.suffix),
            text=by_user_kind(one.login_id),
            provider=pl.lit(one.authentication_provider, dtype=pl.String),
        )
        for one in sync.logins
    ]
    person = pl.struct(PERSON)
    every = (
        pl.concat([own.cast({"suffix": pl.String}), *further])
        .with_columns(text=folded("text").str.strip_chars())
        .filter(pl.col("text").is_not_null())
    )
    of_any, of_one = person.n_unique().over("text"), person.n_unique().over("text", "provider")
    is_open = pl.col("provider").is_null().any().over("text")
    counted = every.with_columns(holders=pl.when(is_open).then(of_any).otherwise(of_one))
    return counted.filter(pl.col("suffix").is_not_null() & (pl.col("holders") > 1)).select(*PERSON, "suffix", "holders")
