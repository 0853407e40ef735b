"""Settings of a source of system `clever`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from roster.settings.grammar import Source


class Clever(Source):
    """A Clever district over its Data API 3.1: schools, users, sections, courses and terms."""

    hook: ClassVar[str] = "clever"

    system: Literal["clever"]
    """Kind of source."""
    connection: str
    """Airflow connection of type `clever`: the district's token, or client id and secret."""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    """Records asked for in one page; lowered by itself where Clever finds it too many."""
