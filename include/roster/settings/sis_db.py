"""Settings of a source of system `sis_db`, and the columns that its queries answer with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from roster.settings.grammar import Duration, Settings, Source

Word = Literal["text", "kind", "date", "flag"]
Table = Literal["orgs", "academic_sessions", "courses", "classes", "users", "enrollments", "guardians"]
Parameter = str | int | date


class Column(Settings):
    """A column of a table. word: what its values are. needed: whether a query may go without it."""

    word: Word = "text"
    needed: bool = False


_NEEDED, _MAY = Column(needed=True), Column()
_DATE, _FLAG = Column(word="date"), Column(word="flag")

TABLES: Mapping[Table, Mapping[str, Column]] = {
    "orgs": {"sourced_id": _NEEDED, "name": _NEEDED, "type": _MAY, "parent_id": _MAY},
    "academic_sessions": {
        "sourced_id": _NEEDED,
        "title": _NEEDED,
        "start_date": Column(word="date", needed=True),
        "end_date": Column(word="date", needed=True),
        "school_id": _MAY,
    },
    "courses": {"sourced_id": _NEEDED, "title": _NEEDED, "code": _MAY, "school_id": _MAY},
    "classes": {
        "sourced_id": _NEEDED,
        "title": _MAY,
        "code": _MAY,
        "period": _MAY,
        "course_id": _NEEDED,
        "school_id": _NEEDED,
        "session_id": _NEEDED,
    },
    "users": {
        "sourced_id": _NEEDED,
        "kind": Column(word="kind", needed=True),
        "given_name": _NEEDED,
        "middle_name": _MAY,
        "family_name": _NEEDED,
        "preferred_given_name": _MAY,
        "preferred_family_name": _MAY,
        "username": _MAY,
        "email": _MAY,
        "identifier": _MAY,
        "school_id": _MAY,
        "is_primary": _FLAG,
    },
    "enrollments": {
        "sourced_id": _MAY,
        "class_id": _NEEDED,
        "user_id": _NEEDED,
        "role": _NEEDED,
        "is_primary": _FLAG,
        "begin_date": _DATE,
        "end_date": _DATE,
    },
    "guardians": {"guardian_id": _NEEDED, "student_id": _NEEDED, "relationship": _MAY},
}

_NAME = r"[A-Za-z_][A-Za-z0-9_$#]*"


def _view(value: str) -> str:
    if not re.fullmatch(rf"{_NAME}(\.{_NAME}){{0,2}}", value):
        message = "must be the name of a view or table, such as roster_users or dbo.uvCanvasUsers; for another a query"
        raise ValueError(message)
    return value


def _folder(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or "\\" in value or ".." in path.parts or not path.parts:
        message = "must be a folder below that of the tenant files, such as banksia/sql"
        raise ValueError(message)
    return value


def _mapped(value: dict[Table, dict[str, str]]) -> dict[Table, dict[str, str]]:
    for table, columns in value.items():
        if wrong := sorted(set(columns) - set(TABLES[table])):
            message = f"{table} has no column {wrong[0]}; allowed are {', '.join(TABLES[table])}"
            raise ValueError(message)
    return value


class SisDb(Source):
    """The database of a school's own system, by queries or views: one for each table of the roster that it provides."""

    hook: ClassVar[str] = "sis_db"

    system: Literal["sis_db"]
    """Kind of source."""
    connection: str
    """Airflow connection of the database, with a log-in that may only read: `postgres`, `sqlite`, `mssql`, `oracle`."""
    pack: Literal["generic", "powerschool", "synergetic"] | None = None
    """Queries that come along; `queries` and `views` go before them, table by table."""
    queries: Annotated[str, AfterValidator(_folder)] | None = None
    """Folder of `<table>.sql` files, below that of the tenant files."""
    views: dict[Table, Annotated[str, AfterValidator(_view)]] = Field(default_factory=dict)
    """View (or table) of the database to each table of the roster, in place of a query."""
    columns: Annotated[dict[Table, dict[str, str]], AfterValidator(_mapped)] = Field(default_factory=dict)
    """For each table its columns, and what the query or view calls them where that is another name."""
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Parameter] = Field(default_factory=dict)
    """Values of what the queries name as `:word`. `:as_of` is always the date of the run."""
    timeout: Duration = timedelta(minutes=10)
    """How long one statement may take, where the database can be told so (PostgreSQL)."""

    @field_validator("timeout")
    @classmethod
    def _ends(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            message = "must be longer than nothing: PostgreSQL takes 0 for no limit at all"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _asks_something(self) -> SisDb:
        if self.pack is None and self.queries is None and not self.views:
            message = "must say what is asked: give pack, queries, views, or several of them"
            raise ValueError(message)
        return self

    def on(self, day: date) -> SisDb:
        """With `as_of`, which a tenant may set to play another day for good."""
        return self.model_copy(update={"parameters": {"as_of": day, **self.parameters}})

    def decisive(self, folder: Path) -> dict[str, Any]:
        """The tenant's own queries decide as well: another text is another configuration."""
        said = super().decisive(folder)
        if self.queries is not None:
            files = sorted((folder / self.queries).glob("*.sql"))
            texts = b"".join(file.name.encode() + b"\0" + file.read_bytes() + b"\0" for file in files)
            said["sql"] = hashlib.sha256(texts).hexdigest()
        return said
