"""The table of ids: what a record is called in the district's export, and what in TASS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

KINDS: Mapping[str, Callable[[int], str]] = {
    # Every second pupil's code begins with zeros: TASS writes those as text, and the others as numbers.
    "students": lambda number: f"{number:07d}" if number % 2 else f"{2_000_000 + number}",
    "employees": lambda number: f"{1_000_000 + number}",
    "teachers": lambda number: f"T{number}",
    "families": lambda number: f"{number:06d}",
    "persons": lambda number: f"{number}",
    "subjects": lambda number: f"{number * 40:04d}",
    "terms": lambda number: f"{number}",
    "sections": str,  # given by `name`
}
_FILE = "ids.json"


@dataclass
class IdTable:
    """kind → id in the export → code in TASS. A parent's id in the export is Contact_sis_id, else a hash."""

    ids: dict[str, dict[str, str]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def of(self, kind: str, key: str) -> str:
        """The code in TASS; a new one for what is not known yet."""
        known = self.ids[kind]
        if key not in known:
            known[key] = KINDS[kind](len(known) + 1)
        return known[key]

    def name(self, kind: str, key: str, code: str) -> str:
        """From now on that is its code."""
        self.ids[kind][key] = code
        return code

    def to_export(self) -> dict[str, str]:
        """The id in a roster read from TASS → the export's, for pupils, employees, parents, classes and terms."""
        people = {code: key for kind in ("students", "employees") for key, code in self.ids[kind].items()}
        parents = {f"P{code}": key for key, code in self.ids["persons"].items()}
        places = {code: key for kind in ("sections", "terms") for key, code in self.ids[kind].items()}
        return people | parents | places

    def write(self, folder: Path) -> None:
        """Keep it in the folder, readable by its owner only."""
        aside = folder / f".{_FILE}.part"
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(self.ids), encoding="utf-8")
        aside.replace(folder / _FILE)

    @classmethod
    def read(cls, folder: Path) -> IdTable:
        """What `write` kept; an empty table where there is none."""
        try:
            return cls(json.loads((folder / _FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls()
