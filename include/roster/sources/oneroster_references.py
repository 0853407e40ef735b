"""How many records of OneRoster's raw tables are there, and how many name one that is not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from roster.sources import oneroster_people
from roster.sources.oneroster_tables import live

REFERENCES = (
    ("courses", "org_id", "an org", "orgs"),
    ("classes", "course_id", "a course", "courses"),
    ("classes", "school_id", "a school", "orgs"),
    ("classes", "term_ids", "a term", "academic_sessions"),
    ("users", "org_ids", "an org", "orgs"),
    ("users", "agent_ids", "an agent", "users"),
    ("roles", "org_id", "an org", "orgs"),
    ("roles", "user_id", "a user", "users"),
    ("enrollments", "class_id", "a class", "classes"),
    ("enrollments", "user_id", "a user", "users"),
)
KINDS = {"student": "students", "staff": "staff", "guardian": "guardians"}


def counts(raw: Path, tables: Collection[str]) -> dict[str, int]:
    """Records of these tables that are not marked as gone, and where users are among them, people by kind."""
    rows: dict[str, int] = {name: live(raw, name).select(pl.len()).collect().item() for name in tables}
    if "users" not in tables:
        return rows
    users = live(raw, "users")
    people = users.join(oneroster_people.kinds(oneroster_people.roles(users, live(raw, "roles"))), on="sourced_id")
    by_kind = dict(people.group_by("kind").len().collect().iter_rows())
    return rows | {name: by_kind.get(kind, 0) for kind, name in KINDS.items()}


def open_references(raw: Path, tables: Collection[str]) -> Iterator[str]:
    """Reasons, with counts, why these tables are not all of what belongs together."""
    for name, column, what, target in REFERENCES:
        if name not in tables or target not in tables:
            continue
        naming = live(raw, name).select(column)
        if naming.collect_schema()[column] == pl.List(pl.String):
            naming = naming.explode(column, empty_as_null=False, keep_nulls=False)
        known = live(raw, target).select(pl.col("sourced_id").alias(column)).drop_nulls()
        if count := naming.drop_nulls().join(known, on=column, how="anti").select(pl.len()).collect().item():
            yield f"{count:,} times {name} name {what} that is not in {target}"


def without_role(raw: Path) -> Iterator[str]:
    """They are there, and would seem to be gone: who is neither pupil nor staff nor guardian is nobody in Canvas."""
    users = live(raw, "users")
    kinds = oneroster_people.kinds(oneroster_people.roles(users, live(raw, "roles")))
    if count := users.join(kinds, on="sourced_id", how="anti").select(pl.len()).collect().item():
        yield f"{count:,} users have no role"
