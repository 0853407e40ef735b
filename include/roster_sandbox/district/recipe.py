"""A district by what it was drawn from, so that any night of it can be written again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from roster_sandbox.district.generate import generate
from roster_sandbox.district.model import District
from roster_sandbox.district.moves import moved, thinned

FILE = "district.json"
THINNED = 2
"""The night whose export is not to be believed."""


@dataclass(frozen=True)
class Recipe:
    """The arguments of `generate`. today: the date of the first night."""

    seed: int
    today: date
    schools: int = 3
    pupils: int = 820
    teachers: int = 75

    def night(self, number: int) -> District:
        """The district of that night: 1 as drawn, each later one after twelve more moves."""
        if number < 1:
            message = "nights are counted from 1"
            raise ValueError(message)
        district = generate(self.seed, self.today, schools=self.schools, pupils=self.pupils, teachers=self.teachers)
        for later in range(2, number + 1):
            apart = district.schools[-1].id if later == THINNED else None
            district, _ = moved(district, self.seed + later, apart=apart)
        return district

    def export(self, number: int) -> District:
        """The same as that night's export has it: in night 2 a fifth of the pupils of the last school are missing."""
        district = self.night(number)
        return thinned(district, district.schools[-1].id) if number == THINNED else district

    def write(self, folder: Path) -> None:
        """Keep it beside the export."""
        content = {**asdict(self), "today": self.today.isoformat()}
        (folder / FILE).write_text(json.dumps(content) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Recipe:
        """What `write` kept. Raises FileNotFoundError."""
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(**{**content, "today": date.fromisoformat(content["today"])})
