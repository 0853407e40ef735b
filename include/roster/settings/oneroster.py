"""Settings of a source of system `oneroster`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from roster.settings.grammar import Source


class OneRoster(Source):
    """A OneRoster provider over its REST service, version 1.1 or 1.2."""

    hook: ClassVar[str] = "oneroster"

    system: Literal["oneroster"]
    """Kind of source."""
    connection: str
    """Airflow connection of type `oneroster`: the service's address, and client id and secret."""
    version: Annotated[Literal["1.1", "1.2"], BeforeValidator(str)] = "1.1"
    """Version of OneRoster that the provider speaks."""
    endpoints: Literal["bulk", "schools"] = "bulk"
    """Lists of the whole provider, or those of each school; of schools there are no guardians and no other staff."""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Records asked for in one page; a provider may give fewer."""
