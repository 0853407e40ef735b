"""The report of an undo as a page for a browser: what was done, by file and school, and row by row what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from roster.absence import LEFT
from roster.canvas.wanted import SEPARATOR
from roster.runs import reading
from roster.steps import Done, Night
from roster.steps.pages import page
from roster.steps.report_page import ACTIONS, FILES
from roster.steps.undo import WORDS
from roster.undo import REASONS

SHOWN = 500
"""Rows that the page lists; the CSV file has all."""
DONE = {
    "create": "came back",
    "update": "as before",
    "drop": "taken back",
    "park": "log-in in between",
    "not_undone": "not undone",
    "refused": "refused",
    "doubt": "in doubt",
}


def not_undone(night: Night, shown: Done | None) -> pl.DataFrame:
    """Rows that are not undone, with their keys as people read them: file, key, school, reason (of roster.undo)."""
    if shown is None:
        return pl.DataFrame(schema=LEFT)
    with reading(night.store, shown["path"]) as folder:
        left = pl.read_parquet(folder / "left.parquet")
    return left.with_columns(pl.col("key").str.replace_all(SEPARATOR, " / ", literal=True))


def as_page(content: Mapping[str, Any], left: pl.DataFrame, names: Mapping[str, str]) -> str:
    """The page of a report as `undo_report` makes it. left: what `not_undone` found; names: of schools."""
    lines = [*_lines(content["undo"])]
    went = content["load"] is not None
    actions = [action for action in ACTIONS if any(line["what"] == action for line in lines)]
    tiles = dict.fromkeys(("create", "update", "drop", "not_undone"), 0)
    for line in lines:
        tiles[line["what"]] = tiles.get(line["what"], 0) + line["rows"]
    if went:
        tiles |= {name: content["load"]["counts"][name] for name in ("refused", "doubt")}
    columns = [*actions, *(["not_undone"] if left.height else [])]
    return page("undo.html").render(
        report=content,
        went=went,
        outcome="failed" if content["failed"] else "done" if went else "nothing was sent",
        tiles=tiles,
        labels=DONE if went else {**DONE, **WORDS},
        columns=columns,
        files=_counted(lines, "file", FILES),
        schools=_counted(lines, "school"),
        names=names,
        reasons=_reasons(content["undo"]),
        rows=left.head(SHOWN).with_columns(why=pl.col("reason").replace(REASONS)).to_dicts(),
        more=max(0, left.height - SHOWN),
    )


def _lines(undo: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """file, school, what (an action, or `not_undone`), rows."""
    if undo is None:
        return []
    return [
        *({**line, "what": line["action"]} for line in undo["counts"]["changes"]),
        *({**line, "what": "not_undone"} for line in undo["counts"]["not_undone"]),
    ]


def _counted(lines: list[dict[str, Any]], by: str, order: tuple[str, ...] = ()) -> dict[Any, Counter[str]]:
    """Rows by what was done with them, of each file or school; in that order, else those with most of them first."""
    found: dict[Any, Counter[str]] = {}
    for line in lines:
        found.setdefault(line[by], Counter())[line["what"]] += line["rows"]
    if order:
        return {name: found[name] for name in order if name in found}
    return dict(sorted(found.items(), key=lambda item: (-item[1].total(), item[0] or "")))


def _reasons(undo: Mapping[str, Any] | None) -> list[tuple[str, str, int]]:
    """(why, file, rows) of what is not undone, in the order of REASONS."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in undo["counts"]["not_undone"] if undo else ():
        counts[line["reason"], line["file"]] += line["rows"]
    return [(REASONS[why], file, counts[why, file]) for why in REASONS for file in FILES if counts[why, file]]
