"""A school small enough to play many nights: its rows are made here, without extract, check and transform."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from roster.canvas import FILES, change_sis_id, sent_columns
from roster.canvas.wanted import FROZEN, SEPARATOR
from roster.evidence import Standing
from roster.model import LINEAGE
from roster.runs import next_number, write_json
from roster.steps import Done, Night

Known = dict[tuple[str, str], tuple[str, ...]]
"""What can be seen of a live row in Canvas, by file and key."""

SECTIONS = {"algebra": "north", "biology": "north", "chemistry": "south", "drawing": "south"}
FURTHER = "-google"
"""What the ids of further log-ins have behind those of the people."""
PUPILS = tuple(f"p{number:02}" for number in range(1, 13))


@dataclass(frozen=True)
class School:
    """people: id → family name. places: section, person, role. links: guardian, pupil."""

    people: dict[str, str]
    places: frozenset[tuple[str, str, str]]
    links: frozenset[tuple[str, str]]
    sections: dict[str, str] = field(default_factory=lambda: {name: f"{name} 1" for name in SECTIONS})

    def renamed(self, person: str, name: str) -> School:
        return replace(self, people={**self.people, person: name})

    def retitled(self, section: str, name: str) -> School:
        return replace(self, sections={**self.sections, section: name})

    def without(self, person: str) -> School:
        """Without the person and all that belongs to them."""
        return replace(
            self,
            people={one: name for one, name in self.people.items() if one != person},
            places=frozenset(place for place in self.places if place[1] != person),
            links=frozenset(link for link in self.links if person not in link),
        )

    def with_pupil(self, person: str, *sections: str) -> School:
        places = {(section, person, "student") for section in sections}
        return replace(self, people={**self.people, person: f"New-{person}"}, places=self.places | places)

    def leaving(self, section: str, person: str) -> School:
        return replace(self, places=self.places - {(section, person, "student")})

    def joining(self, section: str, person: str) -> School:
        return replace(self, places=self.places | {(section, person, "student")})

    def rows(self) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
        """file, school, columns of every row that Canvas should have."""
        for account in ("north", "south"):
            row = {"account_id": account, "parent_account_id": None, "name": account.title(), "status": "active"}
            yield "accounts.csv", account, row
        dates = {"start_date": "2016-01-01T05:00:00Z", "end_date": "2016-07-01T03:59:59Z"}
        yield "terms.csv", None, {"term_id": "spring", "name": "Spring", "status": "active", **dates}
        for section, account in SECTIONS.items():
            names = {"short_name": section, "long_name": section.title()}
            place = {"account_id": account, "term_id": "spring"}
            yield "courses.csv", account, {"course_id": section, **names, **place, "status": "active"}
            row = {"section_id": section, "course_id": section, "name": self.sections[section], "status": "active"}
            yield "sections.csv", account, row
        for person, name in self.people.items():
            address = f"{person}@small.test"
            names = {"first_name": f"First-{person}", "last_name": name}
            user = {"user_id": person, "login_id": address, **names, "email": address, "status": "active"}
            yield "users.csv", "south" if person in PUPILS[6:] else "north", user
        for section, person, role in self.places:
            row = {"section_id": section, "user_id": person, "role": role, "status": "active"}
            yield "enrollments.csv", SECTIONS[section], row
        for guardian, pupil in self.links:
            link = {"observer_id": guardian, "student_id": pupil, "status": "active"}
            yield "user_observers.csv", "north", link

    def known(self) -> Known:
        """What is to be seen of it in Canvas."""
        return {(file, key_of(file, row)): seen(file, row) for file, _, row in self.rows()}


def school() -> School:
    """Twelve pupils in two classes each, two teachers, four guardians of the first four pupils."""
    names = list(SECTIONS)
    guardians = {f"g{number}": f"Parent-{number}" for number in range(1, 5)}
    people = {one: f"Family-{one}" for one in PUPILS} | {"t1": "Tutor", "t2": "Tudor"} | guardians
    places = {(names[(n + more) % 4], one, "student") for n, one in enumerate(PUPILS) for more in (0, 1)}
    places |= {(name, f"t{1 + n % 2}", "teacher") for n, name in enumerate(names)}
    return School(people, frozenset(places), frozenset((f"g{n}", PUPILS[n - 1]) for n in range(1, 5)))


def key_of(file: str, row: dict[str, Any]) -> str:
    return SEPARATOR.join(row[column] for column in _MODULES[file].KEY)


def seen(file: str, row: dict[str, Any]) -> tuple[str, ...]:
    """What of a row can be seen in Canvas."""
    if file == "users.csv":
        names = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
        return (row["login_id"], names, row["email"] or "")
    return tuple(row[column] or "" for column in _SEEN[file])


def live(state: dict[str, list[dict[str, Any]]]) -> Known:
    """The live rows of a Canvas (`canvas.state()`) that come from SIS."""
    found: Known = {}
    for file, (table, columns) in _STATE.items():
        for thing in state[table]:
            ours = thing[_MODULES[file].KEY[0]] is not None and not thing.get("linked")
            if ours and thing["state"] in ("active", "created", "claimed", "available"):
                named = {**thing, "role": _ROLES.get(thing.get("role"))}
                key = key_of(file, named)
                assert (file, key) not in found
                if file == "users.csv" and key.endswith(FURTHER):  # a row per log-in; the address is the person's
                    named["email"] = None
                found[file, key] = tuple(named[column] or "" for column in columns)
    return found


def write_artefact(
    night: Night,
    small: School,
    quarantined: frozenset[tuple[str, str]] = frozenset(),
    id_changes: Sequence[tuple[str, str, str]] = (),
    **more: Any,
) -> Done:
    """The transform step's folder of a night that proves its absences. quarantined: file and key of rows kept back.

    id_changes: type, old id and new id of the tenant's mapping; more: what artefact.json says besides, or otherwise.
    """
    standing = Standing(run_date=night.run_date, deliveries={"clever": night.run.name}, complete=True, proven=True)
    by_file: dict[str, list[dict[str, str | None]]] = {module.FILE: [] for module in FILES}
    for file, account, row in small.rows():
        key = key_of(file, row)
        if (file, key) not in quarantined:
            by_file[file].append({**row, "key": key, "school": account, "record": key})
    with night.run.write("transform") as step:
        for file, rows in by_file.items():
            columns = sent_columns(file, {name for row in rows for name in row})
            schema = dict.fromkeys([*columns, "key", "school", "record"], pl.String)
            pl.DataFrame(rows, schema=schema, orient="row").sort("key").write_parquet(
                step.folder / file.replace(".csv", ".parquet")
            )
        pl.DataFrame(schema=LINEAGE).write_parquet(step.folder / "lineage.parquet")
        frozen = [(file, key, "quarantine") for file, key in sorted(quarantined)]
        pl.DataFrame(frozen, schema=FROZEN, orient="row").write_parquet(step.folder / "frozen.parquet")
        if id_changes:
            mapping = pl.DataFrame(id_changes, schema=["type", "old_id", "new_id"], orient="row")
            change_sis_id.rows(mapping).write_parquet(step.folder / "change_sis_id.parquet")
        known = {"standing": json.loads(standing.model_dump_json()), "practice": night.practice, **more}
        number = next_number(night.store, night.tenant.id, {"path": step.path, **known})
        content = {"number": number, "run": night.run.path, "check": f"{night.run.path}/check", **known}
        write_json(step.folder, "artefact.json", content)
    return {"path": step.path, "counts": {"number": number}}


_MODULES = {module.FILE: module for module in FILES}
_SEEN = {
    "accounts.csv": ("name", "parent_account_id"),
    "terms.csv": ("name",),
    "courses.csv": ("short_name", "long_name", "account_id", "term_id"),
    "sections.csv": ("name", "course_id"),
    "enrollments.csv": (),
    "user_observers.csv": (),
}
_ROLES = {"StudentEnrollment": "student", "TeacherEnrollment": "teacher"}
_STATE: dict[str, tuple[str, tuple[str, ...]]] = {
    "accounts.csv": ("accounts", ("name", "parent_account_id")),
    "terms.csv": ("terms", ("name",)),
    "courses.csv": ("courses", ("code", "name", "account_id", "term_id")),
    "sections.csv": ("sections", ("name", "course_id")),
    "users.csv": ("users", ("login_id", "name", "email")),
    "enrollments.csv": ("enrollments", ()),
    "user_observers.csv": ("observer_links", ()),
}
