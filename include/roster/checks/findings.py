"""Findings: what every rule and every expectation found, as one table, each with its place in the source."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from roster.model import LINEAGE, TABLES, Roster

# table and record: the record in the model; record is null where there is none, or where it has no id.
# source, file, row: where it stands in the delivery, row 1 being the header. school: id of an org.
# detail: what exactly; it may name ids, and stays in the run folder.
FINDINGS = pl.Schema(
    {
        "rule": pl.String,
        "severity": pl.String,
        "table": pl.String,
        "record": pl.String,
        "source": pl.String,
        "file": pl.String,
        "row": pl.Int64,
        "school": pl.String,
        "detail": pl.String,
    }
)
QUARANTINE = pl.Schema({"table": pl.String, "record": pl.String})


def of_rule(rule: str, table: str | None, found: pl.DataFrame, lineage: pl.DataFrame) -> pl.DataFrame:
    """What one rule found in one table (None: the rule names tables itself), one finding per record.

    A record that stands in several source rows is found at the first. Records without an id are told apart by their
    order: the first of them is the first that lineage knows without an id.
    """
    if table is None:
        return _shaped(found.with_columns(rule=pl.lit(rule)))
    named = found.select(
        pl.lit(rule).alias("rule"),
        pl.lit(table).alias("table"),
        pl.col("sourced_id").alias("record"),
        (pl.col("detail") if "detail" in found.columns else pl.lit(None, dtype=pl.String)).alias("detail"),
    )
    places = lineage.filter(pl.col("table") == table).drop("table")
    keyed = named.filter(pl.col("record").is_not_null()).unique("record", keep="first", maintain_order=True)
    first = places.filter(pl.col("record").is_not_null()).unique("record", keep="first", maintain_order=True)
    unkeyed = named.filter(pl.col("record").is_null()).with_row_index("nth")
    nameless = places.filter(pl.col("record").is_null()).drop("record").with_row_index("nth")
    return pl.concat(
        [
            _shaped(keyed.join(first, on="record", how="left", maintain_order="left")),
            _shaped(unkeyed.join(nameless, on="nth", how="left", maintain_order="left")),
        ]
    )


def at_source_rows(
    rule: str, place: tuple[str, str, str], rows: list[int], detail: str, lineage: pl.DataFrame
) -> pl.DataFrame:
    """What an expectation found in raw rows, at the records of the model table that lineage names for them.

    place: model table, source, file. A row that became no record of that table is a finding without a record.
    """
    table, source, file = place
    here = lineage.filter((pl.col("table") == table) & (pl.col("source") == source) & (pl.col("file") == file))
    found = pl.DataFrame({"row": rows}, schema={"row": pl.Int64}).with_columns(
        rule=pl.lit(rule), table=pl.lit(table), source=pl.lit(source), file=pl.lit(file), detail=pl.lit(detail)
    )
    return _shaped(found.join(here.select("row", "record"), on="row", how="left", maintain_order="left"))


def table_of(parts: list[pl.DataFrame], severities: Mapping[str, str], roster: Roster) -> pl.DataFrame:
    """All findings as FINDINGS, one per rule, table and record, with severity and school; the first named stays.

    A part that carries a severity of its own keeps it.
    """
    every = pl.concat([_shaped(part) for part in parts]) if parts else pl.DataFrame(schema=FINDINGS)
    own = pl.col("record").is_not_null()
    every = pl.concat(
        [every.filter(own).unique(["rule", "table", "record"], keep="first", maintain_order=True), every.filter(~own)]
    )
    given = pl.col("rule").replace_strict(severities, default="warn", return_dtype=pl.String)
    placed = every.drop("school").join(_schools(roster), on=["table", "record"], how="left", maintain_order="left")
    return placed.with_columns(severity=pl.coalesce("severity", given)).select(
        pl.col(name).cast(dtype) for name, dtype in FINDINGS.items()
    )


def quarantined(findings: pl.DataFrame) -> pl.DataFrame:
    """The records whose own row must not go on, each once."""
    kept_back = findings.filter((pl.col("severity") == "quarantine") & pl.col("record").is_not_null())
    return kept_back.filter(pl.col("table").is_in(list(TABLES))).select("table", "record").unique(maintain_order=True)


def lineage_of(roster: Roster) -> pl.DataFrame:
    """The lineage in memory, in the order the sources wrote it."""
    return roster.lineage.select(list(LINEAGE)).collect()


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in FINDINGS.items()
    )


def _schools(roster: Roster) -> pl.DataFrame:
    """table, record, school: an enrolment counts at its class's school, a link at the pupil's."""
    own = [
        getattr(roster, table).select(table=pl.lit(table), record="sourced_id", school=school)
        for table, school in (
            ("orgs", "sourced_id"),
            ("academic_sessions", "school_id"),
            ("courses", "school_id"),
            ("classes", "school_id"),
            ("users", "school_id"),
        )
    ]
    places = roster.enrollments.join(roster.classes, left_on="class_id", right_on="sourced_id", how="left").select(
        table=pl.lit("enrollments"), record="sourced_id", school="school_id"
    )
    links = roster.guardians.join(roster.users, left_on="student_id", right_on="sourced_id", how="left").select(
        table=pl.lit("guardians"), record="sourced_id", school="school_id"
    )
    every = pl.concat([*own, places, links]).filter(pl.col("record").is_not_null())
    schools: pl.DataFrame = every.unique(["table", "record"], keep="first", maintain_order=True).collect()
    return schools
