"""Rules about what several sources say of one record."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import Night, rule_of
from roster.merging import CONFLICTS

MATCHED = ("orgs", "academic_sessions", "courses", "classes", "users")


@rule_of("source-match-unclear", "quarantine", MATCHED)
def source_match_unclear(night: Night, table: str) -> pl.LazyFrame:
    """A later source has a record of which it can't be told whether an earlier source has it too.

    Why it matters: taken as a new one, a person or class that Canvas has would be made a second time.
    What to do: give the record the key that the tenant file matches by (`match`), once in each source.
    Source: practice; keys that were left blank or used twice.
    """
    return _found(night, table, "unclear")


@rule_of("source-contradiction", "warn", MATCHED)
def source_contradiction(night: Night, table: str) -> pl.LazyFrame:
    """Two sources say different things of one record, and the tenant file does not say who wins.

    Why it matters: the source that comes first wins; a different family name may mean that two people share a key.
    What to do: correct one of the sources, or name the field under the later source's `wins`.
    Source: practice; keys that were given to somebody else.
    """
    return _found(night, table, "differs")


def _found(night: Night, table: str, what: str) -> pl.LazyFrame:
    conflicts = pl.DataFrame(schema=CONFLICTS) if night.conflicts is None else night.conflicts
    here = conflicts.lazy().filter((pl.col("table") == table) & (pl.col("what") == what))
    return here.select("detail", sourced_id="record")
