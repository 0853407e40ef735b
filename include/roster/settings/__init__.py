"""The settings of each source system, and the registry of those there are.

A system is a model here (`system` is its name, `hook` what reads it), its package below `roster.sources`, and its line
in SourceSettings. Reading them is cheap, because Airflow does it whenever it parses the DAG files.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from roster.settings.clever import Clever
from roster.settings.clever_csv import CleverCsv
from roster.settings.oneroster import OneRoster
from roster.settings.oneroster_csv import OneRosterCsv
from roster.settings.sis_db import SisDb
from roster.settings.tass import Tass

__all__ = ["Clever", "CleverCsv", "OneRoster", "OneRosterCsv", "SisDb", "SourceSettings", "Tass"]

SourceSettings = Annotated[
    Clever | CleverCsv | OneRoster | OneRosterCsv | SisDb | Tass,
    Field(discriminator="system"),
]
