"""Settings of a source of system `clever_csv`."""

from __future__ import annotations

from typing import Literal

from roster.settings.grammar import FileSource


class CleverCsv(FileSource):
    """A Clever export: schools, students, teachers, sections, enrollments and staff as CSV files."""

    system: Literal["clever_csv"]
    """Kind of source."""
    encoding: str = "utf-8"
    """Encoding of the files; a byte order mark is dropped."""
    control: str | None = None
    """Name of the control file (columns File, Rows) where the export writes one, such as control.csv."""
