"""Rules about tables and files as a whole. What they find has no record, so none of it can be kept back alone."""

from __future__ import annotations

import polars as pl

from roster.checks.rule import WHOLE, Night, rule


def sizes(night: Night) -> pl.DataFrame:
    """One row per table: table, rows tonight, last_good rows (null on a first night)."""
    tonight = {name: frame.select(pl.len()).collect().item() for name, frame in night.roster.tables()}
    before = night.last_good_rows or {}
    return pl.DataFrame(
        {"table": list(tonight), "rows": list(tonight.values()), "last_good": [before.get(name) for name in tonight]},
        schema={"table": pl.String, "rows": pl.Int64, "last_good": pl.Int64},
    )


@rule("table-empty", "stop", WHOLE)
def table_empty(night: Night) -> pl.LazyFrame:
    """A table is empty that was not on the last good night.

    Why it matters: an export that failed looks like a school that everybody left.
    What to do: look at the export's own log. If the table is to be empty from now on, set this rule to `warn`
    in the tenant file for one night.
    Source: practice; the worst accidents of roster syncs begin with an empty file.
    """
    return (
        sizes(night)
        .lazy()
        .filter((pl.col("rows") == 0) & (pl.col("last_good") > 0))
        .with_columns(detail=pl.format("0 rows, {} on the last good night", "last_good"))
    )


@rule("table-shrunken", "warn", WHOLE)
def table_shrunken(night: Night) -> pl.LazyFrame:
    """A table has shrunk against the last good night by more than the source's `shrink`.

    Why it matters: a file may be cut. The delivery then proves nothing, so that nothing is dropped because of it.
    What to do: compare the file's number of rows with the source system; if so many did leave, nothing.
    Source: the tenant file: `shrink` of the source.
    """
    share = max((source.shrink for source in night.tenant.sources), default=0.0)
    shrunken = (pl.col("rows") > 0) & (pl.col("rows") < pl.col("last_good") * (1 - share))
    return (
        sizes(night)
        .lazy()
        .filter(shrunken)
        .with_columns(detail=pl.format("{} rows, {} on the last good night", "rows", "last_good"))
    )


@rule("no-current-term", "warn", WHOLE)
def no_current_term(night: Night) -> pl.LazyFrame:
    """Every term has ended.

    Why it matters: there is no class left to sync. In the holidays that is as it should be, and what Canvas has is left
    as it is; during a term, last year's export was delivered again, or the new year's terms have not been entered.
    What to do: enter the coming terms in the source system. Where there are no holidays, set this rule to `stop`.
    Source: practice; term rollover.
    """
    running = pl.col("end_date").is_null() | (pl.col("end_date") >= night.as_of)
    if not night.tenant.sync.course_memberships:
        return pl.LazyFrame(schema={"table": pl.String, "detail": pl.String})
    ended = night.roster.academic_sessions.select(terms=pl.len(), running=running.sum(), last=pl.col("end_date").max())
    return ended.filter((pl.col("terms") > 0) & (pl.col("running") == 0)).select(
        table=pl.lit("academic_sessions"), detail=pl.format("{} terms, the last ended {}", "terms", "last")
    )


@rule("source-row-unreadable", "warn", WHOLE)
def source_row_unreadable(night: Night) -> pl.LazyFrame:
    """A row of a delivered file could not be read, as when it has more or fewer cells than the header.

    Why it matters: whoever it is about is missing tonight. Such a delivery proves nothing, so they are not dropped.
    What to do: look at the row in the file; an unquoted comma or a quote inside a name are the usual causes.
    Source: RFC 4180, section 2: each line has the same number of fields.
    """
    found = [
        pl.scan_parquet(folder / "unreadable.parquet").select(
            table=pl.lit(None, dtype=pl.String),
            source=pl.lit(source),
            file=pl.col("file"),
            row=pl.col("row").cast(pl.Int64),
            detail=pl.col("reason"),
        )
        for source, folder in night.raw.items()
        if (folder / "unreadable.parquet").exists()
    ]
    schema = {"table": pl.String, "source": pl.String, "file": pl.String, "row": pl.Int64, "detail": pl.String}
    return pl.concat(found) if found else pl.LazyFrame(schema=schema)
