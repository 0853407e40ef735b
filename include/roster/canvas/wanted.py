"""What Canvas should hold after tonight: the wanted rows of each file, and the keys that are left as they are."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import polars as pl

from roster import canvas
from roster.canvas.bundle import write_csv
from roster.canvas.logins import csvs
from roster.model import Roster
from roster.tenants import Tenant

SEPARATOR = "\x1f"
ENDED = pl.Schema({"file": pl.String, "key": pl.String, "status": pl.String})
FROZEN = pl.Schema({"file": pl.String, "key": pl.String, "reason": pl.String})
_PEOPLE = ("users.csv", "admins.csv", "user_observers.csv")
_COURSE_MEMBERSHIPS = ("courses.csv", "sections.csv", "xlists.csv", "enrollments.csv")


def files(settings: Tenant) -> list[str]:
    """The files that the tenant syncs, in Canvas's order. One that is switched off is absent, which is not empty: an
    empty file means that all is gone.
    """
    off = (() if settings.sync.people else _PEOPLE) + (() if settings.sync.course_memberships else _COURSE_MEMBERSHIPS)
    off += ("xlists.csv",) if settings.sync.cross_list is None else ()
    off += ("admins.csv",) if settings.sync.admins is None else ()
    return [file for file in canvas.FILE_NAMES if file not in off]


def write(roster: Roster, quarantine: pl.DataFrame, tenant: Tenant, as_of: date, folder: Path) -> dict[str, int]:
    """The artefact's tables into folder; answers the number of wanted rows of each file.

    quarantine: table, record. Written are `<stem>.parquet` (the file's columns, key, school, record; unique and sorted
    by key), `csv/<stem>.csv` (the same columns as Canvas gets them, the canonical form that `digest` is of),
    `frozen.parquet` (file, key, reason: quarantine, term, school or log-in) for keys whose rows are neither wanted nor
    gone, and `ended.parquet` (file, key, status) for those of which the source says that the person is suspended or
    deleted.
    """
    (folder / "csv").mkdir(parents=True, exist_ok=True)
    frozen, counts = [pl.DataFrame(schema=FROZEN)], {}
    over = pl.col("reason").is_in(["suspended", "deleted"])
    every = {file: _judge(file, canvas.module(file).rows(roster, tenant, as_of), quarantine) for file in files(tenant)}
    for file, judged in _without_unused_terms(every).items():
        rows = judged.filter(pl.col("reason").is_null()).drop("reason")
        frozen.append(judged.filter(pl.col("reason").is_not_null()).select(pl.lit(file).alias("file"), "key", "reason"))
        stem = file.removesuffix(".csv")
        rows.write_parquet(folder / f"{stem}.parquet")
        for name, part in csvs(file, rows).items():
            write_csv(name, part, folder / "csv" / name)
        counts[file] = rows.height
    said = pl.concat(frozen)
    said.filter(~over).write_parquet(folder / "frozen.parquet")
    said.filter(over).rename({"reason": "status"}).write_parquet(folder / "ended.parquet")
    return counts


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the canonical CSVs: the same for the same rows, whatever wrote them."""
    total = hashlib.sha256()
    for file in (canvas.ID_CHANGES, *canvas.FILE_NAMES, canvas.LOGINS):
        written = folder / "csv" / file
        if written.exists():
            with written.open("rb") as content:
                total.update(f"{file} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _without_unused_terms(every: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Without terms in which no course is wanted: a term is made for courses, and is never dropped."""
    if "courses.csv" not in every:
        return every
    used = every["courses.csv"].filter(pl.col("reason").is_null())["term_id"].drop_nulls()
    idle = pl.col("reason").is_null() & ~pl.col("key").is_in(used.implode())
    return {**every, "terms.csv": every["terms.csv"].filter(~idle)}


def _judge(file: str, rows: pl.LazyFrame, quarantine: pl.DataFrame) -> pl.DataFrame:
    """One row per key, sorted by key, with `reason` (null: wanted).

    Of rows with one key a wanted one goes, then the one of the lowest rank; what decides last is the row itself, so
    that the order of the roster's records never does.
    """
    module = canvas.module(file)
    names = rows.collect_schema().names()
    columns = canvas.sent_columns(file, names)
    held = _quarantined(quarantine, module.TABLE, "record")
    marked = rows.join(held, on="record", how="left")
    caught = pl.col("held_record")
    if "via" in names:
        marked = marked.join(_quarantined(quarantine, "courses", "via"), on="via", how="left")
        caught = caught | pl.col("held_via")
    rank = ["rank"] if "rank" in names else []
    return (
        marked.with_columns(
            key=pl.concat_str(module.KEY, separator=SEPARATOR),
            reason=pl.when(caught).then(pl.lit("quarantine")).otherwise("scope"),
        )
        .sort("key", pl.col("reason").is_not_null(), *rank, "record", *columns, "school", "reason", nulls_last=True)
        .unique("key", keep="first", maintain_order=True)
        .select(*columns, "key", "school", "record", "reason")
        .collect()
    )


def _quarantined(quarantine: pl.DataFrame, table: str, column: str) -> pl.LazyFrame:
    caught = quarantine.lazy().filter((pl.col("table") == table) & pl.col("record").is_not_null())
    return (
        caught.select(pl.col("record").alias(column)).unique().with_columns(pl.lit(value=True).alias(f"held_{column}"))
    )
