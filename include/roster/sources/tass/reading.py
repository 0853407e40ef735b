"""From the API Gateway to raw tables: `<table>.parquet` per method, all companies in one, and what they prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from roster.evidence import Evidence
from roster.settings import Tass
from roster.sources import Good
from roster.sources.tass.dates import day
from roster.sources.tass.methods import Gateway, ask
from roster.sources.tass.proof import prove
from roster.sources.tass.replies import opened
from roster.sources.tass.tables import TABLES, Row, Table


def extract(gateway: Gateway, settings: Tass, folder: Path, *, last_good: Good | None, now: datetime) -> Evidence:
    """Read every method of the products into a raw table in folder, company by company. Raises SourceFault."""
    counts: dict[str, int] = {}
    for table in asked_tables(settings):
        rows: list[Row] = []
        for company in settings.companies:
            found = [row for asked in _requests(table, company, settings, now) for row in read(gateway, table, *asked)]
            counts[f"{table.name}/{company}"] = len(found)
            rows += found
        _frame(table, rows).filter(~_left(table, now)).write_parquet(folder / f"{table.name}.parquet")
    return prove(folder, settings, counts, last_good.evidence if last_good else None, now)


def asked_tables(settings: Tass) -> list[Table]:
    """The tables of the products that the tenant uses, in the order in which they are asked for."""
    products = ("lms", *settings.products)
    unasked = () if settings.timetable_periods else ("timetables",)
    return [table for table in TABLES.values() if table.product in products and table.name not in unasked]


def read(gateway: Gateway, table: Table, company: str, parameters: Mapping[str, str]) -> Iterator[Row]:
    """The rows of one reply. Raises SourceFault."""
    what = f"{table.method} ({table.product}) of company {company}"
    reply = opened(ask(gateway, company, table.product, table.method, parameters), what, parameters)
    for row in table.rows(reply, table, what):
        yield {"company": company, **row}


def _requests(table: Table, company: str, settings: Tass, now: datetime) -> Iterator[tuple[str, dict[str, str]]]:
    """The company, and what its method is asked with; a timetable for each year and period."""
    parameters = dict(table.parameters)
    if table.name in ("student_subjects", "teacher_subjects"):
        parameters["lmsflag"] = "Y" if settings.lms_only else "N"
    if table.name == "hr_employees":
        parameters["date"] = f"{now:%d/%m/%Y}"
    if table.name != "timetables":
        yield company, parameters
        return
    for year in sorted({term.year for term in settings.terms if company in (term.companies or settings.companies)}):
        for period in settings.timetable_periods:
            yield company, {"year": str(year), "period": period}


def _left(table: Table, now: datetime) -> pl.Expr:
    """True for an employee whose last day is past: IdM goes on naming them."""
    if "end_date" not in table.columns:
        return pl.lit(value=False)
    return (day("end_date") < now.date()).fill_null(value=False)


def _frame(table: Table, rows: list[Row]) -> pl.DataFrame:
    columns = {name: [row[name] for row in rows] for name in table.schema if name != "row"}
    columns["row"] = list(range(1, len(rows) + 1))
    return pl.DataFrame(columns, schema=table.schema)
