"""The small school when people there have other ids and log-ins than before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tests.nights.small import School

COLUMNS = ("user_id", "observer_id", "student_id")


@dataclass(frozen=True)
class Moved(School):
    """The school whose source has other ids and log-ins. ids: old id → new; log_ins: old id → log-in."""

    ids: Mapping[str, str] = field(default_factory=dict)
    log_ins: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[str, str | None, dict[str, str]]]:
        for file, at, row in super().rows():
            changed = dict(row)
            if file == "users.csv" and row["user_id"] in self.log_ins:
                changed["login_id"] = self.log_ins[row["user_id"]]
            for column in COLUMNS:
                if row.get(column) in self.ids:
                    changed[column] = self.ids[row[column]]
            yield file, at, changed

    def with_id(self, person: str, new: str) -> Moved:
        return replace(self, ids={**self.ids, person: new})

    def swapped(self, one: str, other: str) -> Moved:
        """The two have exchanged the log-ins that they had last."""
        had = {person: self.log_ins.get(person, address(person)) for person in (one, other)}
        return replace(self, log_ins={**self.log_ins, one: had[other], other: had[one]})


def moved(source: School, ids: Mapping[str, str] | None = None, **log_ins: str) -> Moved:
    return Moved(source.people, source.places, source.links, source.sections, ids or {}, log_ins)


def address(person: str) -> str:
    return f"{person}@small.test"
