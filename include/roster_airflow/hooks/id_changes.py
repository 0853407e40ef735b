"""The tenant's mapping of ids: a file by a connection of type `fs` or `sftp`, or a query by that of a database.

A database is asked through its provider's DbApiHook, so that any connection type with one will do.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from roster.errors import SourceUnreachable, SourceUnreadable, TenantFileWrong
from roster_airflow.hooks.delivery import delivery

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Engine

    from roster.tenants import IdChanges


class _Place(NamedTuple):
    """The folder that the mapping's file lies in, as a delivery's settings."""

    name: str
    connection: str
    path: str


def id_changes(settings: IdChanges | None) -> pl.DataFrame | None:
    """sources.id_changes.ID_CHANGES of a tenant that has a mapping. Raises SourceFault, TenantFileWrong."""
    from roster.sources.id_changes import from_file  # polars

    if settings is None:
        return None
    if settings.path is None:
        return _asked(settings.connection, settings.query or "")
    path = PurePosixPath(settings.path)
    return from_file(delivery(_Place("id_changes", settings.connection, str(path.parent))), path.name)


def _asked(connection: str, query: str) -> pl.DataFrame:
    """What the query answers. What a driver says of a fault may hold the query or the data: it is not passed on."""
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    from roster.sources.id_changes import from_query

    engine = _engine(connection)
    try:
        with engine.connect() as database:
            answer = database.exec_driver_sql(query)
            names, rows = list(answer.keys()), answer.fetchall()
    except OperationalError as fault:
        message = (
            f"id_changes: the database of connection {connection} did not answer as it should ({_kind(fault)}): see "
            "its address and the query, or wait"
        )
        raise SourceUnreachable(message) from None
    except SQLAlchemyError as fault:
        message = f"id_changes: the database of connection {connection} gives no rows for the query ({_kind(fault)})"
        raise SourceUnreadable(message) from None
    finally:
        engine.dispose()
    return from_query(names, rows)


def _engine(connection: str) -> Engine:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from sqlalchemy.exc import ArgumentError

    try:
        hook = BaseHook.get_hook(connection)
        engine: Engine | None = hook.get_sqlalchemy_engine() if isinstance(hook, DbApiHook) else None
    except AirflowNotFoundException:
        message = f"id_changes: Airflow knows no connection {connection}: make it, or correct the name"
        raise TenantFileWrong(message) from None
    except (AirflowException, ArgumentError):
        engine = None
    if engine is None:
        message = f"id_changes: connection {connection} is not one of a database whose provider is installed"
        raise TenantFileWrong(message)
    return engine


def _kind(fault: Exception) -> str:
    return type(getattr(fault, "orig", None) or fault).__name__
