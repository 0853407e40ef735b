"""Which night of the district is next, and what Canvas has to hold after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from roster_sandbox.demo.places import Places, write_private
from roster_sandbox.district import ImpliedCanvas, after, implied, write_clever
from roster_sandbox.district.implied import guardian_key
from roster_sandbox.district.model import District
from roster_sandbox.district.recipe import FILE, Recipe

SEED = 20_260_202
"""Everybody's first district is the same one; only its days are those of the first night."""
RESTED = timedelta(minutes=10)
"""How long ago an export was delivered: longer than a source waits for a file to come to rest."""


class Nights:
    """The nights of one work folder. played: the days of those that are done, in the tenant's zone, oldest first."""

    def __init__(self, places: Places, today: date, *, pupils: int = 820) -> None:
        self._places = places
        self._drawn: dict[int, District] = {}
        if (places.delivery / FILE).exists():
            self.recipe = Recipe.read(places.delivery)
        else:
            self.recipe = Recipe(seed=SEED, today=today, pupils=pupils)
            self.recipe.write(places.delivery)
        self.played: list[date] = []
        if places.nights.exists():
            self.played = [date.fromisoformat(day) for day in json.loads(places.nights.read_text(encoding="utf-8"))]

    @property
    def next(self) -> int:
        """The number of the next night; one that did not come to its end is next again."""
        return len(self.played) + 1

    def district(self, number: int) -> District:
        """The district as that night's export has it."""
        if number not in self._drawn:
            self._drawn[number] = self.recipe.night(number)
        return self._drawn[number]

    def deliver(self, number: int) -> None:
        """Put the export of that night where Clever would, with a control file."""
        write_clever(self.recipe.export(number), self._places.delivery, delivered=datetime.now(UTC) - RESTED)

    def before(self) -> ImpliedCanvas:
        """What Canvas has to hold now."""
        return self._after(self.played)

    def expected(self, day: date) -> ImpliedCanvas:
        """What Canvas has to hold when the next night has been played on `day`."""
        return self._after([*self.played, day])

    def done(self, day: date) -> None:
        """The next night was played, on `day`."""
        self.played.append(day)
        write_private(self._places.nights, json.dumps([played.isoformat() for played in self.played]))

    def _after(self, days: Sequence[date]) -> ImpliedCanvas:
        canvas = ImpliedCanvas()
        for number, day in enumerate(days, start=1):
            canvas = after(canvas, implied(self.district(number), today=day, guardian_id=guardian_key))
        return canvas
