"""Rules about schools. A school becomes a sub-account of Canvas."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import Night, rule


@rule("org-name-missing", "quarantine", "orgs")
def org_name_missing(night: Night) -> pl.LazyFrame:
    """A school has no name.

    Why it matters: Canvas refuses a new account without a name, and every course of the school with it.
    What to do: give the school its name in the source system.
    Source: Canvas SIS import format, accounts.csv: name is required.
    """
    return night.roster.orgs.filter(pl.col("name").is_null())


@rule("org-unknown-parent", "warn", "orgs")
def org_unknown_parent(night: Night) -> pl.LazyFrame:
    """A school names something above it that is not in the roster.

    Why it matters: the account tree can't be built as the source has it; the school hangs below the tenant's account.
    What to do: deliver the parent as well, or take the reference out in the source system.
    Source: OneRoster 1.1, Org: `parent` is a GUIDRef to an Org.
    """
    orgs = night.roster.orgs
    named = orgs.filter(pl.col("parent_id").is_not_null())
    return named.join(orgs, left_on="parent_id", right_on="sourced_id", how="anti").with_columns(
        detail=pl.format("parent {}", "parent_id")
    )
