"""Which night of the district is next, what Clever says of it, and what Canvas has to hold after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from roster_sandbox.clever import RELATIONSHIPS, IdTable, write_api
from roster_sandbox.demo.places import Places, write_private
from roster_sandbox.district import ImpliedCanvas, after, implied
from roster_sandbox.district.implied import guardian_key
from roster_sandbox.district.model import District
from roster_sandbox.district.recipe import FILE, Recipe

SEED = 20_260_202
"""Everybody's first district is the same one; only its days are those of the first night."""
SYNCED = timedelta(minutes=10)
"""How long ago Clever has synced the district."""
OBSERVERS = tuple(word for word, theirs in RELATIONSHIPS.items() if theirs in ("Parent", ""))
"""The export's words that are a parent or guardian by Clever's."""


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
        """Have Clever serve the district of that night."""
        self.serve(self.recipe.export(number))

    def serve(self, district: District) -> None:
        """Have Clever serve this district."""
        write_api(district, self._places.delivery, synced=datetime.now(UTC) - SYNCED)

    def implied(self, district: District, day: date) -> ImpliedCanvas:
        """What an empty Canvas holds after a night over this district, once Clever has served it."""
        known = IdTable.read(self._places.delivery).ids["contacts"]
        return implied(
            district, today=day, observers=OBSERVERS, guardian_id=lambda one: known.get(guardian_key(one), "")
        )

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
            canvas = after(canvas, self.implied(self.district(number), day))
        return canvas
