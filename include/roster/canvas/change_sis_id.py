"""`change_sis_id.csv`: what Canvas knows by one SIS id gets another. Canvas reads it before every other file.

It comes from no record of the roster but from the tenant's mapping, so it is none of FILES. A line is carried out once:
afterwards nothing has the old id.
"""

from __future__ import annotations

import polars as pl

from roster.canvas import ID_CHANGES
from roster.canvas.wanted import SEPARATOR

FILE = ID_CHANGES
TABLE = "id_changes"
KEY = ("type", "old_id")
COLUMNS = ("old_id", "new_id", "type")
OPTIONAL: tuple[str, ...] = ()
REFERS: dict[str, str] = {}

# Whose ids are meant, by Canvas's word for the type.
MEANS = {
    "account": "accounts.csv",
    "term": "terms.csv",
    "course": "courses.csv",
    "section": "sections.csv",
    "user": "users.csv",
}


def rows(lines: pl.DataFrame) -> pl.DataFrame:
    """One row per line of the mapping (type, old_id, new_id), in key order; `record` is the key."""
    key = pl.concat_str(KEY, separator=SEPARATOR)
    return lines.select(*COLUMNS, key=key, school=pl.lit(None, dtype=pl.String), record=key).sort("key")
