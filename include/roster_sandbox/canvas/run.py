"""One import while it runs: what it may touch, what it has counted, and what it has to say."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from roster_sandbox.canvas import dates
from roster_sandbox.canvas.options import Options
from roster_sandbox.canvas.settings import Settings

_BUCKETS: dict[str, tuple[str, ...]] = {
    "Account": (),
    "EnrollmentTerm": (),
    "AbstractCourse": (),
    "Course": ("concluded",),
    "CourseSection": (),
    "GroupCategory": (),
    "Group": (),
    "Pseudonym": (),
    "CommunicationChannel": (),
    "Enrollment": ("concluded", "deactivated"),
    "GroupMembership": (),
    "UserObserver": (),
    "AccountUser": (),
}
_GONE = frozenset({"deleted", "completed", "inactive"})


@dataclass(frozen=True)
class Row:
    """A row of a SIS file: where it stands and what it says; a column the file lacks reads as null."""

    file: str
    number: int
    values: Mapping[str, str | None]
    text: str

    def __getitem__(self, column: str) -> str | None:
        return self.values.get(column)

    def says(self, word: str) -> bool:
        """Whether the status begins with the word, in any case: `activexyz` is active."""
        return (self["status"] or "").lower().startswith(word)


@dataclass
class Run:
    """The state of a running import; without a number, of what somebody does by hand."""

    db: sqlite3.Connection
    import_id: int | None
    options: Options
    settings: Settings
    importer_id: int = 1
    counts: Counter[str] = field(default_factory=Counter)
    statistics: dict[str, Counter[str]] = field(default_factory=dict)
    changes: int = 0

    def warn(self, row: Row, message: str) -> None:
        """A message about a row; it never fails the import."""
        self._say(row.file, message, row.number, row.text, failure=False)
        self.counts["warning_count"] += 1

    def warn_file(self, file: str, message: str) -> None:
        """A message about a file that is passed over without harm."""
        self._say(file, message, None, None, failure=False)
        self.counts["warning_count"] += 1

    def fail_file(self, file: str, message: str) -> None:
        """A message that makes the import a failed one; what else is in it is applied all the same."""
        self._say(file, message, None, None, failure=True)
        self.counts["error_count"] += 1

    def _say(self, file: str, message: str, number: int | None, text: str | None, *, failure: bool) -> None:
        self.db.execute(
            "INSERT INTO messages (import_id, file, message, row, row_info, failure, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self.import_id, file, message, number, text, int(failure), dates.now()),
        )

    def changed(self, thing: str, before: str | None, after: str) -> None:
        """Count a change of state; a new thing comes from None, and one born deleted is no change."""
        if before == after or (before is None and after == "deleted"):
            return
        self.changes += 1
        counter = self.statistics.setdefault(thing, Counter())
        if before is None:
            counter["created"] += 1
        elif after == "deleted":
            counter["deleted"] += 1
        elif after == "completed" and thing in {"Course", "Enrollment"}:
            counter["concluded"] += 1
        elif after == "inactive" and thing == "Enrollment":
            counter["deactivated"] += 1
        elif before in _GONE:
            counter["restored"] += 1

    def written_statistics(self) -> dict[str, Any]:
        """`data.statistics` in the API's shape."""
        written: dict[str, Any] = {"total_state_changes": self.changes}
        for thing, more in _BUCKETS.items():
            counter = self.statistics.get(thing, Counter())
            written[thing] = {bucket: counter[bucket] for bucket in ("created", *more, "restored", "deleted")}
        return written

    def create(self, table: str, values: Mapping[str, object]) -> int:
        """Insert a row that this import made; creating marks nothing as edited."""
        columns = {**values, "import_id": self.import_id}
        cursor = self.db.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608
            tuple(columns.values()),
        )
        return int(cursor.lastrowid or 0)

    def update(
        self, table: str, old: sqlite3.Row, values: Mapping[str, object], sticky: Iterable[str] = ()
    ) -> dict[str, object]:
        """Write what differs and return it; fields a person has edited stay, unless stickiness is overridden."""
        edited = set(str(old["sticky"]).split())
        can_stick = set(sticky)
        kept = set() if self.options.override_sis_stickiness else edited & can_stick
        different = {name: value for name, value in values.items() if name not in kept and old[name] != value}
        marked = edited
        if self.options.clear_sis_stickiness:
            marked = set()
        elif self.options.add_sis_stickiness:
            marked = edited | (can_stick & different.keys())
        columns = {**different, "sticky": " ".join(sorted(marked)), "import_id": self.import_id}
        self.db.execute(
            f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",  # noqa: S608
            (*columns.values(), old["id"]),
        )
        return different

    def by_sis_id(self, table: str, sis_id: str | None) -> sqlite3.Row | None:
        """The account, term, course, section or login with this SIS id, in whatever state."""
        if sis_id is None:
            return None
        return self.by(table, "sis_id", sis_id)

    def by(self, table: str, column: str, value: object) -> sqlite3.Row | None:
        """The first row of a table whose column has the value."""
        found: sqlite3.Row | None = self.db.execute(
            f"SELECT * FROM {table} WHERE {column} = ? ORDER BY id LIMIT 1",  # noqa: S608
            (value,),
        ).fetchone()
        return found

    def date(self, row: Row, column: str, about: str) -> tuple[str | None, bool]:
        """A date and whether it was good; a bad one is only warned about."""
        try:
            return dates.parsed(row[column]), True
        except dates.BadDate:
            self.warn(row, f"Bad date format for {about}: {column} is not understood and was left out")
            return None, False
