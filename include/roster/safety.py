"""What may go without asking: limits per type and school and in total, the re-key detector, and holds under references.

All functions take and give tables of changes (see `plan.CHANGES`); `holds` grows, `part` follows from it. Nothing in
here drops a change: what is held waits for a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from roster.canvas import FILES, ID_CHANGES
from roster.id_changes import renamed_in
from roster.ledger_rows import digest, live
from roster.log_ins import passed_on
from roster.rekeying import pairs
from roster.tenants import SafetySettings

SMALL, HALF = 40, 0.5
REKEY_SHARE, REKEY_LEAST = 0.30, 10

# One line per limit that was judged. school: null for the total, blank for rows that belong to no school. share: the
# largest share of base allowed, half where only the rule for small ones tripped; base: live rows before the plan.
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
BY_SCHOOL = (
    "courses.csv",
    "sections.csv",
    "xlists.csv",
    "users.csv",
    "enrollments.csv",
    "admins.csv",
    "user_observers.csv",
)


@dataclass(frozen=True)
class Gate:
    """What waits for a release whatever the limits say. everything, drops: why all changes, or all drops, are
    held; overwriting: why what writes over a person's change in Canvas is.
    """

    everything: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    overwriting: tuple[str, ...] = ()


OPEN = Gate()


def plan_hash(changes: pl.DataFrame) -> str:
    """SHA-256 over file, key, action, old and new of these changes, whatever their order."""
    shown = changes.select(pl.struct("file", "key", "action", "old", "new").struct.json_encode().alias("line"))
    return hashlib.sha256("\n".join(shown["line"].sort()).encode()).hexdigest()


def limits(changes: pl.DataFrame, ledger: pl.DataFrame, settings: SafetySettings) -> pl.DataFrame:
    """LIMITS of a plan: drops and updates against the live rows of the ledger, per file and school and per file.

    A new id is an update of what gets it; together with another update of the same it counts once.
    A row counts at the school that the ledger knows it by, so that pupils who move do not trip a school that is new.
    """
    judged = []
    base = live(ledger).with_columns(school=pl.col("school").fill_null(""))
    all_counted = _counted_as(changes, ledger).filter("limited").unique(["file", "key", "action"])
    for kind, action, share in (("deleted", "drop", settings.deleted), ("updated", "update", settings.updated)):
        counted = all_counted.filter(pl.col("action") == action)
        groups = [["file"]] + ([["file", "school"]] if settings.per_school else [])
        for group in groups:
            rows = counted if group == ["file"] else counted.filter(pl.col("file").is_in(BY_SCHOOL))
            judged.append(
                rows.group_by(group)
                .agg(changed=pl.len().cast(pl.Int64))
                .join(base.group_by(group).agg(base=pl.len().cast(pl.Int64)), on=group, how="left")
                .with_columns(
                    pl.col("base").fill_null(0),
                    kind=pl.lit(kind),
                    share=pl.lit(share),
                    school=pl.col("school") if "school" in group else pl.lit(None, dtype=pl.String),
                )
            )
    changed, size = pl.col("changed"), pl.col("base")
    # The share is a float: 29 of 100 is not more than 29 %, whatever 100 × 0.29 is.
    above_share = changed - size * pl.col("share") > 1e-6
    by_share = (changed > settings.at_least) & above_share
    by_half = ~by_share & (size < SMALL) & (changed > size * HALF)
    allowed = pl.when(by_half).then(pl.lit(HALF)).otherwise("share")
    found = pl.concat([frame.select([c for c in LIMITS if c != "tripped"]) for frame in judged])
    return (
        found.with_columns(tripped=by_share | by_half, share=allowed)
        .cast(LIMITS)
        .sort("kind", "file", "school", nulls_last=True)
    )


def hold_over_limits(changes: pl.DataFrame, ledger: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Changes with a hold for every tripped limit over them; a tripped total holds that type everywhere."""
    counted = _counted_as(changes, ledger)
    for kind, file, school, changed, base, share, tripped in judged.iter_rows():
        if not tripped:
            continue
        action = "drop" if kind == "deleted" else "update"
        where = "in all" if school is None else f"at {school}" if school else "without a school"
        why = f"limit-{kind}: {changed} of {base} {file.removesuffix('.csv')} {where}, allowed {share:.0%}"
        over = (counted["file"] == file) & (counted["action"] == action) & counted["limited"]
        if school is not None:
            over &= counted["school"] == school
        changes = hold(changes, pl.lit(over), why)
    return changes


def _counted_as(changes: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """file, key, action, limited, school of the changes, line by line, as limits see them."""
    lines = changes.select("file", "key", "action", "school", "limited")
    if (changes["file"] == ID_CHANGES).any():
        ids = pairs(changes)
        given = pl.col("file") == ID_CHANGES
        lines = lines.with_columns(
            file=pl.when(given).then(ids["file"]).otherwise("file"),
            key=pl.when(given).then(ids["new"]).otherwise("key"),
            action=pl.when(given).then(pl.lit("update")).otherwise("action"),
        )
    return lines.with_columns(school=_counted_at(lines, ledger))


def _counted_at(changes: pl.DataFrame, ledger: pl.DataFrame) -> pl.Series:
    """The school at which each change counts: the ledger's where it has the row; blank for none."""
    known = ledger.select("file", "key", at="school", known=pl.lit(value=True))
    sides = changes.select("file", "key", "school").join(known, on=["file", "key"], how="left", maintain_order="left")
    return sides.select(at=pl.when("known").then("at").otherwise("school").fill_null(""))["at"]


def hold(changes: pl.DataFrame, where: pl.Expr, why: str) -> pl.DataFrame:
    """Changes with this hold added where the expression is true."""
    added = pl.col("holds").list.concat(pl.lit([why], dtype=pl.List(pl.String)))
    return changes.with_columns(
        holds=pl.when(where.fill_null(value=False)).then(added.list.unique(maintain_order=True)).otherwise("holds")
    )


def hold_by(gate: Gate, changes: pl.DataFrame) -> pl.DataFrame:
    """Changes with the gate's holds."""
    for why in gate.everything:
        changes = hold(changes, pl.lit(value=True), why)
    for why in gate.drops:
        changes = hold(changes, pl.col("action") == "drop", why)
    return changes


def hold_overwriting(gate: Gate, changes: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Changes with the gate's holds on rows that a person changed in Canvas, and that a repair is to bring back."""
    edited = ledger.filter("by_hand").select("file", "key", edited=pl.lit(value=True))
    if edited.is_empty():
        return changes
    mine = changes.select("file", "key").join(edited, on=["file", "key"], how="left", maintain_order="left")
    for why in gate.overwriting:
        changes = hold(changes, pl.lit(mine["edited"].fill_null(value=False)), why)
    return changes


def hold_undone(changes: pl.DataFrame, undone: frozenset[str]) -> pl.DataFrame:
    """Changes with a hold on what an undo took back and the source still says. undone: ledger.digest of such rows."""
    if not undone:
        return changes
    lines = changes.select("file", "key", "new").iter_rows()
    return hold(changes, pl.lit(pl.Series([digest(*line) in undone for line in lines], dtype=pl.Boolean)), UNDONE)


UNDONE = "undone: an undo took this back, and the source still says it"


def hold_taken_in(changes: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Changes with a hold on drops of what was adopted and may be another's: no roster of that day, no import since."""
    strange = ledger.filter((pl.col("sequence") == 0) & pl.col("row").is_not_null())
    if strange.is_empty():
        return changes
    caught = changes.select("file", "key").join(
        strange.select("file", "key", caught=pl.lit(value=True)), on=["file", "key"], how="left", maintain_order="left"
    )["caught"]
    return hold(changes, pl.lit(caught) & (pl.col("action") == "drop"), TAKEN_IN)


TAKEN_IN = "adopted: it was found in Canvas, the roster of that day had it not, and nothing was sent for it since"


def hold_unsure(changes: pl.DataFrame, unsure: pl.DataFrame) -> pl.DataFrame:
    """Changes with a hold on what the mapping of ids says something of that can't be right. unsure: file, key."""
    caught = changes.select("file", "key").join(
        unsure.with_columns(caught=pl.lit(value=True)).unique(), on=["file", "key"], how="left", maintain_order="left"
    )["caught"]
    return hold(changes, pl.lit(caught), UNSURE)


def hold_reused(changes: pl.DataFrame, ledger: pl.DataFrame, ended: Sequence[str]) -> pl.DataFrame:
    """Changes with a hold on courses that a term of `ended` had and that come in another term now, and on all in them.

    A source that gives last year's class ids anew would else carry last year's course, with what pupils handed in, into
    this year, take last year's pupils out of it and put this year's in.
    """
    terms = [pl.col(name).str.json_path_match("$.term_id") for name in ("old", "new")]
    moving = (pl.col("file") == "courses.csv") & (pl.col("action") == "update") & terms[0].is_in(ended)
    moved = changes.filter(moving & terms[0].ne_missing(terms[1]))["key"]
    if moved.is_empty():
        return changes
    sections = pl.concat([changes.select("file", "key", row="new"), live(ledger).select("file", "key", "row")])
    below = sections.filter((pl.col("file") == "sections.csv") & _field("course_id").is_in(moved.implode()))["key"]
    in_them = pl.col("new").str.json_path_match("$.section_id").is_in(below.implode())
    caught = (pl.col("file") == "courses.csv") & pl.col("key").is_in(moved.implode())
    caught |= pl.col("file").is_in(["sections.csv", "enrollments.csv"]) & in_them
    return hold(changes, caught, f"reused-id: {moved.len()} courses of a term that has ended come in another term now")


UNSURE = "id-change: the mapping takes two for one that are both there"


def hold_rekeyed(changes: pl.DataFrame, ledger: pl.DataFrame, absent: pl.DataFrame) -> pl.DataFrame:
    """Changes with a hold on the creates of a school that look like records of the ledger under new ids, and on the
    drops of those records: else a pupil would lose the old account while the new one waits.

    absent: LEDGER rows whose key is not there tonight, whether or not that proves anything. A user is recognised by
    log-in or e-mail; a section by its name and its course's name and term. It only holds: nothing is matched.
    """
    for file in ("users.csv", "sections.csv"):
        creates = changes.filter((pl.col("file") == file) & (pl.col("action") == "create"))
        gone = absent.filter(pl.col("file") == file).with_columns(row=pl.coalesce("row", "doubt"))
        if creates.is_empty() or gone.is_empty():
            continue
        old = _marks(gone.select("key", "school", "row"), file, _courses(ledger))
        new = _marks(creates.select("key", "school", row="new"), file, _courses(ledger, changes))
        known = new.join(old, on="mark", how="semi").group_by("school").agg(known=pl.col("key").n_unique())
        schools = (
            creates.group_by("school")
            .agg(all=pl.len())
            .join(known, on="school", nulls_equal=True)
            .filter((pl.col("known") >= REKEY_LEAST) & (pl.col("known") >= pl.col("all") * REKEY_SHARE))
        )
        for school, total, recognised in schools.sort("school").iter_rows():
            where = "without a school" if school is None else f"at {school}"
            stem = file.removesuffix(".csv")
            why = f"re-keyed: {recognised} of {total} new {stem} {where} look like ones known by other ids"
            at_school = pl.col("school").eq_missing(pl.lit(school, dtype=pl.String))
            before = old.join(new.filter(at_school), on="mark", how="semi")["key"]
            come = (pl.col("action") == "create") & at_school
            go = (pl.col("action") == "drop") & pl.col("key").is_in(before.implode())
            changes = hold(changes, (pl.col("file") == file) & (come | go), why)
    return changes


def _courses(ledger: pl.DataFrame, changes: pl.DataFrame | None = None) -> pl.DataFrame:
    """course_id, course (its name and term as one text), of the ledger and of the changes, which go first."""
    texts = ledger.filter(pl.col("file") == "courses.csv").select(row=pl.coalesce("row", "doubt"))
    if changes is not None:
        texts = pl.concat([changes.filter(pl.col("file") == "courses.csv").select(row="new"), texts])
    return texts.select(
        course_id=_field("course_id"),
        course=pl.concat_str(_field("long_name").fill_null(""), _field("term_id").fill_null(""), separator="\x1f"),
    ).unique("course_id", keep="first", maintain_order=True)


def _marks(rows: pl.DataFrame, file: str, courses: pl.DataFrame) -> pl.DataFrame:
    """key, school, mark: by what a record is recognised; a line per mark."""
    if file == "users.csv":
        found = pl.concat([rows.select("key", "school", mark=_field(name)) for name in ("login_id", "email")])
    else:
        known = rows.with_columns(name=_field("name"), course_id=_field("course_id"))
        known = known.filter(pl.col("name").is_not_null()).join(courses, on="course_id", how="left")
        mark = pl.concat_str("name", pl.col("course").fill_null(""), separator="\x1f")
        found = known.select("key", "school", mark=mark)
    return found.filter(pl.col("mark").is_not_null()).with_columns(pl.col("mark").str.to_lowercase()).unique()


def _field(name: str) -> pl.Expr:
    return pl.col("row").str.json_path_match(f"$.{name}")


def close_holds(changes: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    """Changes in which what refers to a held create waits with it, and drops wait together.

    What carries a new id waits for its change of ids, a further log-in for the person whose name it carries, and who
    takes a log-in for the one who gives it up.
    A drop waits for the held drop of what it refers to, and the other way round: a person's drops wait whole, and
    Canvas takes a section's enrolments along when it goes. frozen: (file, key) of what quarantine or scope leaves as it
    is; a frozen person's other drops wait as well.
    """
    if frozen.is_empty() and changes["holds"].list.len().sum() == 0:
        return changes
    numbered = changes.with_row_index("n")
    edges = _edges(numbered)
    resting = frozen.filter(pl.col("file") == "users.csv")["key"]
    spread = edges.filter((pl.col("target") == "users.csv") & pl.col("named").is_in(resting.implode()))
    seeds = spread.filter(pl.col("action") == "drop").select(n="child", why=pl.lit(_PERSON_HELD))
    joined = edges.join(
        numbered.select(target="file", named="key", parent="n", parent_action="action"), on=["target", "named"]
    )
    down, up = _ways(joined)
    down = pl.concat([down, _needs(renamed_in(numbered), _ID_HELD), _needs(passed_on(numbered), _LOG_IN_HELD)])
    held = pl.concat([numbered.filter(pl.col("holds").list.len() > 0)["n"], seeds["n"]]).unique()
    while True:
        waits = pl.concat(
            [
                seeds,
                down.filter(pl.col("from").is_in(held.implode())).select("n", "why"),
                up.filter(pl.col("from").is_in(held.implode())).select("n", "why"),
            ]
        ).unique()
        grown = pl.concat([held, waits["n"]]).unique()
        if grown.len() == held.len():
            break
        held = grown
    more = waits.group_by("n").agg(more=pl.col("why").sort())
    both = pl.col("holds").list.concat(pl.col("more").fill_null([])).list.unique(maintain_order=True)
    return (
        numbered.join(more, on="n", how="left", maintain_order="left").with_columns(holds=both).select(changes.columns)
    )


_PERSON_HELD = "waits for a person who is held"
_ID_HELD = "waits for a change of ids that is held"
_LOG_IN_HELD = "waits for a log-in of someone who is held"
_PERSON_PARTLY_HELD = "waits for this person's enrolments or links that are held"


def _edges(numbered: pl.DataFrame) -> pl.DataFrame:
    """A line per reference: child (n of a change), its file and action; target (file), named (key): to what."""
    found = [
        pl.DataFrame(
            schema={"child": pl.UInt32, "file": pl.String, "action": pl.String, "target": pl.String, "named": pl.String}
        )
    ]
    for module in FILES:
        own = numbered.filter(pl.col("file") == module.FILE).with_columns(row="new")
        for column, target in module.REFERS.items():
            edge = own.select("file", "action", child="n", target=pl.lit(target), named=_field(column))
            found.append(edge.select(found[0].columns))
    return pl.concat(found)


def _ways(joined: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(down, up): from (n of a change that is held), n (of the change that then waits), why."""
    both_drop = (pl.col("action") == "drop") & (pl.col("parent_action") == "drop")
    builds_on = (pl.col("action") != "drop") & (pl.col("parent_action") == "create")
    person = pl.col("target") == "users.csv"
    # The row of a further log-in carries the person's name, and would write it as theirs does.
    names = (pl.col("file") == "users.csv") & (pl.col("action") == "update") & (pl.col("parent_action") == "update")

    def that_are_held(column: str) -> pl.Expr:
        return pl.format("waits for {} that are held", pl.col(column).str.strip_suffix(".csv"))

    down_why = pl.when((both_drop & person) | names).then(pl.lit(_PERSON_HELD)).otherwise(that_are_held("target"))
    up_why = pl.when(person).then(pl.lit(_PERSON_PARTLY_HELD)).otherwise(that_are_held("file"))
    down = joined.filter(both_drop | builds_on | names).select(pl.col("parent").alias("from"), n="child", why=down_why)
    up = joined.filter(both_drop).select(pl.col("child").alias("from"), n="parent", why=up_why)
    return down, up


def _needs(edges: pl.DataFrame, why: str) -> pl.DataFrame:
    """from, n, why of edges (n, from)."""
    return edges.select("from", "n", why=pl.lit(why))


def first_ledger(ledger: pl.DataFrame) -> bool:
    """True where nothing was ever sent: then every create is free (in test)."""
    return ledger.is_empty()
