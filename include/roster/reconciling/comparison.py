"""What is different between the ledger and Canvas, row by row, as far as the report can tell.

    missing    the ledger has it, Canvas has not
    extra      Canvas has it with a SIS id (or from an import), the ledger has not
    theirs     a cross-list or right that a person made, as far as the report tells; nothing of ours touches it
    state      it is suspended, concluded or deleted in Canvas and not in the ledger, or the other way round
    different  other columns differ
    settled    the ledger was in doubt, and now it is known
    merged     two SIS ids are one person in Canvas; both are named

`by_hand`: a person did it: the column is one that imports leave alone once it was edited, or the thing is gone although
no import of ours removed it. Columns that were never sent aren't compared.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from roster import canvas
from roster.canvas.logins import WHOSE
from roster.canvas.wanted import files
from roster.reconciling.there import There
from roster.tenants import Tenant

# old, new: JSON of the ledger's row and of Canvas's. other: the second id of merged people.
DIFFERENCES = pl.Schema(
    {
        "file": pl.String,
        "key": pl.String,
        "kind": pl.String,
        "columns": pl.String,
        "old": pl.String,
        "new": pl.String,
        "by_hand": pl.Boolean,
        "other": pl.String,
        "school": pl.String,
    }
)
KINDS = ("missing", "extra", "theirs", "state", "different", "settled", "merged")
STICKY = {
    "accounts.csv": ("parent_account_id", "name"),
    "terms.csv": ("name", "start_date", "end_date"),
    "courses.csv": ("short_name", "long_name", "account_id", "term_id", "status"),
    "sections.csv": ("course_id", "name"),
    "xlists.csv": ("xlist_course_id",),
    "users.csv": ("login_id", "first_name", "last_name", "status"),
    "enrollments.csv": (),
    "admins.csv": (),
    "user_observers.csv": (),
}
THEIRS = ("xlists.csv", "admins.csv")
"""Files of which what people made themselves is told; of others it is not, or is as good as an import's."""
# Columns that are not in the report as we send them: a provider is a number there.
UNSEEN = {"users.csv": ("authentication_provider_id",)}
_KEPT_BLANK = {"users.csv": ("email",), "courses.csv": ("account_id", "term_id")}
_FOLDED = ("login_id", "email")


@dataclass(frozen=True)
class Comparison:
    """differences: DIFFERENCES. compared: rows of the ledger that were looked at, by file."""

    differences: pl.DataFrame
    compared: dict[str, int]


def compare(ledger: pl.DataFrame, there: There, tenant: Tenant) -> Comparison:
    """The differences of all files that the tenant syncs and the report tells of. ledger: LEDGER."""
    found, compared = [pl.DataFrame(schema=DIFFERENCES)], {}
    for file in (synced for synced in files(tenant) if synced in there.files):
        known = ledger.filter((pl.col("file") == file) & pl.any_horizontal(pl.col("row", "doubt").is_not_null()))
        compared[file] = known.height
        found += [_of_known(file, known, there), _extra(file, known, there)]
    found.append(_merged(there))
    return Comparison(pl.concat([frame.select(*DIFFERENCES).cast(DIFFERENCES) for frame in found]), compared)


def _of_known(file: str, known: pl.DataFrame, there: There) -> pl.DataFrame:
    names = _seen(file, there)
    base = pl.coalesce("row", "doubt")
    ours = [base.str.json_path_match(f"$.{name}").replace("", None).alias(f"ours_{name}") for name in names]
    side = known.with_columns(ours, base=base, columns=pl.coalesce("columns", pl.lit(",".join(names)))).join(
        there.files[file].with_columns(here=pl.lit(value=True)), on="key", how="left"
    )
    if file == "users.csv":
        side = _display_name_alone(side)
    both = there.merged["user_id"].implode()
    of_both = [pl.col(name).is_in(both) for name in ("key", WHOSE) if name in side.columns]
    shared = pl.any_horizontal(pl.lit(value=False), *of_both).fill_null(value=False)
    unequal = [_unequal(file, name, shared).alias(f"unequal_{name}") for name in names]
    side = side.with_columns(unequal).with_columns(
        count=pl.sum_horizontal(f"unequal_{name}" for name in names), here=pl.col("here").fill_null(value=False)
    )
    dropped = pl.col("dropped").fill_null(value=False)
    kind = (
        pl.when(pl.col("doubt").is_not_null())
        .then(pl.lit("settled"))
        .when(~pl.col("here") & ~dropped)
        .then(pl.lit("missing"))
        .when(pl.col("here") & (pl.col("count") == 1) & pl.col("unequal_status"))
        .then(pl.lit("state"))
        .when(pl.col("here") & (pl.col("count") > 0))
        .then(pl.lit("different"))
    )
    differing = side.with_columns(kind=kind).filter(pl.col("kind").is_not_null())
    return pl.DataFrame([_line(file, names, row) for row in differing.to_dicts()], schema=DIFFERENCES)


def _seen(file: str, there: There) -> list[str]:
    """The columns of the file that the report tells of."""
    unseen = UNSEEN.get(file, ())
    return [name for name in canvas.module(file).COLUMNS if name in there.files[file].columns and name not in unseen]


def _line(file: str, names: Sequence[str], row: dict[str, object]) -> dict[str, object]:
    changed = [name for name in names if row[f"unequal_{name}"]] if row["here"] else []
    old, may = json.loads(str(row["row"])) if row["row"] else {}, json.loads(str(row["base"]))
    new = (may | {name: row[name] for name in changed}) if row["here"] else None
    if row["kind"] == "settled" and row["here"]:
        new = _settled(names, row, changed)
    by_hand = row["kind"] in ("missing", "state") or any(name in STICKY[file] for name in changed)
    return {
        "file": file,
        "key": row["key"],
        "kind": row["kind"],
        "columns": ",".join(changed),
        "old": _text(old) if old else None,
        "new": _text(new) if new is not None else None,
        "by_hand": by_hand and row["kind"] != "settled",
        "other": None,
        "school": row["school"],
    }


def _settled(names: Sequence[str], row: dict[str, object], changed: Sequence[str]) -> dict[str, object]:
    """What Canvas has of a row in doubt: its own values, and what can't be seen as it was sent last."""
    sent = json.loads(str(row["doubt"]))
    had = json.loads(str(row["base"])) | {name: row[name] for name in changed}
    return {name: had.get(name, sent.get(name)) if name in names else sent[name] for name in sent}


def _unequal(file: str, name: str, shared: pl.Expr) -> pl.Expr:
    """True where the column was sent, can be seen, and is another in Canvas."""
    ours, theirs = pl.col(f"ours_{name}"), pl.col(name)
    if name in _FOLDED:
        ours, theirs = ours.str.to_lowercase(), theirs.str.to_lowercase()
    unequal = ours.ne_missing(theirs)
    if file == "users.csv" and name in ("first_name", "last_name"):
        unequal &= _names_unequal() & ~shared
    elif file == "users.csv" and name == "email":
        unequal &= ~shared
    elif (file, name) == ("courses.csv", "status"):  # an import of active leaves a published course published
        unequal &= ~((ours == "active") & (theirs == "published"))
    if name in _KEPT_BLANK.get(file, ()):
        unequal &= ours.is_not_null()
    was_sent = (pl.lit(",") + pl.col("columns") + pl.lit(",")).str.contains(f",{name},", literal=True)
    return (unequal & was_sent).fill_null(value=False)


def _display_name_alone(side: pl.DataFrame) -> pl.DataFrame:
    """Where somebody changed only how the whole name is shown, that stands in first_name."""
    same = pl.all_horizontal(pl.col(f"ours_{name}").eq_missing(pl.col(name)) for name in ("first_name", "last_name"))
    shown = same & _names_unequal().fill_null(value=False)
    return side.with_columns(
        first_name=pl.when(shown).then("full_name").otherwise("first_name"),
        last_name=pl.when(~shown).then("last_name"),
    )


def _names_unequal() -> pl.Expr:
    """Canvas keeps "first last" and "last, first", and tells first and last from those.

    Of a whole name that was adopted as it is shown (see above) the other is not known.
    """
    first, last = pl.col("ours_first_name"), pl.col("ours_last_name")
    full = pl.concat_str(first, last, separator=" ", ignore_nulls=True)
    sortable = pl.concat_str(last, first, separator=", ", ignore_nulls=True)
    return (full != pl.col("full_name")) | (last.is_not_null() & (sortable != pl.col("sortable_name")))


def _extra(file: str, known: pl.DataFrame, there: There) -> pl.DataFrame:
    rows = there.files[file].filter(pl.col("status") != "deleted")
    rows = rows if file in THEIRS else rows.filter("by_sis")
    if "person" in rows.columns and file != "users.csv":  # known under the other id of a merged person
        rest = [name for name in canvas.module(file).KEY if name not in ("user_id", "observer_id", "student_id")]
        place = ["person", *rest]
        mine = there.files[file].join(known.select("key"), on="key", how="semi").select(place).unique()
        rows = rows.join(mine, on=place, how="anti").unique(place, keep="first", maintain_order=True)
    names = _seen(file, there)
    return rows.join(known.select("key"), on="key", how="anti").select(
        pl.lit(file).alias("file"),
        "key",
        kind=pl.when("by_sis").then(pl.lit("extra")).otherwise(pl.lit("theirs")),
        columns=pl.lit(",".join(names)),
        old=pl.lit(None, dtype=pl.String),
        new=pl.struct(names).struct.json_encode(),
        by_hand=~pl.col("by_sis"),
        other=pl.lit(None, dtype=pl.String),
        school=pl.lit(None, dtype=pl.String),
    )


def _merged(there: There) -> pl.DataFrame:
    nothing = [pl.lit(None, dtype=pl.String).alias(name) for name in ("columns", "old", "new", "school")]
    pairs = there.merged.filter(pl.col("user_id") < pl.col("other"))
    return pairs.select(
        pl.lit("users.csv").alias("file"),
        *nothing,
        key="user_id",
        kind=pl.lit("merged"),
        by_hand=pl.lit(value=True),
        other="other",
    )


def _text(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
