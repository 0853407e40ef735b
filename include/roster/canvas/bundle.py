"""The zip that Canvas gets: CSV that its strict reader takes, whatever the texts hold."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from roster.canvas import sent_columns
from roster.errors import CanvasRefused
from roster.lint.exact import Spoiled, table
from roster.lint.linting import lint

# Canvas refuses a zip that unpacks to more than a hundred times its size.
MOST_FOLDS = 80
# A fifth larger than the usual 6, in a third of the time.
_LEVEL = 1
# A zip's members carry a time; one that says nothing keeps the bytes the same.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def write_zip(rows: Mapping[str, pl.DataFrame], target: Path) -> None:
    """A zip with one CSV per file that has rows, in the order given.

    Record n of a CSV (the header is 1) is row n - 2 of its frame (counted from 0). A file without rows is left out:
    Canvas would count it as supplied.
    """
    with zipfile.ZipFile(target, "w") as bundle:
        for file, frame in rows.items():
            if frame.height:
                content = to_csv(file, frame)
                member = zipfile.ZipInfo(file, _NO_TIME)
                member.external_attr = 0o600 << 16
                folds = len(content) / len(zlib.compress(content, _LEVEL))
                member.compress_type = zipfile.ZIP_DEFLATED if folds < MOST_FOLDS else zipfile.ZIP_STORED
                bundle.writestr(member, content, compresslevel=_LEVEL)


def read_zip(path: Path) -> dict[str, list[dict[str, str]]]:
    """The records of each CSV as Canvas would read them: values by lower-cased column, trimmed, a blank one empty.

    Raises CanvasRefused where Canvas would refuse the file.
    """
    found = {}
    with zipfile.ZipFile(path) as bundle:
        for name in bundle.namelist():
            try:
                found[name] = table(bundle.read(name))
            except Spoiled as fault:
                message = f"Canvas would refuse the file {name}: {fault}"
                raise CanvasRefused(message) from None
    return found


def linted(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Records by file, and rows by rule that Canvas would refuse or take amiss, of a zip of ours before it is sent.

    Raises CanvasRefused where Canvas would refuse a whole file, or the zip.
    """
    report = lint([path], whole=False)
    if report.refused_files:
        places = [
            f"{one.file}:{one.places[0][0] if one.places else 1} ({one.rule.id})"
            for one in report.findings
            if one.file in report.refused_files and not one.rows
        ]
        message = f"Canvas would refuse {', '.join(places)}: nothing was sent; `roster lint` says more of the file"
        raise CanvasRefused(message)
    rows = {name.rpartition("/")[2]: count for name, (_, count) in report.files.items()}
    amiss = {one.rule.id for one in report.findings if one.rule.severity != "note"}
    return rows, {rule: count for rule, count in report.counts.items() if rule in amiss}


def write_csv(file: str, rows: pl.DataFrame, target: Path) -> None:
    """The rows as Canvas gets them."""
    target.write_bytes(to_csv(file, rows))


def to_csv(file: str, rows: pl.DataFrame) -> bytes:
    """UTF-8 without a byte order mark, lines ended by LF, quotes where the text needs them; only Canvas's columns.

    Our own writing, because these bytes are hashed: no release of a library may change them. NUL, which Canvas refuses
    in any field, is left out.
    """
    columns = sent_columns(file, rows.columns)
    header = ",".join(columns) + "\n"
    if not rows.height:
        return header.encode()
    lines = pl.concat_str([_field(column) for column in columns], separator=",").str.join("\n")
    body: str = rows.select(lines).item()
    return f"{header}{body}\n".encode()


def _field(column: str) -> pl.Expr:
    text = pl.col(column).fill_null("").str.replace_all("\0", "", literal=True)
    quoted = pl.concat_str([pl.lit('"'), text.str.replace_all('"', '""', literal=True), pl.lit('"')])
    return pl.when(text.str.contains(r'[",\r\n]|^\s|\s$')).then(quoted).otherwise(text)
