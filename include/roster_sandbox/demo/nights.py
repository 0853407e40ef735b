"""Which night of the district is next, having it delivered, and what Canvas has to hold after it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from roster_sandbox.demo.examples import example
from roster_sandbox.demo.places import Places, write_private
from roster_sandbox.district import ImpliedCanvas, after
from roster_sandbox.district.model import District
from roster_sandbox.district.recipe import FILE, Recipe

SEED = 20_260_202
"""Everybody's first district is the same one; only its days are those of the first night."""
APART = timedelta(hours=12)
"""A second night proves by absence what a first one could not, if it is this much later."""


@dataclass(frozen=True)
class _Night:
    """A night that was played: for which day, in the tenant's zone, and when."""

    day: date
    at: datetime


class Nights:
    """The nights of one work folder."""

    def __init__(self, places: Places, today: date, *, pupils: int = 820) -> None:
        self._places = places
        self._example = example(places.tenant)
        self._drawn: dict[int, District] = {}
        if (places.work / FILE).exists():
            self.recipe = Recipe.read(places.work)
        else:
            self.recipe = Recipe(seed=SEED, today=today, pupils=pupils)
            self.recipe.write(places.work)
        self._played: list[_Night] = []
        if places.nights.exists():
            kept = json.loads(places.nights.read_text(encoding="utf-8"))
            self._played = [_Night(date.fromisoformat(o["day"]), datetime.fromisoformat(o["at"])) for o in kept]

    @property
    def played(self) -> list[date]:
        """The days of those that are done, in the tenant's zone, oldest first."""
        return [night.day for night in self._played]

    @property
    def next(self) -> int:
        """The number of the next night; one that did not come to its end is next again."""
        return len(self._played) + 1

    def district(self, number: int) -> District:
        """The district as that night's export has it."""
        if number not in self._drawn:
            self._drawn[number] = self.recipe.night(number)
        return self._drawn[number]

    def deliver(self, number: int) -> None:
        """Have the sources give the district of that night."""
        self.serve(self.recipe.export(number))

    def serve(self, district: District) -> None:
        """Have the sources give this district."""
        self._example.serve(self._places, district)

    def implied(self, district: District, day: date) -> ImpliedCanvas:
        """What an empty Canvas holds after a night over this district, once it was served."""
        return self._example.implied_canvas(self._places, district, day)

    def before(self) -> ImpliedCanvas:
        """What Canvas has to hold now."""
        return self._after(self._played)

    def expected(self, day: date) -> ImpliedCanvas:
        """What Canvas has to hold when the next night has been played on `day`."""
        return self._after([*self._played, _Night(day, datetime.now(UTC))])

    def done(self, day: date) -> None:
        """The next night was played, on `day`."""
        self._played.append(_Night(day, datetime.now(UTC)))
        kept = [{"day": night.day.isoformat(), "at": night.at.isoformat()} for night in self._played]
        write_private(self._places.nights, json.dumps(kept))

    def _after(self, nights: Sequence[_Night]) -> ImpliedCanvas:
        canvas = ImpliedCanvas()
        shown: list[ImpliedCanvas] = []
        for number, night in enumerate(nights, start=1):
            shown.append(self.implied(self.district(number), night.day))
            apart = [one for one, other in zip(shown, nights, strict=False) if night.at - other.at >= APART]
            earlier = apart[-1] if apart else None
            canvas = after(canvas, shown[-1], unproven=self._example.UNPROVEN, earlier=earlier)
        return canvas
