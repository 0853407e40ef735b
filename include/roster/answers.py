"""Canvas's answer to an import, row by row: nothing is acknowledged, so it is told from messages and counts.

A row is *sent* if its import ended, no message refuses it, and Canvas counted as many rows of its file as it should
have; *refused* if a message says so; else *in doubt*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from roster.canvas import ID_CHANGES, KEPT_IN
from roster.canvas.logins import csv
from roster.canvas.messages import ImportMessage, classify
from roster.journal import OUTCOMES, in_doubt

ENDED = frozenset({"imported", "imported_with_messages", "failed_with_messages"})
FINAL = ENDED | {"failed", "aborted"}
BROKEN_OFF = "canvas-import-error"  # of messages.RULES: a part of the file may have been applied

# What Canvas says of a drop whose person or section it has no more, as when the row went along with a deleted user:
# it is what was asked for.
GONE_ALREADY = (
    "canvas-enrollment-deleted-user",
    "canvas-enrollment-deleted-login",
    "canvas-enrollment-unknown-user",
    "canvas-enrollment-unknown-section",
    "canvas-observer-unknown-user",
    "canvas-cross-list-unknown-section",
    "canvas-admin-unknown-user",
)

CHANGED_ALREADY = "canvas-id-change-unknown"
LOGIN_THERE = "canvas-login-exists"

# Canvas's names of files in its counts, where they are not the file's own.
COUNTED_AS = {ID_CHANGES: "change_sis_ids"}

# One line per message. row: number in our CSV, null where the message is about a file or the whole import.
PROBLEMS = pl.Schema(
    {
        "file": pl.String,
        "row": pl.Int64,
        "key": pl.String,
        "school": pl.String,
        "outcome": pl.String,
        "rule": pl.String,
        "message": pl.String,
        "advice": pl.String,
        "again": pl.Boolean,
    }
)


@dataclass(frozen=True)
class Answer:
    """outcomes: ledger.OUTCOMES of every row sent. problems: PROBLEMS. doubts: why rows are in doubt, in counts."""

    outcomes: pl.DataFrame
    problems: pl.DataFrame
    doubts: tuple[str, ...]

    @property
    def newly_refused(self) -> int:
        """Rows refused that the ledger does not already have as refused in the same words."""
        new = self.problems.filter((pl.col("outcome") == "refused") & ~pl.col("again")).select("file", "row").unique()
        refused = self.outcomes.filter(pl.col("outcome") == "refused")
        told = self.problems.filter(pl.col("row").is_not_null()).select("file", "row").unique()
        silent = refused.join(told, on=["file", "row"], how="anti")  # rows of a file that Canvas did not read at all
        return refused.join(new, on=["file", "row"], how="semi").height + silent.height

    def count(self, outcome: str) -> int:
        """How many rows ended that way."""
        return self.outcomes.filter(pl.col("outcome") == outcome).height


def read(
    sent: pl.DataFrame,
    state: str,
    counts: Mapping[str, int],
    messages: Sequence[ImportMessage],
    before: pl.DataFrame,
) -> Answer:
    """What became of the rows in `sent` (ledger.SENT).

    state: workflow_state of the ended import. counts: data.counts. messages: all of /errors. before: file, key, refused
    and doubt of the ledger, so that a row refused again (the same row) is told from a new refusal.
    """
    sent = sent.with_columns(file=csv())
    problems, uncounted, whole_files = _read_messages(sent, messages, before)
    if state not in ENDED:
        reason = f"the import ended as {state}: any of its {sent.height} rows may have been applied"
        return Answer(in_doubt(sent), problems, (reason,) if sent.height else ())
    refused = problems.filter(pl.col("outcome") == "refused").select("file", "row").unique()
    outcomes = sent.select("file", "row", "new").join(
        refused.with_columns(outcome=pl.lit("refused")), on=["file", "row"], how="left"
    )
    doubts, doubtful = [], []
    broken_off = set(problems.filter(pl.col("rule") == BROKEN_OFF)["file"])
    for (file,), rows in outcomes.group_by("file", maintain_order=True):
        name = str(file)
        counted = counts.get(COUNTED_AS.get(name, name.removesuffix(".csv")), 0)
        if doubt := _doubt(name, rows, uncounted, counted, whole=name in whole_files, broken_off=name in broken_off):
            doubtful.append(name)
            doubts.append(f"{name}: {doubt}")
    settled = outcomes.select(
        "file",
        "row",
        outcome=pl.when(pl.col("file").is_in(whole_files) & ~pl.col("file").is_in(doubtful))
        .then(pl.lit("refused"))
        .when(pl.col("outcome").is_not_null())
        .then("outcome")
        .when(pl.col("file").is_in(doubtful))
        .then(pl.lit("doubt"))
        .otherwise(pl.lit("sent")),
    )
    if (astray := _astray(sent, settled)).height:
        doubts.append(f"courses.csv: {astray.height} rows name a term that Canvas did not take, and may be in another")
        settled = settled.join(astray, on=["file", "row"], how="left", maintain_order="left").select(
            "file", "row", outcome=pl.coalesce("astray", "outcome")
        )
    return Answer(settled.cast(OUTCOMES), problems, tuple(doubts))


def _astray(sent: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """file, row, astray of the courses that were taken although their new term was not.

    Canvas passes over a term it does not know without a word, and puts a new course into its default term.
    """
    told = sent.join(outcomes, on=["file", "row"])
    wanting = (pl.col("file") == "terms.csv") & (pl.col("action") == "create") & (pl.col("outcome") != "sent")
    terms = told.filter(wanting)["key"]
    named = pl.col("new").str.json_path_match("$.term_id").is_in(terms.implode())
    courses = told.filter((pl.col("file") == "courses.csv") & (pl.col("outcome") == "sent") & named)
    return courses.select("file", "row", astray=pl.lit("doubt"))


def _doubt(
    file: str, rows: pl.DataFrame, uncounted: pl.DataFrame, counted: int, *, whole: bool, broken_off: bool
) -> str | None:
    """Why the rows of a file that no message refuses can't be taken for applied; None where they can."""
    if broken_off:
        return f"Canvas broke off in it, any of its {rows.height} rows may have been applied"
    if whole:
        return f"Canvas refused the file, and counted {counted} of its rows all the same" if counted else None
    numbers = uncounted.filter(pl.col("file") == file)["row"]
    missing = int(numbers.is_in(rows["row"].implode()).sum())
    if missing < numbers.len():
        return f"Canvas refused {numbers.len() - missing} rows by numbers that were not sent"
    # A user deleted before is passed over without count or message, and is what was asked for.
    deleted = pl.col("new").str.json_path_match("$.status") == "deleted"
    passed_over = rows.filter(deleted).height if file == "users.csv" else 0
    expected = rows.height - missing
    if expected - passed_over <= counted <= expected:
        return None
    return f"Canvas counted {counted} rows where {expected} should have been applied"


def _read_messages(
    sent: pl.DataFrame, messages: Sequence[ImportMessage], before: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """(PROBLEMS, file and row of rows that Canvas did not count, files it did not read at all)."""
    lines, uncounted, whole_files = [], [], []
    for message in messages:
        reading = classify(message.message)
        file = (message.file or "").rpartition("/")[2] or None
        if reading.outcome == "file" and file:
            whole_files.append(file)
        if not reading.counted and message.row is not None:
            uncounted.append((file, message.row))
        lines.append((file, message.row, reading.outcome, reading.rule, message.message, reading.advice))
    told = pl.DataFrame(
        lines,
        schema={
            "file": pl.String,
            "row": pl.Int64,
            "outcome": pl.String,
            "rule": pl.String,
            "message": pl.String,
            "advice": pl.String,
        },
        orient="row",
    )
    known = sent.select("file", "row", "key", "school", "new", "action", "old").with_columns(
        kept_in=pl.col("file").replace(KEPT_IN)
    )
    # Nothing has the old id, and a change to the new one was in doubt: it has happened.
    happened = (pl.col("action") == "rename") & (pl.col("rule") == CHANGED_ALREADY) & pl.col("old").is_not_null()
    # Canvas has such a log-in, and whether ours had come was not known: it had, unless Canvas had refused just that.
    has_come = (pl.col("rule") == LOGIN_THERE) & (pl.col("doubt") == pl.col("new")) & ~pl.col("again")
    problems = (
        told.join(known, on=["file", "row"], how="left")
        .join(before.select("key", "refused", "doubt", kept_in="file"), on=["kept_in", "key"], how="left")
        .with_columns(again=(pl.col("refused") == pl.col("new")).fill_null(value=False))
        .with_columns(
            outcome=pl.when(((pl.col("action") == "drop") & pl.col("rule").is_in(GONE_ALREADY)) | happened | has_come)
            .then(pl.lit("applied"))
            .otherwise("outcome"),
        )
    )
    rows = pl.DataFrame(uncounted, schema={"file": pl.String, "row": pl.Int64}, orient="row").unique()
    return problems.select(*PROBLEMS).cast(PROBLEMS), rows, sorted(set(whole_files))
