"""The table of ids: what a record is called in the district's export, and what in Clever."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

KINDS = ("district", "schools", "students", "staff", "contacts", "sections", "courses", "terms")
"""Teachers and staff are one kind: one person, one id."""

_FILE = "ids.json"
_EPOCH = "64f0c0aa"


@dataclass
class IdTable:
    """kind → id in the export → id in Clever (24 hex digits, ascending as they are given out).

    A contact's id in the export is its Contact_sis_id, else a hash of e-mail and name.
    """

    ids: dict[str, dict[str, str]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    given: int = 0

    def of(self, kind: str, key: str) -> str:
        """The id in Clever; a new one for what is not known yet."""
        known = self.ids[kind]
        if key not in known:
            self.given += 1
            known[key] = f"{_EPOCH}{KINDS.index(kind):02x}{self.given:014x}"
        return known[key]

    def forget(self, *kinds: str) -> None:
        """From now on everything of these kinds gets a new id, as Clever's terms and courses do."""
        for kind in kinds:
            self.ids[kind] = {}

    def to_export(self) -> dict[str, str]:
        """Clever's id → the export's, for all kinds at once."""
        return {theirs: ours for known in self.ids.values() for ours, theirs in known.items()}

    def write(self, folder: Path) -> None:
        """Keep it in the folder, readable by its owner only."""
        aside = folder / f".{_FILE}.part"
        aside.touch(mode=0o600)
        aside.write_text(json.dumps({"given": self.given, "ids": self.ids}), encoding="utf-8")
        aside.replace(folder / _FILE)

    @classmethod
    def read(cls, folder: Path) -> IdTable:
        """What `write` kept; an empty table where there is none."""
        try:
            content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        return cls(content["ids"], content["given"])
