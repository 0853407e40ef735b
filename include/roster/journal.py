"""The entries of the journal: an import before it is posted, and what became of it.

The ledger keeps them, as `N.intent.json` and `N.settled.json`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from roster.canvas.logins import csv
from roster.import_options import NONE, ImportOptions

SCHEMA = 2
WATCHED = timedelta(days=30)

# One line per row of an import. row: its number in the CSV, the header being 1. columns: those of the CSV. stage: which
# of its plan's imports it is.
SENT = pl.Schema(
    {
        "file": pl.String,
        "row": pl.Int64,
        "key": pl.String,
        "action": pl.String,
        "old": pl.String,
        "new": pl.String,
        "columns": pl.String,
        "school": pl.String,
        "stage": pl.Int64,
    }
)

OVERRIDING, GIVING_BACK = 4, 5
"""Stages of rows that are written over what people changed in Canvas, the last imports of their plan. By the latter an
undo gives back what people had made of a row: it stays marked as changed by hand.
"""

# What became of the rows of an import, keyed by CSV and row. outcome: sent, refused or doubt.
OUTCOMES = pl.Schema({"file": pl.String, "row": pl.Int64, "outcome": pl.String})

Outcome = Literal["taken", "lost", "abandoned", "surfaced", "refreshed", "reconciled"]


class Refreshed(BaseModel):
    """What Canvas was written over with. host, account, production: the ledger it came from, and the newest version
    that came along (0: none); identifier, import_id, as_of: of its import in Canvas. anew: its rows are not known.
    """

    model_config = ConfigDict(frozen=True)

    host: str | None = None
    account: str | None = None
    production: int = 0
    identifier: str = ""
    import_id: str | None = None
    as_of: datetime | None = None
    anew: bool = False


class Intent(BaseModel):
    """An import that is about to be posted; or rows that were found in Canvas otherwise: because it was written over
    (refreshed), or because its own reports say so (reconciled). facts: counts for the report, no records.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    identifier: str
    plan_hash: str
    state: str
    sent: str
    sequence: int
    run: str
    written: datetime
    kind: Literal["import", "surfaced", "refreshed", "reconciled"] = "import"
    options: ImportOptions = NONE
    refreshed: Refreshed | None = None
    facts: Mapping[str, Any] = {}
    rows: str | None = None


class Settled(BaseModel):
    """What became of it. outcome: taken (Canvas ended it), lost (it never ended), abandoned (Canvas never showed it),
    surfaced (an abandoned one turned up), refreshed (Canvas was written over; identifier and import_id are of what came
    along), reconciled (compared with Canvas's report; there is no import). facts: counts and states for the report, no
    records. problems: where Canvas's messages about it lie.
    """

    model_config = ConfigDict(frozen=True)

    model_schema: int = SCHEMA
    version: int
    identifier: str
    plan_hash: str
    outcome: Outcome
    import_id: str | None
    rows: str
    state: str
    facts: Mapping[str, Any]
    problems: str | None
    sent: str
    written: datetime
    settled: datetime
    run: str


def identifier(host: str, account: str, version: int, plan_hash: str, written: datetime) -> str:
    """The import's data-set identifier, well under Canvas's 128 bytes: one for each ledger version and plan.

    written: of the intent that keeps it. A ledger that was lost and begun anew counts its versions again, and may plan
    the same: Canvas still has the import of then, and must not be taken to have had this one.
    """
    parts = (host, account, str(version), plan_hash, written.isoformat())
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"roster-{version}-{digest[:32]}"


def version_in(name: str) -> int:
    """The version that an import identifier was made for; 0 for a name that is none."""
    found = re.fullmatch(r"roster-(\d{1,18})-[0-9a-f]{32}", name)
    return int(found[1]) if found else 0


def in_doubt(sent: pl.DataFrame) -> pl.DataFrame:
    """OUTCOMES that leave every row of the import in doubt."""
    return sent.select("row", file=csv(), outcome=pl.lit("doubt")).select(*OUTCOMES)
