"""After a night that handed on: what its sources delivered as files goes to their archives."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from roster.errors import SourceFault, TenantFileWrong
from roster.runs import reading
from roster.settings.grammar import FileSource
from roster.steps import Done, Night

log = logging.getLogger(__name__)


def put_away(night: Night, extracts: Mapping[str, Done]) -> None:
    """Archive what was read for these extracts, where the tenant has it so; what can't be is kept for the verdict.

    It never fails a night: everything that was read is in the run folder.
    """
    for name, done in extracts.items():
        settings = night.tenant.source(name)
        if isinstance(settings, FileSource) and settings.archive and not done["counts"]["stale"]:
            said = _put_away(night, settings, done["path"])
            log.info("%s: %s", name, said or f"archived in {settings.archive}")
            if said:
                night.store.write(_kept(night, name), f"source {name}: {said}".encode())
            else:
                night.store.remove(_kept(night, name))  # of an earlier try


def left(night: Night) -> list[str]:
    """What could not be archived in this run, and why."""
    folder = f"{night.run.path}/not-archived"
    return [night.store.read(f"{folder}/{name}").decode() for name in night.store.names(folder)]


def _put_away(night: Night, settings: FileSource, path: str) -> str | None:
    """Archive one source's delivery; what a person should know, None if all went well."""
    from roster.sources.deliveries import noted
    from roster.steps.extract import keep_as_archived
    from roster_airflow.hooks.delivery import archive

    with reading(night.store, path) as folder:
        read = noted(folder)
    keep_as_archived(night, {settings.name: path})
    try:
        stay = archive(settings, read, night.today)
    except (SourceFault, TenantFileWrong) as fault:
        return f"what was read is not archived: {fault}"
    if not stay:
        return None
    return f"{', '.join(stay)} changed since it was read, so it is not archived: the next night reads it"


def _kept(night: Night, source: str) -> str:
    return f"{night.run.path}/not-archived/{source}"
