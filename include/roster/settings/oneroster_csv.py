"""Settings of a source of system `oneroster_csv`."""

from __future__ import annotations

from typing import ClassVar, Literal

from roster.settings.grammar import FileSource


class OneRosterCsv(FileSource):
    """A OneRoster CSV set, version 1.1 or 1.2: manifest.csv and the files of rostering that it lists."""

    deltas: ClassVar[bool] = True

    system: Literal["oneroster_csv"]
    """Kind of source."""
    encoding: str = "utf-8"
    """Encoding of the files, where it is not the one that OneRoster prescribes; a byte order mark is dropped."""
    control: str | None = None
    """Name of a control file (columns File, Rows) where one is written beside the set, such as control.csv."""
