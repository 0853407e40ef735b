"""Which query answers for which table: a view that the tenant names, a file of its own, or one of a pack."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from roster.errors import TenantFileWrong
from roster.settings import SisDb
from roster.settings.sis_db import TABLES, Table
from roster.sources import Statement
from roster.sources.sis_db import sql

PACKS = Path(__file__).parent / "packs"


def asked(settings: SisDb, folder: Path) -> dict[Table, Statement]:
    """The query of each table that the source provides. folder: that of the tenant files. Raises TenantFileWrong."""
    own = _own(settings, folder)
    pack = {file.stem: file for file in (PACKS / settings.pack).glob("*.sql")} if settings.pack else {}
    found = {}
    for table in TABLES:
        if table in settings.views:
            view = settings.views[table]
            found[table] = Statement(view, f"SELECT * FROM {view}", {})  # noqa: S608 -- its name was checked
        elif file := own.get(table) or pack.get(table):
            found[table] = _statement(file, settings)
    if unasked := sorted(set(settings.columns) - set(found)):
        message = f"source {settings.name}: columns names {unasked[0]}, for which there is no query and no view"
        raise TenantFileWrong(message)
    return found


def _own(settings: SisDb, folder: Path) -> Mapping[str, Path]:
    if settings.queries is None:
        return {}
    there = folder / settings.queries
    if not there.resolve().is_relative_to(folder.resolve()):
        message = f"source {settings.name}: queries leads out of the folder of the tenant files: keep them below it"
        raise TenantFileWrong(message)
    files = {file.stem: file for file in sorted(there.glob("*.sql")) if not file.name.startswith(".")}
    if not files:
        message = f"source {settings.name}: no .sql file in {settings.queries}, below the folder of the tenant files"
        raise TenantFileWrong(message)
    if strange := [stem for stem in files if stem not in TABLES]:
        message = f"source {settings.name}: {strange[0]}.sql: no such table; there are {', '.join(TABLES)}"
        raise TenantFileWrong(message)
    if outside := [file.name for file in files.values() if not file.resolve().is_relative_to(folder.resolve())]:
        message = f"source {settings.name}: {outside[0]} leads out of the folder of the tenant files: keep it below it"
        raise TenantFileWrong(message)
    return files


def _statement(file: Path, settings: SisDb) -> Statement:
    try:
        text = sql.one(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        message = f"source {settings.name}: {file.name} is not UTF-8"
        raise TenantFileWrong(message) from None
    except ValueError as fault:
        message = f"source {settings.name}: {file.name} {fault}"
        raise TenantFileWrong(message) from None
    names = sql.named(text)
    if unknown := [name for name in names if name not in settings.parameters]:
        message = (
            f"source {settings.name}: {file.name} asks for :{unknown[0]}: give it under parameters; known are "
            f"{', '.join(f':{name}' for name in settings.parameters)}"
        )
        raise TenantFileWrong(message)
    return Statement(file.name, text, {name: settings.parameters[name] for name in names})
