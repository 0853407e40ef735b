"""The linter: files in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from roster.lint.exact import Spoiled
from roster.lint.findings import Report
from roster.lint.kinds import KINDS, NAMES, Kind, kind_of
from roster.lint.pieces import Reader
from roster.lint.rows import Check, checks, named
from roster.lint.standing import Standing
from roster.lint.uploads import BROKEN, Csv, csvs


@dataclass(frozen=True)
class _File:
    csv: Csv
    kind: Kind
    header: list[str]


def lint(paths: Sequence[Path], *, whole: bool = True, roles: Collection[str] = (), most: int = 10) -> Report:
    """Read files, folders and zips as one import. whole: False where the set is changes only, and what it refers to may
    be in Canvas already. roles: the account's own. most: how many places each finding keeps; 0 for all.
    """
    report = Report(most)
    files = [file for csv in csvs(paths, report) if (file := _recognised(csv, report))]
    standing = Standing(report, whole=whole)
    for kind in KINDS:
        for file in files:
            if file.kind is kind:
                _read(file, standing, report, roles, whole=whole)
        standing.close(kind)
    return report


def _recognised(csv: Csv, report: Report) -> _File | None:
    report.files[csv.name] = (None, 0)
    try:
        with csv.open() as stream:
            reader = Reader(stream, 1 << 16)
    except Spoiled as fault:
        report.refuse(fault.rule, csv.name, fault.line)
        return None
    except BROKEN:
        report.refuse("zip-unreadable", csv.name)
        return None
    if reader.bom:
        report.about("byte-order-mark", csv.name)
    kind = kind_of(reader.header)
    if kind is None:
        report.refuse("type-unknown", csv.name, 1)
        return None
    report.files[csv.name] = (kind.name, 0)
    _headers(csv.name, reader.header, kind, report)
    return _File(csv, kind, reader.header)


def _headers(name: str, header: list[str], kind: Kind, report: Report) -> None:
    stem = Path(name).stem.lower()
    if stem in NAMES and NAMES[stem] is not kind:
        report.about("type-not-as-named", name, f"read as {kind.name}")
    read, seen = [column.lower() for column in header], set[str]()
    for number, column in enumerate(read, start=1):
        if not column.strip():
            report.about("header-nameless", name, f"column {number}")
        elif column in seen and column in kind.columns:
            report.about("header-repeated", name, column)
        elif column in kind.columns:
            seen.add(column)
        elif column.strip() in kind.columns and column.strip() not in read:
            report.about("header-blank-around", name, column.strip())
        else:
            report.about("header-unknown", name, f"column {number}")


def _read(file: _File, standing: Standing, report: Report, roles: Collection[str], *, whole: bool) -> None:
    """Judge the rows of a file. Where it is refused half-way, what was found in its rows before stays told."""
    name, kind, header = file.csv.name, file.kind, [column.lower() for column in file.header]
    if whole and (unjudged := standing.unjudged(kind, header)):
        report.about("reference-not-judged", name, ", ".join(unjudged))
    if kind.name == "login":
        report.about("logins-again", name)
    count = 0
    try:
        if kind.name != "user" and any("\0" in column for column in header):
            raise Spoiled(1, "nul-in-file")
        with file.csv.open() as stream:
            for raw in Reader(stream).frames():
                frame = named(raw, file.header, kind)
                if kind.name != "user" and (nul := frame.filter("nul")).height:
                    raise Spoiled(int(nul["line"][0]), "nul-in-file")
                report.rows("row-blank", name, None, frame.filter("blank"))
                frame = frame.filter(~pl.col("blank"))
                judged = list(checks(kind, frame, header, roles))
                judged += list(standing.checks(kind))
                standing.take(kind, name, frame, _judge(frame, judged, name, report))
                count += frame.height
    except Spoiled as fault:
        report.refuse(fault.rule, name, fault.line)
        standing.forget(name)
        return
    except BROKEN:
        report.refuse("zip-unreadable", name)
        standing.forget(name)
        return
    report.files[name] = (kind.name, count)
    if not count:
        report.about("file-header-only", name)


def _judge(frame: pl.DataFrame, judged: Sequence[Check], file: str, report: Report) -> pl.Series:
    """Tell which rows break what; answers which rows Canvas leaves out."""
    broken = frame.select(check.broken.fill_null(value=False).alias(str(number)) for number, check in enumerate(judged))
    refused = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
    for number, check in enumerate(judged):
        mask = broken[str(number)]
        if mask.any():
            report.rows(check.rule, file, check.column, frame.filter(mask))
            if check.refuses:
                refused = refused | mask
    return refused
