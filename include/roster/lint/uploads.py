"""What files, folders and zips hold, as Canvas would take them: by the extension of their names."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from roster.lint.findings import Report

FOLDS = 100
LARGEST = 50 * 1000**3
BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError)
_PASSED_OVER = re.compile(r"__macosx|desktop d[bf]|(^|/)\.", re.IGNORECASE)


@dataclass(frozen=True)
class Csv:
    """A CSV by the name it is told under; open() gives its bytes, as often as wanted."""

    name: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def csvs(paths: Sequence[Path], report: Report) -> list[Csv]:
    """Every CSV there, those of zips and folders too; what is none is reported."""
    found: list[Csv] = []
    for path in paths:
        if path.is_dir():
            for inner in sorted(one for one in path.rglob("*") if one.is_file()):
                found += _upload(inner, str(inner.relative_to(path.parent)), report)
        else:
            found += _upload(path, path.name, report)
    return found


def _upload(path: Path, name: str, report: Report) -> Iterator[Csv]:
    lowered = name.lower()
    if _PASSED_OVER.search(lowered):
        report.about("member-passed-over", name)
    elif lowered.endswith(".csv"):
        if path.stat().st_size:
            yield Csv(name, partial(_file, path))
        else:
            report.about("file-empty", name)
    elif lowered.endswith(".zip"):
        yield from _zip(path, name, report)
    else:
        report.about("upload-not-csv-nor-zip", name)


def _zip(path: Path, name: str, report: Report) -> Iterator[Csv]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except BROKEN:
        report.refuse("zip-unreadable", name)
        return
    size = sum(member.file_size for member in members)
    if size >= FOLDS * path.stat().st_size or size > LARGEST:
        report.refuse("zip-unpacks-too-large", name)
        return
    if any(member.flag_bits & 1 for member in members):
        report.refuse("zip-unreadable", name)
        return
    for member in members:
        inner, lowered = f"{name}/{member.filename}", member.filename.lower()
        if _PASSED_OVER.search(lowered):
            report.about("member-passed-over", inner)
        elif lowered.endswith(".zip"):
            report.about("zip-in-zip", inner)
        elif not lowered.endswith(".csv"):
            report.about("member-not-csv", inner)
        elif not member.file_size:
            report.about("file-empty", inner)
        else:
            yield Csv(inner, partial(_member, path, member.filename))


@contextmanager
def _file(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as content:
        yield content


@contextmanager
def _member(path: Path, member: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive, archive.open(member) as content:
        yield content
