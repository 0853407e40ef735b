"""What may go without asking: limits per type and school and in total, the re-key detector, and holds under references.

All functions take and give tables of changes (see `plan.CHANGES`); `holds` grows, `part` follows from it. Nothing in
here drops a change: what is held waits for a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import polars as pl

from roster.canvas import FILES
from roster.ledger import LEDGER, live
from roster.tenants import SafetySettings

SMALL = 40
REKEY_SHARE, REKEY_LEAST = 0.30, 10

# One line per limit that was judged. share: the largest share of base allowed; base: live rows before the plan.
LIMITS = pl.Schema(
    {
        "kind": pl.String,
        "file": pl.String,
        "school": pl.String,
        "changed": pl.Int64,
        "base": pl.Int64,
        "share": pl.Float64,
        "tripped": pl.Boolean,
    }
)

# Files whose rows are judged by school: an account is a school itself, and a term belongs to none.
BY_SCHOOL = ("courses.csv", "sections.csv", "users.csv", "enrollments.csv", "user_observers.csv")


def plan_hash(changes: pl.DataFrame) -> str:
    """SHA-256 over file, key, action, old and new of these changes, whatever their order."""
    digest = hashlib.sha256()
    for row in changes.select("file", "key", "action", "old", "new").sort("file", "key", "action").iter_rows():
        digest.update("\x1e".join(part or "" for part in row).encode() + b"\x1d")
    return digest.hexdigest()


def limits(changes: pl.DataFrame, ledger: pl.DataFrame, settings: SafetySettings) -> pl.DataFrame:
    """LIMITS of a plan: drops and updates against the live rows of the ledger, per file and school and per file."""
    judged = []
    base = live(ledger)
    for kind, action, share in (("deleted", "drop", settings.deleted), ("updated", "update", settings.updated)):
        counted = changes.filter((pl.col("action") == action) & pl.col("limited"))
        groups = [["file"]] + ([["file", "school"]] if settings.per_school else [])
        for group in groups:
            rows = counted if group == ["file"] else counted.filter(pl.col("file").is_in(BY_SCHOOL))
            judged.append(
                rows.group_by(group)
                .agg(changed=pl.len().cast(pl.Int64))
                .join(base.group_by(group).agg(base=pl.len().cast(pl.Int64)), on=group, how="left", nulls_equal=True)
                .with_columns(
                    pl.col("base").fill_null(0),
                    kind=pl.lit(kind),
                    share=pl.lit(share),
                    school=pl.col("school") if "school" in group else pl.lit(None, dtype=pl.String),
                )
            )
    changed, size = pl.col("changed"), pl.col("base")
    tripped = ((changed > settings.at_least) & (changed > size * pl.col("share"))) | (
        (size < SMALL) & (changed > size / 2)
    )
    found = pl.concat([frame.select([c for c in LIMITS if c != "tripped"]) for frame in judged])
    return found.with_columns(tripped=tripped).cast(LIMITS).sort("kind", "file", "school", nulls_last=True)  # type: ignore[arg-type]


def hold_over_limits(changes: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Changes with a hold for every tripped limit over them; a tripped total holds that type everywhere."""
    for kind, file, school, changed, base, share, tripped in judged.iter_rows():
        if not tripped:
            continue
        action = "drop" if kind == "deleted" else "update"
        where = "in all" if school is None else f"at {school}"
        why = f"limit-{kind}: {changed} of {base} {file.removesuffix('.csv')} {where}, allowed {share:.0%}"
        over = (pl.col("file") == file) & (pl.col("action") == action) & pl.col("limited")
        if school is not None:
            over &= pl.col("school") == school
        changes = hold(changes, over, why)
    return changes


def hold(changes: pl.DataFrame, where: pl.Expr, why: str) -> pl.DataFrame:
    """Changes with this hold added where the expression is true."""
    added = pl.col("holds").list.concat(pl.lit([why], dtype=pl.List(pl.String)))
    return changes.with_columns(
        holds=pl.when(where.fill_null(value=False)).then(added.list.unique(maintain_order=True)).otherwise("holds")
    )


def hold_rekeyed(changes: pl.DataFrame, absent: pl.DataFrame) -> pl.DataFrame:
    """Changes with a hold on the creates of a school that look like records of the ledger under new ids.

    absent: LEDGER rows whose key is not there tonight, whether or not that proves anything. A user is recognised by
    log-in or e-mail; a section by its name and its course's name and term. It only holds: nothing is matched.
    """
    courses = {"courses.csv": _course_marks(changes, absent)}
    for file in ("users.csv", "sections.csv"):
        creates = changes.filter((pl.col("file") == file) & (pl.col("action") == "create"))
        gone = absent.filter(pl.col("file") == file)
        if creates.is_empty() or gone.is_empty():
            continue
        marks = set(_marks(gone["row"].to_list(), file, courses["courses.csv"]))
        known = [
            any(mark in marks for mark in _marks([new], file, courses["courses.csv"])) for new in creates["new"].to_list()
        ]
        per_school = (
            creates.with_columns(known=pl.Series(known, dtype=pl.Boolean))
            .group_by("school")
            .agg(all=pl.len(), known=pl.col("known").sum())
            .filter((pl.col("known") >= REKEY_LEAST) & (pl.col("known") >= pl.col("all") * REKEY_SHARE))
        )
        for school, total, recognised in per_school.sort("school").iter_rows():
            why = f"re-keyed: {recognised} of {total} new {file.removesuffix('.csv')} at {school} look like ones known by other ids"
            rows = (pl.col("file") == file) & (pl.col("action") == "create") & pl.col("school").eq_missing(pl.lit(school))
            changes = hold(changes, rows, why)
    return changes


def _course_marks(changes: pl.DataFrame, absent: pl.DataFrame) -> Mapping[str, tuple[str, str]]:
    """course_id → (name, term), of the courses that come and the courses that are absent."""
    texts = [
        *changes.filter(pl.col("file") == "courses.csv")["new"].to_list(),
        *absent.filter(pl.col("file") == "courses.csv")["row"].to_list(),
    ]
    rows = pl.Series(texts, dtype=pl.String)
    fields = {name: rows.str.json_path_match(f"$.{name}") for name in ("course_id", "long_name", "term_id")}
    return {
        course: ((name or "").casefold(), term or "")
        for course, name, term in zip(*(series.to_list() for series in fields.values()), strict=True)
        if course
    }


def _marks(texts: list[str | None], file: str, courses: Mapping[str, tuple[str, str]]) -> list[tuple[str, ...]]:
    rows = pl.Series(texts, dtype=pl.String)
    names = ("login_id", "email") if file == "users.csv" else ("name", "course_id")
    first, second = (rows.str.json_path_match(f"$.{name}").to_list() for name in names)
    if file == "users.csv":
        return [(mark.casefold(),) for mark in (*first, *second) if mark]
    return [(name.casefold(), *courses.get(course or "", ("", ""))) for name, course in zip(first, second, strict=True) if name]


def close_holds(changes: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    """Changes in which whatever refers to a held create waits with it, and a person's drops wait whole.

    frozen: (file, key) of what quarantine or scope leaves as it is; a frozen person's other drops wait as well.
    """
    for module in FILES:
        for column, target in module.REFERS.items():
            waiting = held_keys(changes, target, "create")
            if waiting.is_empty():
                continue
            refers = (pl.col("file") == module.FILE) & (pl.col("action") != "drop")
            points = pl.col("new").str.json_path_match(f"$.{column}").is_in(waiting.implode())
            changes = hold(changes, refers & points, f"waits for {target.removesuffix('.csv')} that are held")
    return _whole_people(changes, frozen)


def held_keys(changes: pl.DataFrame, file: str, action: str) -> pl.Series:
    """Keys of that file with a held change of that kind."""
    rows = (pl.col("file") == file) & (pl.col("action") == action) & (pl.col("holds").list.len() > 0)
    return changes.filter(rows)["key"]


def _whole_people(changes: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    held = held_keys(changes, "users.csv", "drop")
    resting = frozen.filter(pl.col("file") == "users.csv")["key"]
    people = {"enrollments.csv": ("user_id",), "user_observers.csv": ("observer_id", "student_id")}
    partly: list[str] = []
    for file, columns in people.items():
        for column in columns:
            person = pl.col("new").str.json_path_match(f"$.{column}")
            rows = (pl.col("file") == file) & (pl.col("action") == "drop")
            waits = person.is_in(pl.concat([held, resting]).implode())
            changes = hold(changes, rows & waits, "waits for a person who is held")
            own = rows & (pl.col("holds").list.len() > 0)
            partly += changes.filter(own).select(person)["new"].to_list()
    alone = (pl.col("file") == "users.csv") & (pl.col("action") == "drop") & pl.col("key").is_in(partly)
    newly = changes.filter(alone & (pl.col("holds").list.len() == 0))
    changes = hold(changes, alone, "waits for this person's enrolments or links that are held")
    return changes if newly.is_empty() else _whole_people(changes, frozen)


def first_ledger(ledger: pl.DataFrame) -> bool:
    """True where nothing was ever sent: then every create is free (in test)."""
    return ledger.select(LEDGER.names()).is_empty()
