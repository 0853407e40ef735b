"""A finished night, as its run folder tells it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

_LEFT = {"term": "their term does not run now", "school": "their school is not synced"}


@dataclass(frozen=True)
class Report:
    """`report.json` of a verdict. folder: of the verdict; home: ROSTER_HOME."""

    home: Path
    folder: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, home: Path, file: Path) -> Report:
        """The report that the file holds."""
        return cls(home, file.parent, json.loads(file.read_text(encoding="utf-8")))

    @property
    def day(self) -> date:
        """The day that the night was for."""
        return date.fromisoformat(self.content["date"])

    @property
    def run_folder(self) -> Path:
        """Where all that the night wrote lies."""
        return self.home / str(self.content["run"])

    @property
    def failed(self) -> list[str]:
        """Why the run failed."""
        return list(self.content["failed"])

    @property
    def notices(self) -> list[str]:
        """What a person should know."""
        return list(self.content["notices"])

    @property
    def import_id(self) -> str | None:
        """Canvas's number of the import; None where none was needed."""
        return (self.content["load"] or {}).get("import_id")

    def docs(self) -> list[Path]:
        """Beginnings of Great Expectations' data docs."""
        return sorted(self.run_folder.glob("check/attempt-*/**/index.html"))

    def changes(self, part: str) -> Counter[tuple[str, str]]:
        """(file, action) → rows of the plan's part, `free` or `held`."""
        counts: Counter[tuple[str, str]] = Counter()
        for line in (self.content["plan"] or {"counts": {"changes": []}})["counts"]["changes"]:
            if line["part"] == part:
                counts[line["file"], line["action"]] += line["rows"]
        return counts

    def held(self) -> Iterator[str]:
        """What waits for a person, by reason."""
        for line in (self.content["plan"] or {}).get("counts", {}).get("holds", []):
            yield f"{line['rows']} rows, {line['why']}"

    def quarantined(self) -> Counter[str]:
        """Rule → findings that keep a record back."""
        file = self.folder / "quarantine.csv"
        if not file.exists():
            return Counter()
        with file.open(encoding="utf-8", newline="") as lines:
            return Counter(line["rule"] for line in csv.DictReader(lines))

    def kept_back(self) -> Iterator[str]:
        """What did not go, and why: quarantined, waiting, frozen, held, refused; in numbers."""
        for rule, count in sorted(self.quarantined().items()):
            yield f"quarantined: {count} by {rule}"
        counts = (self.content["plan"] or {}).get("counts", {})
        for line in counts.get("waiting", []):
            yield f"waiting: {line['rows']} rows of {line['file']} for what is in quarantine or held"
        for line in counts.get("left", []):
            yield f"left: {line['rows']} rows of {line['file']} ({line['reason']})"
        for line in counts.get("frozen", []):
            if line["reason"] != "quarantine":
                why = _LEFT.get(line["reason"], line["reason"])
                yield f"left as it is: {line['rows']} rows of {line['file']} ({why})"
        for line in counts.get("holds", []):
            yield f"held: {line['rows']} rows, {line['why']}"
        for line in (self.content["load"] or {}).get("problems", []):
            yield f"{line['outcome']} by Canvas: {line['rows']} by {line['rule']}: {line['advice']}"
