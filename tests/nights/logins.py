"""The small school when some of its people have a further log-in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.nights.small import FURTHER, School, school

GOOGLE = {"suffix": FURTHER, "login_id": "email", "authentication_provider": "google"}


@dataclass(frozen=True)
class Doubled(School):
    """logins: person and further log-in. ids: old id and new, of what the source knows by another id now. provider: of
    people's own log-ins.
    """

    logins: tuple[tuple[str, str], ...] = ()
    ids: tuple[tuple[str, str], ...] = ()
    provider: str | None = None

    def rows(self) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
        new = dict(self.ids)
        for file, account, row in self._rows():
            yield file, account, {name: new.get(value, value) for name, value in row.items()}

    def _rows(self) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
        for file, account, row in super().rows():
            provider = {"authentication_provider_id": self.provider} if file == "users.csv" else {}
            yield file, account, {**row, **provider, **({"existing_user_id": None} if provider else {})}
        for person, text in self.logins:
            if person in self.people:
                names = {"first_name": f"First-{person}", "last_name": self.people[person], "email": None}
                ids = {"user_id": f"{person}{FURTHER}", "login_id": text, "existing_user_id": person}
                yield "users.csv", "north", {**ids, "authentication_provider_id": "google", **names, "status": "active"}


def doubled(*people: str) -> Doubled:
    plain = school()
    listed = tuple((one, f"{one}@google.test") for one in people)
    return Doubled(plain.people, plain.places, plain.links, plain.sections, listed)
