"""The rosters of several sources as one.

What a source provides is taken from it, in the order of the tenant file. Records are of one person, class or school
only where the tenant declares by which column (`match`), never by name. The source that comes first then wins for every
field but those that a later one `wins`, and a later one fills its blanks. What a record refers to is translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from roster.model import LINEAGE, SCHEMAS, TABLES, Roster
from roster.settings import SourceSettings
from roster.settings.grammar import PROVIDED, Provided

KINDS: Mapping[str, str] = {"students": "student", "staff": "staff", "guardians": "guardian"}
"""Things that are users, by their kind."""
REFERS: Mapping[str, Mapping[str, Provided]] = {
    "orgs": {"parent_id": "orgs"},
    "academic_sessions": {"school_id": "orgs"},
    "courses": {"school_id": "orgs"},
    "classes": {"course_id": "courses", "school_id": "orgs", "session_id": "academic_sessions"},
}
"""table → column → the thing that it names."""
NAMES: Mapping[str, Mapping[str, tuple[Provided, ...]]] = {
    "enrollments": {"class_id": ("classes",), "user_id": ("students", "staff")},
    "guardians": {"guardian_id": ("guardians", "staff"), "student_id": ("students",)},
}
"""The same of what joins people to classes, and to each other: column → the things of which it names one."""
FOLDED = ("username", "email")
"""Columns in which case makes no difference."""
# table, record: as in the merged roster. what: unclear (it can't be told whose record this is), differs, or lost (of no
# record: some of the table name who can't be told, so that what they named until now may only seem to be gone).
CONFLICTS = pl.Schema({"table": pl.String, "record": pl.String, "what": pl.String, "detail": pl.String})

LOST = "lost"

_IDS = pl.Schema({"own": pl.String(), "merged": pl.String()})
_COMPARED = ("name", "title", "given_name", "family_name", "email", "username")


@dataclass
class _Merging:
    """What is merged so far."""

    tables: dict[str, pl.DataFrame]
    lineage: list[pl.DataFrame] = field(default_factory=list)
    conflicts: list[pl.DataFrame] = field(default_factory=list)


def merge(rosters: Mapping[str, Roster], sources: Sequence[SourceSettings]) -> tuple[Roster, pl.DataFrame]:
    """(the roster of all sources, CONFLICTS). rosters: by the source's name."""
    [first, *others] = [source for source in sources if source.name in rosters]
    if not others and set(first.provides) == set(PROVIDED):
        return rosters[first.name], pl.DataFrame(schema=CONFLICTS)
    merging = _Merging({table: pl.DataFrame(schema=SCHEMAS[table]) for table in TABLES})
    for source in (first, *others):
        _add(merging, rosters[source.name], source)
    lineage = pl.concat([pl.DataFrame(schema=LINEAGE), *merging.lineage])
    conflicts = pl.concat([pl.DataFrame(schema=CONFLICTS), *merging.conflicts])
    return Roster.of({**merging.tables, "lineage": lineage}), conflicts


def _add(merging: _Merging, roster: Roster, source: SourceSettings) -> None:
    """Take what the source provides, and the fields that it wins."""
    names = [*TABLES, "lineage"]
    own = dict(zip(names, pl.collect_all([getattr(roster, name) for name in names]), strict=True))
    things = [thing for thing in PROVIDED if thing != "enrollments"]
    told: dict[Provided, tuple[pl.DataFrame, pl.Series]] = {
        thing: _ids(merging, own, thing, source) for thing in things
    }
    ids: dict[str, pl.DataFrame] = {thing: known for thing, (known, _) in told.items()}
    named: dict[tuple[Provided, ...], pl.DataFrame] = {
        of: _named(merging, own, of, source, ids)
        for of in (*((thing,) for thing in things), *(of for columns in NAMES.values() for of in columns.values()))
    }
    kept = [_take(merging, own, thing, source, ids, named) for thing in things]
    for table, columns in NAMES.items():
        if table in source.provides:
            for column, of in columns.items():
                doubtful = pl.concat([told[thing][1] for thing in of])
                merging.conflicts += _lost(own[table], (table, column), doubtful, source)
            rows = own[table].with_columns(_translated(column, named[of]) for column, of in columns.items())
            kept.append(_join(merging, table, rows, source))
    merging.lineage.append(_lineage(own["lineage"], pl.concat([frame.cast(_KEPT) for frame in kept])))


def _join(merging: _Merging, table: str, rows: pl.DataFrame, source: SourceSettings) -> pl.DataFrame:
    """Take enrolments or links; one whose id an earlier source gave to another has it apart. _KEPT."""
    before = merging.tables[table]["sourced_id"].implode()
    apart = pl.when(pl.col("sourced_id").is_in(before)).then(pl.lit(f"{source.name}/") + pl.col("sourced_id"))
    rows = rows.with_columns(own="sourced_id", sourced_id=pl.coalesce(apart, "sourced_id"))
    merging.tables[table] = pl.concat([merging.tables[table], rows.drop("own")])
    return rows.select(pl.lit(table).alias("table"), "own", merged="sourced_id", fields=None)


_Named = Mapping[tuple[Provided, ...], pl.DataFrame]
"""Things → _IDS by which references to one of them are translated."""
_KEPT = pl.Schema({"table": pl.String(), **_IDS, "fields": pl.List(pl.String)})
"""Records that went in, by table: own and merged id; fields: those alone that were taken, null for the whole."""


def _rows(tables: Mapping[str, pl.DataFrame], thing: str) -> pl.DataFrame:
    if thing in KINDS:
        return tables["users"].filter(pl.col("kind") == KINDS[thing])
    return tables[thing]


def _ids(
    merging: _Merging, own: Mapping[str, pl.DataFrame], thing: Provided, source: SourceSettings
) -> tuple[pl.DataFrame, pl.Series]:
    """(_IDS of the source's records that are records of the merged roster, ids of those that may be one of them).

    Of what is provided, what can't be told is a conflict. Where an earlier record has no key of its own, any record
    that is not matched may be it.
    """
    match = source.match.get(thing)
    earlier = _rows(merging.tables, thing)
    if match is None or earlier.is_empty():
        return pl.DataFrame(schema=_IDS), pl.Series(dtype=pl.String)
    ours, _, theirs = (part.strip() for part in match.partition("="))
    mine = _keyed(_rows(own, thing), ours, "own")
    found = _keyed(earlier, theirs or ours, "merged")
    several = [frame.filter(pl.col("key").is_duplicated()).select("key").unique() for frame in (mine, found)]
    unclear = mine.filter(pl.col("key").is_null() | pl.col("key").is_in(pl.concat(several)["key"].implode()))
    blank, said = pl.col("key").is_null(), f"no {ours} to be matched by"
    why: pl.Expr = pl.when(blank).then(pl.lit(said)).otherwise(pl.lit(f"{ours} of several records"))
    if found["key"].is_null().all():
        unclear, why = mine, pl.lit(f"no record before it has {theirs or ours} to be matched by")
    if thing in source.provides:
        _conflict(merging, thing, unclear.select(record="own", detail=why), "unclear")
    clear = mine.join(unclear, on="own", how="anti").join(found, on="key")
    doubtful = mine.join(clear, on="own", how="anti") if found["key"].null_count() else unclear
    return clear.select(_IDS.names()), doubtful["own"]


def _lost(
    rows: pl.DataFrame, place: tuple[str, str], doubtful: pl.Series, source: SourceSettings
) -> list[pl.DataFrame]:
    """The conflict that rows name one of these, if any do. place: table and column."""
    table, column = place
    if not (count := rows.filter(pl.col(column).is_in(doubtful.implode())).height):
        return []
    why = f"{source.name}: {count:,} {table} have a {column} that can't be told: a key is blank or used twice"
    return [pl.DataFrame([(table, None, LOST, why)], schema=CONFLICTS, orient="row")]


def _keyed(rows: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    """Each id once, with its key."""
    key = pl.col(column).str.to_lowercase() if column in FOLDED else pl.col(column)
    return rows.select(pl.col("sourced_id").alias(name), key=key).drop_nulls(name).unique(maintain_order=True)


def _take(
    merging: _Merging,
    own: Mapping[str, pl.DataFrame],
    thing: Provided,
    source: SourceSettings,
    ids: Mapping[str, pl.DataFrame],
    named: _Named,
) -> pl.DataFrame:
    """Take the source's records of one thing: what is matched into the records there are, the rest as it is. _KEPT."""
    table = "users" if thing in KINDS else thing
    rows = _referring(_rows(own, thing), table, source, named)
    matched = rows.join(ids[thing], left_on="sourced_id", right_on="own").unique("merged", keep="first")
    provided = thing in source.provides
    kept = [_update(merging, table, thing, matched, source)]
    if provided:
        new = rows.join(ids[thing], left_on="sourced_id", right_on="own", how="anti", nulls_equal=False)
        merging.tables[table] = pl.concat([merging.tables[table], new])
        kept.append(new.select(pl.lit(table).alias("table"), own="sourced_id", merged="sourced_id", fields=None))
    return pl.concat([frame.cast(_KEPT) for frame in kept])


def _referring(rows: pl.DataFrame, table: str, source: SourceSettings, named: _Named) -> pl.DataFrame:
    """The rows with what they refer to translated; people of a source that has no schools to tell are of none."""
    if table != "users":
        return rows.with_columns(_translated(column, named[thing,]) for column, thing in REFERS[table].items())
    if "orgs" not in source.provides and "orgs" not in source.match:
        nowhere = pl.lit([], dtype=pl.List(pl.String))
        return rows.with_columns(school_id=pl.lit(None, dtype=pl.String), school_ids=nowhere)
    known = dict(named["orgs",].iter_rows())
    schools = pl.col("school_ids").list.eval(pl.element().replace(known))
    return rows.with_columns(_translated("school_id", named["orgs",]), school_ids=schools)


def _translated(column: str, ids: pl.DataFrame) -> pl.Expr:
    return pl.col(column).replace(dict(ids.iter_rows())) if ids.height else pl.col(column)


def _named(
    merging: _Merging,
    own: Mapping[str, pl.DataFrame],
    things: Sequence[Provided],
    source: SourceSettings,
    ids: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    """_IDS by which the source's references to one of these things are translated.

    An id that nothing declared matches is never taken for an earlier source's that happens to be the same; nor one that
    several of these things have, some of them matched. Such a reference names nobody, and is found by the rules.
    """
    known = pl.concat([ids[thing] for thing in things]).unique("own", keep="first", maintain_order=True)
    each = pl.concat([_rows(own, thing).select(own="sourced_id").unique() for thing in things])
    several = known.filter(pl.col("own").is_in(each.filter(pl.col("own").is_duplicated())["own"].implode()))
    theirs = pl.concat([_rows(merging.tables, thing).select(own="sourced_id") for thing in things]).unique()
    strange = pl.concat([theirs.join(known, on="own", how="anti"), several.select("own")]).drop_nulls()
    apart = strange.with_columns(merged=pl.lit(f"{source.name}/") + pl.col("own"))
    return pl.concat([known.join(several, on="own", how="anti"), apart])


def _update(
    merging: _Merging, table: str, thing: Provided, matched: pl.DataFrame, source: SourceSettings
) -> pl.DataFrame:
    """Fields of the matched records: those that the source wins, and blanks where it provides the thing. _KEPT.

    A status that is blank is none to be filled: it says that the person is there.
    """
    wins, provided = source.wins.get(thing, ()), thing in source.provides
    columns = [one for one in SCHEMAS[table] if one not in ("sourced_id", "kind", "school_ids")]
    taken = [one for one in columns if one in wins or (provided and one != "status")]
    if matched.is_empty() or not (taken or provided):
        return pl.DataFrame(schema=_KEPT)
    offered = matched.select(
        pl.col("merged").alias("sourced_id"),
        pl.col("sourced_id").alias("own"),
        *(pl.col(one).alias(f"{one}*") for one in taken),
    )
    kind = pl.col("kind") == KINDS[thing] if thing in KINDS else pl.lit(value=True)
    before = merging.tables[table]
    side = before.with_row_index("n").filter(kind).join(offered, on="sourced_id", how="inner")
    differ = {one: _differs(one) for one in taken if one in _COMPARED and one not in wins}
    for one, differs in differ.items():
        detail = pl.lit(f"{one} is another in {source.name}")
        _conflict(merging, thing, side.filter(differs).select(record="sourced_id", detail=detail), "differs")
    comes = {one: pl.col(f"{one}*").is_not_null() & (pl.lit(one in wins) | pl.col(one).is_null()) for one in taken}
    updated = side.with_columns(pl.when(comes[one]).then(f"{one}*").otherwise(one).alias(one) for one in taken).select(
        "n", *before.columns
    )
    others = before.with_row_index("n").join(updated.select("n"), on="n", how="anti")
    merging.tables[table] = pl.concat([others, updated]).sort("n").drop("n")
    fields = pl.concat_list([pl.when(expr).then(pl.lit(one)) for one, expr in comes.items()]).list.drop_nulls()
    return side.select(pl.lit(table).alias("table"), own="own", merged="sourced_id", fields=fields)


def _differs(column: str) -> pl.Expr:
    both = pl.col(column).is_not_null() & pl.col(f"{column}*").is_not_null()
    return both & (pl.col(column).str.to_lowercase() != pl.col(f"{column}*").str.to_lowercase())


def _conflict(merging: _Merging, thing: str, found: pl.DataFrame, what: str) -> None:
    table = "users" if thing in KINDS else thing
    rows = found.select(table=pl.lit(table), record="record", what=pl.lit(what), detail="detail")
    merging.conflicts.append(rows.cast(CONFLICTS))


def _lineage(own: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The source's lineage of the records that went in, by their merged ids."""
    once = kept.unique(["table", "own", "merged"], keep="first").rename({"own": "record"})
    lines = own.drop("fields").join(once, on=["table", "record"], nulls_equal=True)
    return lines.with_columns(record="merged").select(*LINEAGE)
