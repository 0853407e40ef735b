"""What a source is read with: the module of `roster_airflow.hooks` that its settings name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roster.settings import SourceSettings


def reading_for(settings: SourceSettings) -> Any:
    """What the source's package reads from. Raises TenantFileWrong for a connection that does not fit."""
    return _hook(settings).reading(settings)


def seen(settings: SourceSettings) -> str:
    """What can be seen of the source through its connection, in a few words. Raises RosterError: what to do."""
    said: str = _hook(settings).seen(settings)
    return said


def _hook(settings: SourceSettings) -> Any:
    return import_module(f"roster_airflow.hooks.{settings.hook}")
