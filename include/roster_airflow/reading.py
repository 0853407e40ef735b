"""What a source is read from, by its system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roster.tenants import Clever

if TYPE_CHECKING:
    from roster.sources import Reading
    from roster.tenants import SourceSettings


def reading_for(settings: SourceSettings) -> Reading:
    """The files or the API of that source. Raises TenantFileWrong for a connection that does not fit."""
    if isinstance(settings, Clever):
        from roster_airflow.hooks.clever import CleverHook

        return CleverHook(settings.connection)
    from roster_airflow.hooks.delivery import delivery

    return delivery(settings)
