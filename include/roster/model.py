"""The roster in OneRoster's words: seven tables with declared schemas, and the lineage of their records.

Every id is text and every table has `sourced_id`, unique within the table once the checks have passed. Dates are dates
of the tenant's calendar. A blank is null, never an empty string. A source fills what it knows; null is "not said".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.datatypes import DataTypeClass

DataType = pl.DataType | DataTypeClass


# kind: student, staff or guardian. school_id: primary school; school_ids: all of them, primary first.
# username and email as the source has them; identifier: the number people know (student number, staff number).
# status: null, or what the source says becomes of the person: suspended or deleted.
# sis_id, here and in orgs and classes: the id in the school's own system, where sourced_id is the id of one in between.
_USERS: Mapping[str, DataType] = {
    "sourced_id": pl.String,
    "kind": pl.String,
    "given_name": pl.String,
    "middle_name": pl.String,
    "family_name": pl.String,
    "preferred_given_name": pl.String,
    "preferred_family_name": pl.String,
    "username": pl.String,
    "email": pl.String,
    "identifier": pl.String,
    "school_id": pl.String,
    "school_ids": pl.List(pl.String),
    "sis_id": pl.String,
    "status": pl.String,
}

SCHEMAS: Mapping[str, pl.Schema] = {
    # A school, or what stands above it. Key: the school's id in the source.
    "orgs": pl.Schema(
        {"sourced_id": pl.String, "name": pl.String, "type": pl.String, "parent_id": pl.String, "sis_id": pl.String}
    ),
    # A term. `school_id` is null where the term belongs to the whole tenant.
    "academic_sessions": pl.Schema(
        {
            "sourced_id": pl.String,
            "title": pl.String,
            "start_date": pl.Date,
            "end_date": pl.Date,
            "school_id": pl.String,
        }
    ),
    "courses": pl.Schema({"sourced_id": pl.String, "title": pl.String, "code": pl.String, "school_id": pl.String}),
    # A OneRoster class is a Canvas section.
    "classes": pl.Schema(
        {
            "sourced_id": pl.String,
            "title": pl.String,
            "code": pl.String,
            "period": pl.String,
            "course_id": pl.String,
            "school_id": pl.String,
            "session_id": pl.String,
            "sis_id": pl.String,
        }
    ),
    "users": pl.Schema(_USERS),
    # role in the source's words (student, teacher, aide, …). sourced_id: the source's, else class:user:role.
    "enrollments": pl.Schema(
        {
            "sourced_id": pl.String,
            "class_id": pl.String,
            "user_id": pl.String,
            "role": pl.String,
            "primary": pl.Boolean,
            "begin_date": pl.Date,
            "end_date": pl.Date,
        }
    ),
    # guardian_id is a user of kind guardian. relationship in the source's words. sourced_id: guardian:student.
    "guardians": pl.Schema(
        {"sourced_id": pl.String, "guardian_id": pl.String, "student_id": pl.String, "relationship": pl.String}
    ),
}
TABLES = tuple(SCHEMAS)

# Where a record comes from: one line per record and source row. file: as delivered (students.csv); row: 1-based number
# of the record in it, the header being row 1; of an API the raw table (students), and the number of the record in it.
# fields: null where the whole record comes from there; else the columns that do, beside a record of another source.
LINEAGE = pl.Schema(
    {
        "table": pl.String(),
        "record": pl.String(),
        "source": pl.String(),
        "file": pl.String(),
        "row": pl.Int64(),
        "fields": pl.List(pl.String),
    }
)


@dataclass(frozen=True)
class Roster:
    """The seven tables and their lineage, lazy; each frame has exactly the columns of its schema, in order."""

    orgs: pl.LazyFrame
    academic_sessions: pl.LazyFrame
    courses: pl.LazyFrame
    classes: pl.LazyFrame
    users: pl.LazyFrame
    enrollments: pl.LazyFrame
    guardians: pl.LazyFrame
    lineage: pl.LazyFrame

    def tables(self) -> Iterator[tuple[str, pl.LazyFrame]]:
        """The seven tables by name, in the order of SCHEMAS."""
        for name in TABLES:
            yield name, getattr(self, name)

    def write(self, folder: Path) -> dict[str, int]:
        """One `<table>.parquet` per table and lineage.parquet into folder; answers the number of rows of each table."""
        counts = {}
        for name, frame in [*self.tables(), ("lineage", self.lineage)]:
            whole = frame.collect()
            whole.write_parquet(folder / f"{name}.parquet")
            counts[name] = whole.height
        return counts

    @classmethod
    def read(cls, folder: Path) -> Roster:
        """What `write` wrote, lazily."""
        return cls(**{name: pl.scan_parquet(folder / f"{name}.parquet") for name in (*TABLES, "lineage")})

    @classmethod
    def of(cls, tables: Mapping[str, pl.LazyFrame | pl.DataFrame]) -> Roster:
        """A roster from the tables that are given; the others are empty.

        Columns are brought into the schema's order and types, missing ones are null; a column that no schema knows is
        an error of the caller (ColumnNotFoundError).
        """
        return cls(**{name: conform(name, tables.get(name)) for name in (*TABLES, "lineage")})


def conform(name: str, frame: pl.LazyFrame | pl.DataFrame | None) -> pl.LazyFrame:
    """The frame with exactly the columns and types of its schema; an empty one for None."""
    schema = LINEAGE if name == "lineage" else SCHEMAS[name]
    if frame is None:
        return pl.LazyFrame(schema=schema)
    lazy = frame.lazy()
    present = lazy.collect_schema().names()
    if unknown := set(present) - set(schema):
        message = f"table {name} has no column {', '.join(sorted(unknown))}"
        raise pl.exceptions.ColumnNotFoundError(message)
    return lazy.select(
        [
            (pl.col(column) if column in present else pl.lit(None)).cast(dtype).alias(column)
            for column, dtype in schema.items()
        ]
    )
