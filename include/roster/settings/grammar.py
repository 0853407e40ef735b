"""What the models of the tenant file are made of, and the keys that every source has."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


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
    if not match:
        message = "must be a time span such as 30 days, 4 hours, 90 minutes or 60 seconds"
        raise ValueError(message)
    return timedelta(**{match[2] + "s": int(match[1])})


Percent = Annotated[float, BeforeValidator(_percent)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


Provided = Literal["orgs", "academic_sessions", "courses", "classes", "students", "staff", "guardians", "enrollments"]
PROVIDED: tuple[Provided, ...] = get_args(Provided)
"""What a source can provide: tables of the roster, users by kind. Guardians are people and whose they are."""


class Settings(BaseModel):
    """A mapping of the tenant file: it never changes, and a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Settings):
    """What every source has, whatever its system."""

    hook: ClassVar[str] = "delivery"
    """Module of roster_airflow.hooks that reads it."""

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
    max_age: Duration = timedelta(days=3)
    """How old its last good extract may be that stands in for one that failed; an older one stops the night."""


class FileSource(Source):
    """What every source has that is delivered as files."""

    connection: str
    """Airflow connection: type `fs` (extra `path`) for a folder or zip file, or `sftp`."""
    path: str = ""
    """Folder or .zip file below the connection's own path."""
    quiet: Duration = timedelta(seconds=60)
    """A file changed more recently than this counts as still being written."""
