"""Undoing an import: what it sent, turned round against the ledger of this moment.

What was updated gets the row from before it, what was dropped comes back, people who were created are suspended, their
enrolments and links deleted. What was created besides (accounts, terms, courses, sections) may hold people's work: it
is listed and stays. What Canvas refused needs no undoing; what is in doubt is listed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from roster.absence import LEFT
from roster.canvas import ID_CHANGES
from roster.journal import GIVING_BACK, OVERRIDING
from roster.ledger_rows import decoded, digest
from roster.log_ins import LAST_STAGE, in_between, staged
from roster.plan import CHANGES, FILE_ORDER

Later = Literal["leave", "undo"]
UNMADE = ("users.csv", "enrollments.csv", "admins.csv", "user_observers.csv")
"""Files of which a row that was created can be taken back without anybody's work being lost."""

# Why a row of the import is not undone.
REASONS = {
    "created": "it was made by the import and stays: delete it in Canvas by hand, if nothing in it is needed",
    "later": "a later import changed it, and this run leaves such rows as they are",
    "doubt": "nobody knows whether Canvas took it: the next night asks again",
    "before-in-doubt": "what Canvas had before was in doubt, so there is no certain row to go back to",
    "id-change": "a change of ids is turned round by a line in the mapping, not here",
    "gone": "the ledger does not have it under this id any more",
    "refused": "Canvas refused it, so there is nothing to undo",
    "already": "Canvas has the row from before again",
}

# Why Canvas is not asked to restore the states that the import changed.
UNRESTORED = {
    "nothing": "the import deleted nothing",
    "left": "something that it deleted stays so, or later imports changed its rows: Canvas restores all or none",
    "moved": "the ledger has moved on since the undo was shown",
    "old": "the import is older than the 30 days for which Canvas keeps states",
}


@dataclass(frozen=True)
class Undoing:
    """changes: CHANGES to send. left: absence.LEFT, by a reason of REASONS. later: how many rows a
    later import changed.
    """

    changes: pl.DataFrame
    left: pl.DataFrame
    later: int


@dataclass(frozen=True)
class _Row:
    """A row that the import sent, with the ledger's line before it, after it, and now."""

    sent: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]
    now: dict[str, Any]

    @property
    def outcome(self) -> str:
        """What became of it: sent, refused or doubt."""
        new = self.sent["new"]
        if self.after.get("doubt") == new:
            return "doubt"
        return "refused" if self.after.get("refused") == new else "sent"

    @property
    def is_later(self) -> bool:
        """True if a later import changed what Canvas has of it."""
        kept = ("row", "dropped")
        return any(self.after.get(name) != self.now.get(name) for name in kept) or self.now.get("doubt") is not None


def invert(
    sent: pl.DataFrame,
    before: pl.DataFrame,
    after: pl.DataFrame,
    now: pl.DataFrame,
    *,
    later: Later,
    user_word: str = "suspended",
    overrode: frozenset[tuple[str, str]] = frozenset(),
) -> Undoing:
    """The inverse of an import. sent: its SENT; before, after, now: LEDGER of the version before it, its own, today's.

    later: what becomes of rows that later imports changed. user_word: the status of people who were created. overrode:
    file and key of rows that it wrote over what people had changed: so does the inverse, or Canvas would pass it over.
    """
    changes, left, touched = [], [], 0
    for row in _rows(sent, before, after, now):
        touched += row.is_later and row.outcome == "sent"
        if reason := _stays(row, later):
            left.append({**_named(row), "reason": reason})
            continue
        change = _change(row, user_word, overrode)
        if change["new"] == row.now["row"] and (change["action"] == "drop") == row.now["dropped"]:
            left.append({**_named(row), "reason": "already"})
            continue
        changes.append(change)
    order = pl.col("file").replace_strict(FILE_ORDER, return_dtype=pl.Int64)
    return Undoing(
        _with_log_ins(changes).sort(order, "key", "action"),
        pl.DataFrame(left, schema=LEFT).sort("file", "key"),
        touched,
    )


def unrestored(sent: pl.DataFrame, made: Undoing, later: Later) -> str | None:
    """Why the states that an import changed are not restored, a word of UNRESTORED; None where Canvas is asked to.

    Canvas brings back all that the import deleted, also what no row of the inverse speaks of: what stays by decision
    would come back too, behind the ledger's back.
    """
    status = pl.col("new").str.json_path_match("$.status")
    deleted = sent.filter(pl.col("action") == "drop", status == "deleted").select("file", "key")
    harmless = made.left.filter(pl.col("reason").is_in(["refused", "already"]))
    deleted = deleted.join(harmless, on=["file", "key"], how="anti")
    if deleted.is_empty():
        return "nothing"
    stays = not deleted.join(made.changes, on=["file", "key"], how="anti").is_empty()
    return "left" if stays or (made.later and later == "leave") else None


def freed(changes: pl.DataFrame) -> int:
    """How many accounts that are suspended lose their log-in, because it goes back to whoever had it."""
    people = changes.filter(pl.col("file") == "users.csv", pl.col("action") == "drop")
    log_in = (pl.col(name).str.json_path_match("$.login_id") for name in ("old", "new"))
    return people.filter(next(log_in) != next(log_in)).height


def digests(sent: pl.DataFrame, changes: pl.DataFrame) -> list[str]:
    """The digests of the rows of an import that these changes undo: the next night is not to send them again."""
    undone = sent.join(changes.select("file", "key").unique(), on=["file", "key"], how="semi")
    undone = undone.filter(pl.col("action") != "park")
    return sorted({digest(*line) for line in undone.select("file", "key", "new").iter_rows()})


def _rows(sent: pl.DataFrame, *ledgers: pl.DataFrame) -> Iterator[_Row]:
    asked = sent.filter(pl.col("action") != "park")
    sides = []
    for ledger in ledgers:
        known = ledger.join(asked.select("file", "key"), on=["file", "key"], how="semi")
        sides.append({(line["file"], line["key"]): line for line in known.iter_rows(named=True)})
    for line in asked.iter_rows(named=True):
        yield _Row(line, *(side.get((line["file"], line["key"]), {}) for side in sides))


def _stays(row: _Row, later: Later) -> str | None:
    """Why the row is not undone; None where it is."""
    if row.sent["file"] == ID_CHANGES:
        return "id-change"
    if row.outcome != "sent":
        return row.outcome
    if not row.now or row.now["row"] is None:
        return "gone"
    if row.before.get("doubt") is not None:
        return "before-in-doubt"
    if row.before.get("row") is None and row.sent["file"] not in UNMADE:
        return "created"
    return "later" if row.is_later and later == "leave" else None


def _change(row: _Row, user_word: str, overrode: frozenset[tuple[str, str]]) -> dict[str, Any]:
    was, file = row.before.get("row"), row.sent["file"]
    if was is None:
        word = user_word if file == "users.csv" else "deleted"
        new = json.dumps({**decoded(row.now["row"]), "status": word}, ensure_ascii=False, separators=(",", ":"))
        action, columns = "drop", row.now["columns"]
    else:
        new, columns = was, row.before["columns"]
        back = "create" if row.now["dropped"] else "update"
        action = "drop" if row.before["dropped"] else back
    stage = OVERRIDING if (file, row.sent["key"]) in overrode else LAST_STAGE
    return {
        **_named(row),
        "action": action,
        "old": row.now["row"],
        "new": new,
        "columns": columns,
        "why": "undo",
        "limited": False,
        "holds": [],
        "part": "free",
        "stage": GIVING_BACK if row.before.get("by_hand") else stage,
    }


def _with_log_ins(changes: list[dict[str, Any]]) -> pl.DataFrame:
    """CHANGES with the import each goes in. A person whom the import made is suspended and would keep a log-in that
    goes back to somebody else: theirs becomes one in between, ahead of the others.
    """
    people = [one for one in changes if one["file"] == "users.csv"]
    wanted = {_log_in(one) for one in people if one["action"] != "drop"} - {None}
    keeping = [one for one in people if one["action"] == "drop" and _log_in(one) in wanted]
    for one in keeping:
        row = decoded(one["new"]) or {}
        row["login_id"] = in_between(one["key"])
        one |= {"new": json.dumps(row, ensure_ascii=False, separators=(",", ":")), "action": "update"}
    made = staged(pl.DataFrame(changes, schema=CHANGES)).cast(CHANGES)
    suspended = pl.col("key").is_in([one["key"] for one in keeping]) & (pl.col("file") == "users.csv")
    action = pl.when(suspended & (pl.col("action") == "update")).then(pl.lit("drop")).otherwise("action")
    return made.with_columns(action=action).cast(CHANGES)


def _log_in(change: dict[str, Any]) -> str | None:
    log_in = (decoded(change["new"]) or {}).get("login_id")
    return log_in.lower() if log_in else None


def _named(row: _Row) -> dict[str, Any]:
    return {"file": row.sent["file"], "key": row.sent["key"], "school": row.now.get("school") or row.sent["school"]}
