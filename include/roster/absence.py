"""What Canvas has and is not wanted: what stays as it is, and the drops that were earned.

Quarantine and scope freeze, down the references; a term that has ended stays with all that is in it; a drop needs proof
of absence and a policy. What is left in Canvas is listed by reason: kept (by policy), quarantine, term, school, log-in,
refers-to-frozen, not-proven, accepted (dropped once, and let in again by hand), in-use (Canvas would take along
something that stays), in-doubt (a further log-in that may never have come: users.csv would make a person of it).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from roster.accepted import let_stay
from roster.canvas import FILES
from roster.canvas.logins import WHOSE, is_one
from roster.ledger_rows import decoded
from roster.log_ins import LAST_STAGE
from roster.tenants import Tenant

LEFT = pl.Schema({"file": pl.String, "key": pl.String, "reason": pl.String, "school": pl.String})


@dataclass(frozen=True)
class Proof:
    """What absence proves tonight. files: those of which it proves a drop. before: for others, what was there in the
    earlier artefacts back to the one that confirms tonight's absences (evidence.Standing.confirms), as file → keys; a
    file in neither proves nothing.
    """

    files: frozenset[str] = frozenset()
    before: Mapping[str, pl.Series] = field(default_factory=dict)


def absent_rows(side: pl.DataFrame) -> pl.DataFrame:
    """LEDGER rows that Canvas has, or may have, and that are not wanted."""
    gone = side.filter(pl.col("new").is_null() & ~pl.col("newer"))
    had = (pl.col("row").is_not_null() & ~pl.col("dropped")) | pl.col("doubt").is_not_null()
    return gone.filter(had).select(
        "file", "key", "row", "columns", "doubt", "refused", "dropped", "school", "sequence", "accepted"
    )


def frozen_keys(
    said: pl.DataFrame, wanted: Mapping[str, pl.DataFrame], ledger: pl.DataFrame, run_date: datetime
) -> pl.DataFrame:
    """file, key, reason of all that stays as it is: what the transform said, terms that have ended, and, down the
    references, every ledger row that belongs to one of these and is not wanted itself.
    """
    known = [said.select("file", "key", "reason"), _ended_terms(wanted, ledger, run_date)]
    if all(frame.is_empty() for frame in known):
        return known[0]
    keys: dict[str, pl.Series] = {}
    wanted_keys = {file: frame["key"].implode() for file, frame in wanted.items()}
    for module in FILES:
        frozen = pl.concat([frame.filter(pl.col("file") == module.FILE) for frame in known])
        keys[module.FILE] = frozen["key"].unique()
        rows = ledger.filter(pl.col("file") == module.FILE)
        if module.FILE in wanted_keys:
            rows = rows.filter(~pl.col("key").is_in(wanted_keys[module.FILE]))
        for column, target in module.REFERS.items():
            below = rows.clear() if keys[target].is_empty() else rows.filter(_points(column, keys[target]))
            known.append(below.select("file", "key", reason=pl.lit("refers-to-frozen")))
            frozen = pl.concat([frozen, known[-1]])
        keys[module.FILE] = frozen["key"].unique()
    return pl.concat(known).unique(["file", "key"], keep="first", maintain_order=True)


def _points(column: str, keys: pl.Series) -> pl.Expr:
    """Over LEDGER: True where what Canvas has, or may have, refers to one of the keys."""
    either = [pl.col(name).str.json_path_match(f"$.{column}").is_in(keys.implode()) for name in ("row", "doubt")]
    return pl.any_horizontal(either).fill_null(value=False)


def _ended_terms(wanted: Mapping[str, pl.DataFrame], ledger: pl.DataFrame, run_date: datetime) -> pl.DataFrame:
    delivered = set(wanted["terms.csv"]["key"]) if "terms.csv" in wanted else set()
    ended = [key for key in ended_terms(ledger, run_date) if key not in delivered]
    return pl.DataFrame(
        {"file": ["terms.csv"] * len(ended), "key": ended, "reason": ["term"] * len(ended)},
        schema={"file": pl.String, "key": pl.String, "reason": pl.String},
    )


def ended_terms(ledger: pl.DataFrame, run_date: datetime) -> list[str]:
    """The terms that were over at that moment, as Canvas was last told of them."""
    terms = ledger.filter(pl.col("file") == "terms.csv").select("key", row=pl.coalesce("row", "doubt"))
    return [
        key
        for key, row in terms.iter_rows()
        if (end := decoded(row).get("end_date")) and datetime.fromisoformat(end) < run_date
    ]


def earned_drops(
    absent: pl.DataFrame,
    frozen: pl.DataFrame,
    ended: pl.DataFrame,
    tenant: Tenant,
    proof: Proof,
    wanted: Mapping[str, pl.DataFrame],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(CHANGES, LEFT): the drops that were earned, and what is left in Canvas although it is not wanted, by reason.

    ended: file, key, status of what the source itself says has ended; that needs no other proof, and a user gets the
    status that is said. wanted: the rows of each file, because a section that is gone itself stays where it is listed.
    """
    status = _drop_status(tenant)
    marked = absent.join(frozen.select("file", "key", frozen="reason"), on=["file", "key"], how="left").join(
        ended.select("file", "key", said="status"), on=["file", "key"], how="left"
    )
    sections = wanted["sections.csv"]["key"] if "sections.csv" in wanted else pl.Series([], dtype=pl.String)
    earned = pl.col("said").is_not_null() | pl.col("file").is_in(sorted(proof.files))
    for file, keys in proof.before.items():
        earned |= (pl.col("file") == file) & ~pl.col("key").is_in(keys.implode())
    policy = pl.col("file").replace_strict(status, default=None, return_dtype=pl.String)
    told = pl.when(pl.col("file") == "users.csv").then("said")
    marked = marked.with_columns(status=pl.coalesce(told, policy)).with_columns(
        reason=pl.when(pl.col("status").is_null())
        .then(pl.lit("kept"))
        .when(pl.col("frozen").is_not_null())
        .then(pl.col("frozen"))
        .when((pl.col("file") == "xlists.csv") & ~pl.col("key").is_in(sections.implode()))
        .then(pl.lit("kept"))
        .when(~earned)
        .then(pl.lit("not-proven"))
        .when(pl.col("row").is_null() & is_one("doubt"))
        .then(pl.lit("in-doubt"))
        .when(let_stay())
        .then(pl.lit("accepted"))
    )
    drops = marked.filter(pl.col("reason").is_null())
    left = marked.filter(pl.col("reason").is_not_null()).select("file", "key", "reason", "school")
    known = drops.select("file", "key", pl.coalesce("row", "doubt"), "status")
    rows = [_dropped(tenant, *line) for line in known.iter_rows()]
    texts = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    columns = [",".join(row) for row in rows]
    changes = drops.select(
        "file",
        "key",
        action=pl.lit("drop"),
        old="row",
        new=pl.Series(texts, dtype=pl.String),
        columns=pl.Series(columns, dtype=pl.String),
        why=pl.lit("drop"),
        school="school",
        limited=pl.lit(value=True),
        holds=pl.lit([], dtype=pl.List(pl.String)),
        part=pl.lit("free"),
        stage=pl.lit(LAST_STAGE, dtype=pl.Int64),
    )
    return changes, left.cast(LEFT)


def _dropped(tenant: Tenant, file: str, key: str, text: str, word: str) -> dict[str, str | None]:
    row = decoded(text)
    return _unsaid(file, key, row, tenant) | row | {"status": word}


def _unsaid(file: str, key: str, row: Mapping[str, str | None], tenant: Tenant) -> dict[str, str]:
    """Columns that a row may never have been sent with, and whose blank in the file would reset something in Canvas.

    A provider by kind is not among them: the ledger does not know of which kind a user is.
    """
    provider = tenant.sync.authentication_provider
    if whose := row.get(WHOSE):
        providers = {f"{whose}{one.suffix}": one.authentication_provider for one in tenant.sync.logins}
        provider = providers.get(key)
    return {"authentication_provider_id": provider} if file == "users.csv" and isinstance(provider, str) else {}


def without_carrying(
    drops: pl.DataFrame, left: pl.DataFrame, ledger: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(drops, LEFT): without the drops with which Canvas would take along what is to stay.

    Deleting a section or user, deleting or completing a course takes what is below it. That may be frozen, not proven
    gone, or wanted elsewhere from tonight on; what is only kept by policy does not count. A section that is taken back
    tonight is still in the other course when courses.csv is read.
    """
    carries = (pl.col("file").is_in(["courses.csv", "sections.csv"])) | (
        (pl.col("file") == "users.csv") & (pl.col("new").str.json_path_match("$.status") == "deleted")
    )
    carrying = drops.filter(carries)
    if carrying.is_empty():
        return drops, pl.DataFrame(schema=LEFT)
    going = drops.filter(pl.col("file") != "xlists.csv")
    passed = pl.concat([going.select("file", "key"), left.filter(pl.col("reason") == "kept").select("file", "key")])
    stays = ledger.filter((pl.col("row").is_not_null() & ~pl.col("dropped")) | pl.col("doubt").is_not_null())
    staying = stays.join(passed, on=["file", "key"], how="anti").select("file", "key")
    for module in reversed(FILES):
        below = stays.filter(pl.col("file") == module.FILE).join(staying, on=["file", "key"], how="semi")
        for column, target in module.REFERS.items():
            if target == module.FILE:  # a further log-in is not taken along by the person's own
                continue
            for name in ("row", "doubt"):
                named = below.select(pl.lit(target).alias("file"), key=pl.col(name).str.json_path_match(f"$.{column}"))
                staying = pl.concat([staying, named.drop_nulls()])
    staying = staying.unique()
    in_use = carrying.join(staying, on=["file", "key"], how="semi")
    going = drops.join(in_use.select("file", "key"), on=["file", "key"], how="anti")
    return going, in_use.select("file", "key", reason=pl.lit("in-use"), school="school")


def _drop_status(tenant: Tenant) -> dict[str, str | None]:
    policy = tenant.sync.on_drop
    chosen = {"sections.csv": policy.sections, "courses.csv": policy.courses}
    return {
        "users.csv": policy.users,
        "enrollments.csv": policy.enrollments,
        "user_observers.csv": "deleted",
        "xlists.csv": "deleted",
        "admins.csv": "deleted",
        **{file: None if word == "keep" else word for file, word in chosen.items()},
        "accounts.csv": None,
        "terms.csv": None,
    }
