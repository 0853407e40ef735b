"""Raw tables of OneRoster → the roster, with its lineage: the same for files and API, versions 1.1 and 1.2.

Nothing is judged here: what refers to nothing still refers to it. A record that is marked as gone is as absent.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from roster.model import Roster
from roster.sources import oneroster_classes, oneroster_people
from roster.sources.oneroster_tables import TABLES, live


def to_roster(raw: Path, source: str) -> Roster:
    """The roster in the folder of raw tables. source: name of the source in the lineage."""
    tables = {name: live(raw, name) for name in TABLES}
    roles = oneroster_people.roles(tables["users"], tables["roles"])
    persons = oneroster_people.persons(tables["users"], roles, tables["orgs"])
    links = oneroster_people.links(tables["users"], roles)
    sessions = oneroster_classes.sessions(tables["academic_sessions"])
    classes = oneroster_classes.classes(tables["classes"], sessions)
    enrollments = oneroster_classes.enrollments(tables["enrollments"], classes, sessions)
    used = sessions.join(classes, left_on="sourced_id", right_on="session_id", how="semi", maintain_order="left")
    lineage = [
        *(_lineage(name, tables[name]) for name in ("orgs", "courses", "classes", "enrollments")),
        _lineage("academic_sessions", used),
        _lineage("users", tables["users"]),
        _lineage("users", tables["roles"].with_columns(sourced_id="user_id")),
        _lineage("guardians", links),
    ]
    return Roster.of(
        {
            "orgs": tables["orgs"].select("sourced_id", "name", "type", "parent_id", sis_id="sourced_id"),
            "academic_sessions": used.select("sourced_id", "title", "start_date", "end_date"),
            "courses": tables["courses"].select("sourced_id", "title", code="course_code", school_id="org_id"),
            "classes": classes.drop("file", "row"),
            "users": persons,
            "enrollments": enrollments,
            "guardians": links.unique("sourced_id", keep="first", maintain_order=True).drop("file", "row"),
            "lineage": pl.concat(lineage).with_columns(source=pl.lit(source)),
        }
    )


def _lineage(table: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    named = rows.select(table=pl.lit(table), record=pl.col("sourced_id"), file=pl.col("file"), row=pl.col("row"))
    return named.unique(maintain_order=True)
