"""The plan: the difference between what is wanted and what the ledger says Canvas has.

Nothing is planned twice for one key. A plan has three parts: changes that are free, changes that are held, and wanted
rows that wait because what they refer to is not in Canvas; what is left alone (frozen, not proven, kept by policy) is
counted by reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from roster import absence, safety
from roster.absence import LEFT, Proof
from roster.accepted import GONE, as_accepted, let_stay
from roster.canvas import FILES, ID_CHANGES
from roster.canvas.logins import is_one
from roster.canvas.wanted import ENDED
from roster.id_changes import LINES, plan_renames, renamed_in, with_log_ins
from roster.journal import OVERRIDING
from roster.ledger_rows import LEDGER, live
from roster.log_ins import LAST_STAGE, staged
from roster.rekeying import pairs, rekeyed_keys
from roster.tenants import Tenant

# old and new: JSON of the row in Canvas's columns; old is null for a create. why: create, back (it was dropped before),
# update, in-doubt, drop, resend, rename, log-in-swap. limited: counts for the limits. part: free or held; holds: why.
# stage: number of the import that it goes in, of those that this plan takes.
CHANGES = pl.Schema(
    {
        "file": pl.String(),
        "key": pl.String(),
        "action": pl.String(),
        "old": pl.String(),
        "new": pl.String(),
        "columns": pl.String(),
        "why": pl.String(),
        "school": pl.String(),
        "limited": pl.Boolean(),
        "holds": pl.List(pl.String),
        "part": pl.String(),
        "stage": pl.Int64(),
    }
)
KEYS = pl.Schema({"file": pl.String, "key": pl.String})
# The ledger's row, as far as there is one, and beside it the wanted one: new (JSON), its columns and its school. same:
# in every column that the ledger's row was ever sent with. newer: a newer artefact wrote the ledger's row.
SIDES = pl.Schema(
    {name: kind for name, kind in LEDGER.items() if name != "by_hand"}
    | {"new": pl.String(), "new_columns": pl.String(), "new_school": pl.String()}
    | {"same": pl.Boolean(), "newer": pl.Boolean()}
)
"""The stage of rows that have to write over what people changed in Canvas."""
RESENT = ("users.csv", "sections.csv", "xlists.csv", "enrollments.csv", "admins.csv", "user_observers.csv")
FILE_ORDER = {file: number for number, file in enumerate([ID_CHANGES, *(module.FILE for module in FILES)])}


@dataclass(frozen=True)
class Wanted:
    """What the transform step wrote: rows per file (Canvas's columns, key, record, school) and frozen keys.

    A file that is not synced is not in `rows`; one without rows is. frozen: file, key, reason. ended: file, key, status
    of what the source says has ended. id_changes: LINES of the tenant's mapping, carried out or not.
    """

    rows: Mapping[str, pl.DataFrame]
    frozen: pl.DataFrame
    id_changes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LINES))
    ended: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ENDED))

    @classmethod
    def read(cls, folder: Path) -> Wanted:
        """From the transform step's folder."""
        stems = {file: folder / file.replace(".csv", ".parquet") for file in FILE_ORDER}
        rows = {file: pl.read_parquet(path) for file, path in stems.items() if path.exists()}
        mapping = rows.pop(ID_CHANGES, pl.DataFrame(schema=LINES))
        ended = folder / "ended.parquet"  # an artefact of an earlier release has none
        said = pl.read_parquet(ended) if ended.exists() else pl.DataFrame(schema=ENDED)
        return cls(rows, pl.read_parquet(folder / "frozen.parquet"), mapping.select(*LINES), said)

    def keys(self) -> pl.DataFrame:
        """KEYS of all that is there: wanted or frozen."""
        frames = [frame.select("key").with_columns(file=pl.lit(file)) for file, frame in self.rows.items()]
        return pl.concat(
            [*(frame.select("file", "key") for frame in frames), self.frozen.select("file", "key")]
        ).unique()

    def id_pairs(self) -> pl.DataFrame:
        """rekeying.PAIRS of the whole mapping, what was carried out long ago among it."""
        return pairs(self.id_changes.select(new=pl.struct("type", "old_id", "new_id").struct.json_encode()))


@dataclass(frozen=True)
class Wish:
    """What this run was asked for, beside the difference.

    only_school, only_keys: a school's id, or (file, key), of the rows to plan. release: the hash of a held part that
    may go. released: KEYS of the rows of a release: these alone may go, drops included, and only if they still hash to
    `release`, where that is given.
    """

    resync: bool = False
    only_school: str | None = None
    only_keys: frozenset[tuple[str, str]] | None = None
    release: str | None = None
    released: pl.DataFrame | None = None

    @property
    def narrowed(self) -> bool:
        """True if the plan is not the whole difference; then nothing is dropped."""
        return self.only_school is not None or self.only_keys is not None


@dataclass(frozen=True)
class Plan:
    """changes: CHANGES in the order they are sent. waiting, left: LEFT. limits: safety.LIMITS."""

    changes: pl.DataFrame
    waiting: pl.DataFrame
    left: pl.DataFrame
    limits: pl.DataFrame
    held_hash: str | None
    released: bool

    @property
    def free(self) -> pl.DataFrame:
        """The part that goes by itself."""
        return self.changes.filter(pl.col("part") == "free")

    @property
    def held(self) -> pl.DataFrame:
        """The part that waits for a person."""
        return self.changes.filter(pl.col("part") == "held")


def plan(
    wanted: Wanted,
    ledger: pl.DataFrame,
    tenant: Tenant,
    *,
    run_date: datetime,
    sequence: int,
    proof: Proof,
    wish: Wish | None = None,
    gate: safety.Gate = safety.OPEN,
    undone: frozenset[str] = frozenset(),
) -> Plan:
    """The plan of one night against one ledger.

    run_date: aware, the instant that decides which terms have ended. sequence: of the artefact; a row that a newer one
    wrote is left. proof: what absence proves. gate: what is held besides.
    undone: ledger.digest of rows that were taken back.
    """
    wish = wish or Wish()
    wanted = replace(wanted, id_changes=with_log_ins(wanted.id_changes, ledger))
    renaming = plan_renames(wanted.id_changes, ledger, here=wanted.keys, sequence=sequence)
    ledger = renaming.ledger
    if wanted.id_changes.height:
        proof = _by_either_id(proof, wanted)
    sides = _sides(wanted, ledger, sequence)
    planned = _changes(sides, resync=wish.resync).cast(CHANGES)
    changes = pl.concat([renaming.changes.cast(CHANGES), planned])
    absent = absence.absent_rows(sides)
    newer = _left(sides.filter("newer"), "newer")
    frozen = absence.frozen_keys(wanted.frozen, wanted.rows, ledger, run_date)
    drops, left = absence.earned_drops(absent, frozen, wanted.ended, tenant, proof, wanted.rows)
    drops, in_use = absence.without_carrying(drops, left, ledger)
    if wish.narrowed:
        left = newer
    else:
        changes = pl.concat([changes, drops.cast(CHANGES)])
        left = pl.concat([left, in_use, newer, renaming.left])
    changes, waiting = _available(changes, wanted, ledger, tenant)
    judged = safety.limits(changes, ledger, tenant.safety)
    if not safety.first_ledger(ledger):
        changes = safety.hold_over_limits(changes, ledger, judged)
        changes = safety.hold_rekeyed(changes, ledger, _not_there(absent, frozen))
    changes = safety.hold_reused(changes, ledger, absence.ended_terms(ledger, run_date))
    changes = safety.hold_unsure(changes, renaming.unsure)
    changes = safety.hold_undone(changes, undone)
    changes = safety.hold_taken_in(changes, ledger)
    changes = safety.hold_by(gate, changes)
    changes = safety.hold_overwriting(gate, changes, ledger)
    if not gate.everything:  # then nothing is left that could wait for it
        changes = safety.close_holds(changes, frozen)
    if wish.narrowed:
        changes = _narrowed(changes, wish)
        waiting, left = _asked(waiting, wish), _asked(left, wish)
    changes, held_hash, released = _parted(_overriding(staged(changes), ledger), wish)
    return Plan(
        changes=_ordered(changes),
        waiting=waiting,
        left=left.sort("file", "key"),
        limits=judged,
        held_hash=held_hash,
        released=released,
    )


def _by_either_id(proof: Proof, wanted: Wanted) -> Proof:
    """What was there, by the old id as well as by the new: the old one may have been given to somebody else since."""
    pairs = wanted.id_pairs()
    before = {}
    for file, keys in proof.before.items():
        renamed = rekeyed_keys(pl.DataFrame({"key": keys}).select(file=pl.lit(file), key="key"), pairs)
        before[file] = pl.concat([keys, renamed["key"]]).unique()
    return Proof(proof.files, before)


def _parted(changes: pl.DataFrame, wish: Wish) -> tuple[pl.DataFrame, str | None, bool]:
    """(changes with their part, hash of what is held, whether a release let rows go)."""
    held = pl.col("holds").list.len() > 0
    if wish.released is not None:
        named = changes.join(wish.released, on=["file", "key"], how="semi")
        released = named.height > 0 and wish.release in (None, safety.plan_hash(named))
        going = named if released else named.clear()
        staying = changes.filter(held).join(going, on=["file", "key"], how="anti")
    else:
        going, staying = changes.filter(~held), changes.filter(held)
        released = staying.height > 0 and wish.release == safety.plan_hash(staying)
        if released:
            going, staying = changes, staying.clear()
    both = pl.concat([going.with_columns(part=pl.lit("free")), staying.with_columns(part=pl.lit("held"))])
    shown = staying if staying.height or wish.released is not None else changes.filter(held)
    return both, safety.plan_hash(shown) if shown.height else None, released


def _overriding(changes: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Changes of rows that people changed in Canvas, and that are to be as the source has them, in the last import."""
    marked = ledger.filter("by_hand").select("file", "key", marked=pl.lit(value=True))
    if marked.is_empty():
        return changes
    going = pl.when("marked", stage=LAST_STAGE).then(pl.lit(OVERRIDING, dtype=pl.Int64)).otherwise("stage")
    joined = changes.join(marked, on=["file", "key"], how="left", maintain_order="left")
    return joined.with_columns(stage=going).drop("marked")


def _sides(wanted: Wanted, ledger: pl.DataFrame, sequence: int) -> pl.DataFrame:
    """SIDES: a line per key of the files that are synced."""
    synced = [module.FILE for module in FILES if module.FILE in wanted.rows]
    known = {file: ledger.filter(pl.col("file") == file) for file in synced}
    there = [file for file in synced if wanted.rows[file].height or known[file].height]
    sides = [_side(file, wanted.rows[file], known[file], sequence).select(*SIDES) for file in there]
    return pl.concat([pl.DataFrame(schema=SIDES), *sides])


def _side(file: str, rows: pl.DataFrame, known: pl.DataFrame, sequence: int) -> pl.DataFrame:
    names = [name for name in rows.columns if name not in ("key", "record", "school", "scope")]
    new = as_accepted(rows, known).select(
        "key",
        new_school="school",
        new=pl.struct(names).struct.json_encode(),
        new_columns=pl.lit(",".join(names)),
    )
    side = _as_asked(new.join(known, on="key", how="full", coalesce=True))
    # Most rows of a night are the very text that the ledger has: only the others are compared column by column.
    equal = pl.col("row").eq_missing(pl.col("new"))
    sides = [
        side.filter(equal).with_columns(same=pl.lit(value=True)),
        side.filter(~equal).with_columns(same=_same(names)),
    ]
    return pl.concat(sides).with_columns(
        file=pl.lit(file),
        newer=(pl.col("sequence") > sequence).fill_null(value=False),
        dropped=pl.col("dropped").fill_null(value=False),
    )


def _as_asked(side: pl.DataFrame) -> pl.DataFrame:
    """A further log-in that may have come is asked for again as it was sent: of another, that it is there already tells
    nothing. Not so where Canvas had refused just that before: then it may be somebody else's for good.
    """
    may_have_come = pl.col("row").is_null() & is_one("doubt")
    again = pl.col("new").is_not_null() & may_have_come & pl.col("refused").ne_missing(pl.col("doubt"))
    return side.with_columns(new=pl.when(again).then("doubt").otherwise("new"))


def _same(names: Sequence[str]) -> pl.Expr:
    """True where the ledger's row equals the new one in every column that it was ever sent with."""
    same = pl.col("row").is_not_null() & pl.col("new").is_not_null()
    sent = pl.lit(",") + pl.col("columns") + pl.lit(",")
    for name in names:
        equal = (
            pl.col("row").str.json_path_match(f"$.{name}").eq_missing(pl.col("new").str.json_path_match(f"$.{name}"))
        )
        same &= equal | ~sent.str.contains(f",{name},", literal=True)
    return same.fill_null(value=False)


def _unlisted(sides: pl.DataFrame) -> pl.Series:
    """Keys of cross-lists that go again: Canvas takes a section back when sections.csv names another home course."""
    course = [pl.col(name).str.json_path_match("$.course_id") for name in ("row", "new")]
    unsure = pl.col("dropped") | pl.col("doubt").is_not_null()
    moved = unsure | course[0].ne_missing(course[1])
    return sides.filter(pl.col("file") == "sections.csv").filter(moved)["key"]


def _changes(sides: pl.DataFrame, *, resync: bool) -> pl.DataFrame:
    wanted = sides.filter(pl.col("new").is_not_null() & ~pl.col("newer"))
    known = pl.col("row").is_not_null()
    taken_back = (pl.col("file") == "xlists.csv") & pl.col("key").is_in(_unlisted(sides).implode())
    gone = pl.col("new").str.json_path_match("$.status").is_in(GONE)
    stays_gone = pl.col("accepted").is_not_null() & gone
    same = pl.col("same") & ~(let_stay() & ~gone)  # sent once more, so that the source governs it again
    why = (
        pl.when(known & pl.col("dropped") & ~stays_gone)
        .then(pl.lit("back"))
        .when(~known)
        .then(pl.lit("create"))
        .when(~same & ~(pl.col("dropped") & stays_gone))
        .then(pl.lit("update"))
        .when(pl.col("doubt").is_not_null())
        .then(pl.lit("in-doubt"))
        .when(((pl.col("file").is_in(RESENT) & pl.lit(resync)) | taken_back) & ~pl.col("dropped"))
        .then(pl.lit("resend"))
    )
    action = pl.col("why").replace_strict(
        {"back": "create", "create": "create", "update": "update", "in-doubt": "update", "resend": "resend"},
        return_dtype=pl.String,
    )
    return (
        wanted.with_columns(why=why)
        .filter(pl.col("why").is_not_null())
        .select(
            "file",
            "key",
            action=action,
            old=pl.when(pl.col("why") == "create").then(None).otherwise("row"),
            new="new",
            columns="new_columns",
            why="why",
            school="new_school",
            limited=pl.col("why") == "update",
            holds=pl.lit([], dtype=pl.List(pl.String)),
            part=pl.lit("free"),
            stage=pl.lit(LAST_STAGE, dtype=pl.Int64),
        )
    )


def _left(sides: pl.DataFrame, reason: str) -> pl.DataFrame:
    return sides.select("file", "key", reason=pl.lit(reason), school="school")


def _not_there(absent: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    return absent.join(frozen.select("file", "key"), on=["file", "key"], how="anti")


def _available(
    changes: pl.DataFrame, wanted: Wanted, ledger: pl.DataFrame, tenant: Tenant
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(changes, waiting): without the rows that refer to something which Canvas neither has nor gets tonight."""
    there = live(ledger).select("file", "key")
    present: dict[str, pl.DataFrame] = {}
    waiting, going = [], [changes.filter(pl.col("action").is_in(["drop", "rename"]))]
    for module in FILES:
        if module.FILE not in wanted.rows:
            continue
        own = changes.filter((pl.col("file") == module.FILE) & (pl.col("action") != "drop"))
        had = there.filter(pl.col("file") == module.FILE).select("key")
        present[module.FILE] = pl.concat([own.select("key"), had])  # a further log-in refers to the same file
        if not own.is_empty():
            lost = _lost(own, module.REFERS, present)
            waiting.append(_left(own.join(lost, on="key", how="semi"), "waits"))
            own = own.join(lost, on="key", how="anti")
            going.append(own)
            present[module.FILE] = pl.concat([own.select("key"), had])
        if module.FILE == "accounts.csv" and tenant.canvas.account:
            above = pl.DataFrame({"key": [tenant.canvas.account]})
            present[module.FILE] = pl.concat([present[module.FILE], above])
    return pl.concat(going), pl.concat(waiting or [pl.DataFrame(schema=LEFT)]).cast(LEFT)


def _lost(own: pl.DataFrame, refers: Mapping[str, str], present: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Keys of a file's changes that refer to what is not present. refers: column → file."""
    lost = own.select("key").clear()
    for column, target in refers.items():
        if target in present:
            named = own.select("key", named=pl.col("new").str.json_path_match(f"$.{column}")).drop_nulls("named")
            missing = named.join(present[target], left_on="named", right_on="key", how="anti")
            lost = pl.concat([lost, missing.select("key")])
    return lost


def _narrowed(changes: pl.DataFrame, wish: Wish) -> pl.DataFrame:
    """The changes that were asked for, the creates that they refer to and the changes of ids that they need."""
    chosen = _asked(changes, wish)
    for module in reversed(FILES):
        mine = chosen.filter(pl.col("file") == module.FILE)
        for column, target in module.REFERS.items():
            named = mine["new"].str.json_path_match(f"$.{column}")
            creates = (pl.col("file") == target) & (pl.col("action") == "create")
            parents = changes.filter(creates & pl.col("key").is_in(named.implode()))
            chosen = pl.concat([chosen, parents]).unique(["file", "key"], maintain_order=True)
    numbered = changes.with_row_index("n")
    mine = numbered.join(chosen.select("file", "key"), on=["file", "key"], how="semi")
    given = renamed_in(numbered).join(mine, on="n", how="semi")["from"]
    renames = changes.filter(numbered["n"].is_in(given.implode()))
    return pl.concat([renames, chosen]).unique(["file", "key"], maintain_order=True)


def _asked(frame: pl.DataFrame, wish: Wish) -> pl.DataFrame:
    if wish.only_keys is None:
        return frame.filter(pl.col("school") == wish.only_school)
    return frame.join(pl.DataFrame([*wish.only_keys], schema=KEYS, orient="row"), on=["file", "key"], how="semi")


def _ordered(changes: pl.DataFrame) -> pl.DataFrame:
    order = pl.col("file").replace_strict(FILE_ORDER, return_dtype=pl.Int64)
    return changes.cast(CHANGES).sort(order, "key", "action")
