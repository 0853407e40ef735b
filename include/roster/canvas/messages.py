"""Canvas's messages about an import, read: what became of the row, and what a data team can do.

Canvas words its messages for people, with ids in them, so they are told by the part that stays. A message goes nowhere
but the run folder; what is read from it names nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from roster.canvas.readings import READINGS, UNKNOWN, Reading

RULES = (*dict.fromkeys(reading.rule for _, reading in READINGS), UNKNOWN.rule)


@dataclass(frozen=True)
class ImportMessage:
    """One entry of /errors. row: number of the record in the file, the header being 1; None where it is about more."""

    file: str | None
    row: int | None
    message: str


def classify(message: str) -> Reading:
    """The reading of a message's text; one that is not known counts as a refusal, so that its row comes again."""
    return next((reading for stem, reading in READINGS if stem.search(message)), UNKNOWN)
