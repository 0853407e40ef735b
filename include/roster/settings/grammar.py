"""What the models of the tenant file are made of, and the keys that every source has."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _percent(value: Any) -> Any:
    """`10%` → 0.1; a bare number is refused, because 10 and 0.1 look alike to a tired reader."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)):
        value = float(match[1]) / 100
    if isinstance(value, float) and 0 <= value <= 1:
        return value
    message = "must be a percentage such as 10%, at most 100%"
    raise ValueError(message)


def _duration(value: Any) -> Any:
    """`30 days`, `4 hours`, `90 minutes`, `60 seconds` → timedelta."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*(day|hour|minute|second)s?\s*", str(value))
    message = "must be a time span such as 30 days, 4 hours, 90 minutes or 60 seconds"
    if not match:
        raise ValueError(message)
    try:
        return timedelta(**{match[2] + "s": int(match[1])})
    except OverflowError:
        raise ValueError(message) from None


Percent = Annotated[float, BeforeValidator(_percent)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


Provided = Literal["orgs", "academic_sessions", "courses", "classes", "students", "staff", "guardians", "enrollments"]
PROVIDED: tuple[Provided, ...] = get_args(Provided)
"""What a source can provide: tables of the roster, users by kind. Guardians are people and whose they are."""


PEOPLE_KEYS = ("sourced_id", "sis_id", "identifier", "username", "email")
MATCHED: dict[str, tuple[str, ...]] = {
    "orgs": ("sourced_id", "sis_id", "name"),
    "academic_sessions": ("sourced_id", "title"),
    "courses": ("sourced_id", "code"),
    "classes": ("sourced_id", "sis_id", "code"),
    **dict.fromkeys(("students", "staff", "guardians"), PEOPLE_KEYS),
}
"""The columns by which records of one thing may be matched across sources."""
_NAMES = ("given_name", "middle_name", "family_name", "preferred_given_name", "preferred_family_name")
_OF_PEOPLE = (*_NAMES, "username", "email", "identifier", "sis_id", "school_id", "status")
WON: dict[str, tuple[str, ...]] = {
    "orgs": ("name", "sis_id"),
    "academic_sessions": ("title", "start_date", "end_date"),
    "courses": ("title", "code"),
    "classes": ("title", "code", "period", "sis_id"),
    **dict.fromkeys(("students", "staff", "guardians"), _OF_PEOPLE),
}
"""The fields for which a source may win over those before it."""


def _match(value: dict[str, str]) -> dict[str, str]:
    for thing, said in value.items():
        columns = [part.strip() for part in said.split("=")]
        if len(columns) > 2 or any(column not in MATCHED.get(thing, ()) for column in columns):
            allowed = ", ".join(MATCHED.get(thing, ()))
            message = (
                f"{thing}: must be a column that both sources have, or `own = earlier`; allowed are {allowed}"
                if allowed
                else f"{thing}: can't be matched; allowed are {', '.join(MATCHED)}"
            )
            raise ValueError(message)
    return value


def _wins(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for thing, fields in value.items():
        if wrong := [one for one in fields if one not in WON.get(thing, ())]:
            message = f"{thing}: {wrong[0]} is not a field of it; allowed are {', '.join(WON.get(thing, ())) or 'none'}"
            raise ValueError(message)
    return value


class Settings(BaseModel):
    """A mapping of the tenant file: it never changes, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Settings):
    """What every source has, whatever its system."""

    hook: ClassVar[str] = "delivery"
    """Module of roster_airflow.hooks that reads it."""
    deltas: ClassVar[bool] = False
    """Whether it may deliver changes only: its extract is then given what was read last, to lay them over."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Names the source in tasks, reports and lineage."""
    system: str
    """Kind of source."""
    connection: str
    """Airflow connection that it is read by."""
    shrink: Percent = 0.02
    """How much a table may shrink against the last good night before the delivery proves nothing."""
    provides: Annotated[tuple[Provided, ...], Field(min_length=1)] = PROVIDED
    """What is taken from it; the rest of what it has serves to match its people and is left out."""
    match: Annotated[dict[Provided, str], AfterValidator(_match)] = Field(default_factory=dict)
    """By which column its records are those of a source before it: `students: sis_id`, or `students: own = earlier`."""
    wins: Annotated[dict[Provided, tuple[str, ...]], AfterValidator(_wins)] = Field(default_factory=dict)
    """Fields of what is matched in which it wins over the sources before it, such as `students: [email]`."""
    max_age: Duration = timedelta(days=3)
    """How old its last good extract may be that stands in for one that failed; an older one stops the night."""

    def on(self, day: date) -> Source:
        """The settings for a night of that day: what asks its source by date puts it in."""
        return self

    def decisive(self, folder: Path) -> dict[str, Any]:
        """What of them decides which rows there are: what an approval is bound to. folder: that of the tenant files."""
        return self.model_dump(mode="json", exclude_defaults=True)


class FileSource(Source):
    """What every source has that is delivered as files."""

    connection: str
    """Airflow connection: type `fs` (extra `path`) for a folder or zip file, or `sftp`."""
    path: str = ""
    """Folder or .zip file below the connection's own path."""
    quiet: Duration = timedelta(seconds=60)
    """A file changed more recently than this counts as still being written."""
    marker: Annotated[str, Field(pattern=r"^[^/\\]+$")] | None = None
    """File that is written when the delivery is whole, such as `done.txt` or `*.ok`; `quiet` is not waited for then."""
    archive: Annotated[str, Field(pattern=r"^[^/]")] | None = None
    """Folder below the connection's own path to which a delivery is moved, by date, after a night that went well."""
