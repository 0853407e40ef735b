"""What a run counted, by school and term."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from roster.canvas.values import clean
from roster.runs import newest_artefact, reading
from roster.steps import Night
from roster.templates import by_user_kind
from roster.tenants import Tenant

WANTED = ("students", "staff", "guardians", "courses", "sections", "enrollments")
"""What Canvas should have tonight. In a term's row, people are those enrolled in it."""
DONE = ("create", "update", "drop", "resend", "held", "quarantined", "refused")
PLACE = ("school", "name", "term", "term_name")
_COUNTED = pl.Schema({"school": pl.String, "term": pl.String, "what": pl.String, "n": pl.Int64})
_KINDS = {"student": "students", "staff": "staff", "guardian": "guardians"}


def census(
    tenant: Tenant, checked: Path | None, artefact: Path | None, changes: pl.DataFrame | None, problems: pl.DataFrame
) -> list[dict[str, Any]]:
    """A row per school and term with PLACE, WANTED and DONE: every person, row and change counts in exactly one, but
    for people, who count in the row without a term, and besides in that of each term they are enrolled in.

    school and term: ids, null for what belongs to none. changes: plan.CHANGES; problems: answers.PROBLEMS.
    """
    terms = _terms(artefact, changes)
    parts = [pl.DataFrame(schema=_COUNTED)]
    if artefact is not None:
        parts += _wanted(tenant, checked, artefact, terms)
    if changes is not None:
        what = pl.when(pl.col("part") == "held").then(pl.lit("held")).otherwise("action")
        parts.append(_counted(_with_term(changes, terms).with_columns(what=what)))
    if checked is not None:
        parts.append(_counted(_quarantined(checked).with_columns(what=pl.lit("quarantined"))))
    refused = problems.filter(pl.col("outcome") == "refused").unique(["school", "file", "row"])
    of_rows = _with_term(refused.select("file", "key", "school"), terms, changes)
    parts.append(_counted(of_rows.with_columns(what=pl.lit("refused"))))
    found: dict[tuple[str | None, str | None], Counter[str]] = {}
    for school, term, name, number in pl.concat(parts).iter_rows():
        found.setdefault((school, term), Counter())[name] += number
    schools, titles = _names(checked, "orgs", "name"), _names(checked, "academic_sessions", "title")
    titles |= _term_names(artefact)
    order = sorted(found, key=lambda place: [(one is None, one or "") for one in (place[0], place[1])])
    return [
        {
            **dict(zip(PLACE, (school, schools.get(school or ""), term, titles.get(term or "")), strict=True)),
            **{name: found[school, term][name] for name in (*WANTED, *DONE)},
        }
        for school, term in order
    ]


def by_school(counted: Sequence[Mapping[str, Any]]) -> dict[str | None, Counter[str]]:
    """A census by school: people once, however many terms they are enrolled in."""
    found: dict[str | None, Counter[str]] = {}
    for line in counted:
        here = found.setdefault(line["school"], Counter())
        for name in (*WANTED, *DONE):
            if line["term"] is None or name not in _KINDS.values():
                here[name] += line[name]
    return found


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """school, term, what and how many of each."""
    return rows.group_by("school", "term", "what").agg(n=pl.len().cast(pl.Int64)).select(*_COUNTED)


def _wanted(
    tenant: Tenant, checked: Path | None, artefact: Path, terms: Mapping[str, pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    for stem in ("courses", "sections", "enrollments"):
        file = artefact / f"{stem}.parquet"
        if file.exists():
            rows = pl.read_parquet(file).with_columns(file=pl.lit(f"{stem}.csv"), what=pl.lit(stem))
            yield _counted(_with_term(rows, terms))
    if checked is None or not (artefact / "users.parquet").exists():
        return
    kinds = (
        pl.scan_parquet(checked / "users.parquet")
        .select(user_id=clean(by_user_kind(tenant.sync.ids.user)), what=pl.col("kind").replace_strict(_KINDS))
        .unique("user_id")
        .collect()
    )
    users = pl.read_parquet(artefact / "users.parquet").join(kinds, on="user_id", how="inner")
    yield _counted(users.with_columns(term=pl.lit(None, dtype=pl.String)))
    if (file := artefact / "enrollments.parquet").exists():
        rows = _with_term(pl.read_parquet(file).with_columns(file=pl.lit("enrollments.csv")), terms)
        enrolled = rows.filter(pl.col("term").is_not_null()).unique(["school", "term", "user_id"])
        yield _counted(enrolled.join(kinds, on="user_id", how="inner"))


def _terms(artefact: Path | None, changes: pl.DataFrame | None) -> dict[str, pl.DataFrame]:
    """The term of every course (course_id, term) and section (section_id, term) that tonight's tables know."""
    courses, sections = [], []
    if artefact is not None and (artefact / "courses.parquet").exists():
        courses.append(pl.read_parquet(artefact / "courses.parquet").select("course_id", term="term_id"))
        sections.append(pl.read_parquet(artefact / "sections.parquet").select("section_id", "course_id"))
    if changes is not None:
        row = pl.coalesce("new", "old")
        of_courses = changes.filter(pl.col("file") == "courses.csv")
        courses.append(of_courses.select(course_id=_field(row, "course_id"), term=_field(row, "term_id")))
        of_sections = changes.filter(pl.col("file") == "sections.csv")
        sections.append(of_sections.select(section_id=_field(row, "section_id"), course_id=_field(row, "course_id")))
    empty = pl.DataFrame(schema={"course_id": pl.String, "term": pl.String})
    known = pl.concat([empty, *courses]).unique("course_id", keep="first", maintain_order=True)
    nothing = pl.DataFrame(schema={"section_id": pl.String, "course_id": pl.String})
    held = pl.concat([nothing, *sections]).unique("section_id", keep="first", maintain_order=True)
    return {"courses.csv": known, "sections.csv": held.join(known, on="course_id", how="left")}


def _with_term(
    rows: pl.DataFrame, terms: Mapping[str, pl.DataFrame], changes: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Rows (file, key, school, …) with the term of the course or section that the key names; null for none."""
    named = pl.col("key").str.split("\x1f").list.first()
    found = rows.with_columns(
        named=pl.when(pl.col("file").is_in(["courses.csv", "sections.csv", "enrollments.csv"])).then(named)
    )
    of_courses = terms["courses.csv"].select(named="course_id", of_course="term")
    of_sections = terms["sections.csv"].select(named="section_id", of_section="term")
    return (
        found.drop("term", strict=False)
        .join(of_courses, on="named", how="left")
        .join(of_sections, on="named", how="left")
        .with_columns(term=pl.when(pl.col("file") == "courses.csv").then("of_course").otherwise("of_section"))
        .drop("named", "of_course", "of_section")
    )


def _field(row: pl.Expr, name: str) -> pl.Expr:
    return row.str.json_path_match(f"$.{name}")


def _quarantined(checked: Path) -> pl.DataFrame:
    """school, term (null) of every record that is kept back."""
    findings = pl.read_parquet(checked / "findings.parquet")
    kept_back = findings.join(pl.read_parquet(checked / "quarantine.parquet"), on=["table", "record"], how="semi")
    return kept_back.unique(["table", "record"]).select("school", term=pl.lit(None, dtype=pl.String))


def _names(checked: Path | None, table: str, column: str) -> dict[str, str]:
    if checked is None:
        return {}
    return dict(pl.read_parquet(checked / f"{table}.parquet").select("sourced_id", column).iter_rows())


def _term_names(artefact: Path | None) -> dict[str, str]:
    if artefact is None or not (artefact / "terms.parquet").exists():
        return {}
    return dict(pl.read_parquet(artefact / "terms.parquet").select("term_id", "name").iter_rows())


def school_names(night: Night, artefact: str) -> dict[str, str]:
    """The schools' names by id, as the artefact in that folder has them."""
    with reading(night.store, artefact) as folder:
        file = folder / "accounts.parquet"
        if not file.exists():
            return {}
        return dict(pl.read_parquet(file).select("record", "name").iter_rows())


def names_of_schools(night: Night) -> dict[str, str]:
    """The same, as the newest artefact has them; none where there is no artefact."""
    newest = newest_artefact(night.store, night.tenant.id)
    return school_names(night, newest) if newest else {}
