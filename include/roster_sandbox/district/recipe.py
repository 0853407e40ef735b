"""A district by what it was drawn from, so that any night of it can be written again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from roster_sandbox.district.generate import generate
from roster_sandbox.district.model import District
from roster_sandbox.district.moves import moved

FILE = "district.json"


@dataclass(frozen=True)
class Recipe:
    """The arguments of `generate`. today: the date of the first night."""

    seed: int
    today: date
    schools: int = 3
    pupils: int = 820
    teachers: int = 75

    def night(self, number: int) -> District:
        """The district as the export of that night has it: 1 as drawn, each later one after twelve more moves."""
        if number < 1:
            message = "nights are counted from 1"
            raise ValueError(message)
        district = generate(self.seed, self.today, schools=self.schools, pupils=self.pupils, teachers=self.teachers)
        for later in range(2, number + 1):
            district, _ = moved(district, self.seed + later)
        return district

    def write(self, folder: Path) -> None:
        """Keep it beside the export."""
        content = {**asdict(self), "today": self.today.isoformat()}
        (folder / FILE).write_text(json.dumps(content) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Recipe:
        """What `write` kept. Raises FileNotFoundError."""
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(**{**content, "today": date.fromisoformat(content["today"])})
