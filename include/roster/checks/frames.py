"""The frames that suites judge: raw tables, tables of the model, and the tables as a whole.

Tables of the model carry a column per rule, true where the rule found the record, so that suites judge what only a
look at several tables can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from roster.checks.catalogue import RULES, rules_of
from roster.checks.expectations import Batch, Failure
from roster.checks.findings import FINDINGS, at_source_rows, of_rule
from roster.checks.rule import WHOLE, Night
from roster.checks.suites import Suite
from roster.checks.tables import sizes

Found = Mapping[tuple[str, str], pl.DataFrame]
"""What each rule found in each table."""
UNJUDGED = "expectation-unjudged"
_BY = {"enrollments": ("class_id", "classes"), "guardians": ("student_id", "users")}
"""Tables whose records count at the school of another record: column and table of it."""


@dataclass(frozen=True)
class Judged:
    """A suite with the frame it judges. source: name of the source whose raw table it is; None for the model's."""

    suite: Suite
    source: str | None
    batch: Batch


def frames(night: Night, found: Found, suites: list[Suite]) -> Iterator[Judged]:
    """Every suite with its frame; that of a raw table once per source of its system, if the table was delivered.

    An expectation of a raw column that this delivery does not have is left out.
    """
    for suite in suites:
        if suite.system is None:
            frame = _whole(night, found) if suite.stem == WHOLE else _with_facts(night, suite.stem, found)
            school = "school_id" if "school_id" in frame.columns else None
            yield Judged(suite, None, Batch(suite.name, frame, "nth", suite.expectations, school))
            continue
        for source in night.tenant.sources:
            if source.system != suite.system or source.name not in night.raw:
                continue
            file = night.raw[source.name] / f"{suite.stem}.parquet"
            if file.exists():
                frame = pl.read_parquet(file)
                wanted = tuple(one for one in suite.expectations if set(one.columns) <= set(frame.columns))
                school = "school_id" if "school_id" in frame.columns else None
                yield Judged(suite, source.name, Batch(f"{source.name}-{suite.stem}", frame, "row", wanted, school))


def findings_of(failure: Failure, judged: Judged, night: Night, lineage: pl.DataFrame) -> pl.DataFrame:
    """A failed expectation as findings. What a rule has found itself is not found again.

    A failure without rows keeps nothing back: where rows would be quarantined, it stops the night.
    """
    expectation, meta = failure.expectation, failure.expectation.meta
    table, detail = meta.table or judged.suite.table, meta.fault or failure.expectation.type
    stop = "stop" if expectation.severity == "critical" and meta.rule not in night.tenant.rules else None
    if failure.broken is not None:
        said = f"{meta.rule} in {failure.batch}: {' '.join(failure.broken.split())}"[:200]
        return pl.DataFrame({"rule": [UNJUDGED], "table": [table], "detail": [said]})
    if failure.keys is None:
        return _without_record(meta.rule, stop, [table], detail)
    if meta.rule in RULES and expectation.columns == (meta.rule,):
        return pl.DataFrame(schema=FINDINGS)
    if judged.source is not None:
        file = judged.suite.file or f"{judged.suite.stem}.csv"
        return at_source_rows(meta.rule, (table, judged.source, file), failure.keys, detail, lineage)
    rows = judged.batch.frame.filter(pl.col("nth").is_in(failure.keys)).with_columns(detail=pl.lit(detail))
    if judged.suite.stem == WHOLE:
        return _without_record(meta.rule, stop, rows["table"].to_list(), detail)
    return of_rule(meta.rule, table, rows, lineage)


def _without_record(rule: str, severity: str | None, tables: list[str], detail: str) -> pl.DataFrame:
    texts = {"rule": pl.String, "severity": pl.String, "table": pl.String, "detail": pl.String}
    return pl.DataFrame([(rule, severity, table, detail) for table in tables], schema=texts, orient="row")


def _with_facts(night: Night, table: str, found: Found) -> pl.DataFrame:
    """A table as delivered, numbered by `nth`, with its column per rule; enrolments and links with their school_id."""
    frame: pl.DataFrame = getattr(night.roster, table).collect()
    if table in _BY:
        key, holder = _BY[table]
        schools = getattr(night.roster, holder).select(pl.col("sourced_id").alias(key), "school_id").collect()
        frame = frame.join(schools.unique(key, keep="first"), on=key, how="left", maintain_order="left")
    flat = frame.select(name for name, dtype in frame.schema.items() if not dtype.is_nested()).with_row_index("nth")
    facts = []
    for one in rules_of(table):
        ids = found[one.id, table]["sourced_id"]
        named = pl.col("sourced_id").is_in(ids.drop_nulls().implode()).fill_null(value=ids.null_count() > 0)
        facts.append(named.alias(one.id))
    return flat.with_columns(facts)


def _whole(night: Night, found: Found) -> pl.DataFrame:
    """One row per table, and one per file with rows that could not be read, with a column per rule over WHOLE."""
    named = {one.id: _named(found[one.id, WHOLE]) for one in rules_of(WHOLE)}
    tables = sizes(night)
    others = sorted({name for names in named.values() for name in names} - set(tables["table"]))
    files = pl.DataFrame({"table": others}, schema={"table": pl.String})
    every = pl.concat([tables, files], how="diagonal").with_row_index("nth")
    return every.with_columns(pl.col("table").is_in(names.implode()).alias(rule) for rule, names in named.items())


def _named(found: pl.DataFrame) -> pl.Series:
    return found.select(pl.coalesce("table", "file") if "file" in found.columns else "table").to_series()
