"""Days as TASS writes them: Australian in the LMS and Student Details APIs, the year first in IdM; never American."""

from __future__ import annotations

import polars as pl


def day(column: str) -> pl.Expr:
    """DD/MM/YYYY or YYYY-MM-DD, with or without a time, as a date; null for anything else."""
    parts = pl.col(column).str.extract_groups(r"^(\d{1,2})/(\d{1,2})/(\d{4})(?:\s.*)?$")
    turned = pl.concat_str(
        parts.struct.field("3"),
        parts.struct.field("2").str.zfill(2),
        parts.struct.field("1").str.zfill(2),
        separator="-",
    )
    plain = pl.col(column).str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[\sT].*)?$")
    return pl.coalesce(turned, plain).str.to_date("%Y-%m-%d", strict=False)
