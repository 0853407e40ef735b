"""Which connections tenants name for Canvas, where each comes from and points, and changing one that Airflow keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf, ensure_secrets_loaded, initialize_secrets_backends
from airflow.models.connection import Connection  # noqa: TID251 - no DAG: the API server writes it
from airflow.secrets.environment_variables import EnvironmentVariablesBackend
from airflow.secrets.metastore import MetastoreBackend

from roster.errors import TenantFileWrong
from roster.tenants import Environment, read_tenant, tenant_files
from roster_airflow.hooks.canvas_address import Address, canvas_address

if TYPE_CHECKING:
    from airflow.secrets import BaseSecretsBackend
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Named:
    """A connection, as one tenant names it for one environment."""

    connection_id: str
    tenant: str
    environment: Environment
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Where a connection is. kept_by: the words for a place that this page can't write to; None where it can."""

    connection: Connection | None
    kept_by: str | None


def named() -> tuple[list[Named], list[str]]:
    """The Canvas connections of all tenants, and the ids of tenants whose file can't be read."""
    found, broken = [], []
    for tenant_id, file in tenant_files():
        try:
            tenant = read_tenant(file)
        except TenantFileWrong:
            broken.append(tenant_id)
            continue
        environments: tuple[Environment, ...] = ("test", "production")
        for environment in environments:
            if getattr(tenant.canvas, environment) is not None:
                settings = tenant.environment(environment)
                found.append(Named(settings.connection, tenant_id, environment, tuple(settings.hosts)))
    return found, broken


def found(connection_id: str, session: Session) -> Found:
    """The connection that a task would be given: from the first place that has it."""
    for backend in _backends():
        try:
            connection = backend.get_connection(connection_id)
        except Exception as fault:  # whatever a backend of somebody else's raises
            said = f"the secrets backend {type(backend).__name__}, which can't be asked now ({type(fault).__name__})"
            return Found(None, said)
        if connection is not None:
            if isinstance(backend, EnvironmentVariablesBackend):
                return Found(connection, f"the environment variable AIRFLOW_CONN_{connection_id.upper()}")
            return Found(connection, f"the secrets backend {type(backend).__name__}")
    return Found(session.query(Connection).filter_by(conn_id=connection_id).one_or_none(), None)


def address(connection: Connection, named: list[Named]) -> Address:
    """Where the connection points, checked for every environment that it is named for (CanvasWrongHost)."""
    return checked(connection.host, connection.schema, connection.port, named)


def checked(host: str | None, schema: str | None, port: int | None, named: list[Named]) -> Address:
    """The address of these fields, checked as above."""
    places = [canvas_address(host, schema, port, one.environment, one.hosts) for one in named]
    return places[0]


def as_task_sees_it(connection: Connection) -> Any:
    """The same connection in the type that hooks are given."""
    from airflow.sdk import Connection as SdkConnection

    return SdkConnection(
        conn_id=connection.conn_id,
        conn_type="canvas",
        host=connection.host,
        login=connection.login,
        password=connection.password,
        schema=connection.schema,
        port=connection.port,
        extra=connection.extra,
    )


def put(connection_id: str, session: Session, host: str, client_id: str, secret: str) -> Connection:
    """Write what an administrator gave; a consent that was there before goes, for it is another key's."""
    connection = session.query(Connection).filter_by(conn_id=connection_id).one_or_none()
    if connection is None:
        connection = Connection(conn_id=connection_id, conn_type="canvas")
        session.add(connection)
    connection.conn_type = "canvas"
    connection.host, connection.port, connection.schema = host, None, None
    connection.login = client_id
    if secret:
        connection.set_password(secret)
    set_extra(connection, refresh_token=None, account=None)
    return connection


def set_extra(connection: Connection, **fields: str | None) -> None:
    """Change fields of the extra; None takes one out."""
    extra = {**connection.extra_dejson, **fields}
    connection.set_extra(json.dumps({name: value for name, value in extra.items() if value is not None}))


def _backends() -> Iterator[BaseSecretsBackend]:
    """Where Airflow looks before its own database: tasks may have a backend of their own, and ask it first."""
    if conf.get("workers", "secrets_backend", fallback=""):
        yield from initialize_secrets_backends(default_backends=[])  # theirs alone
    yield from (one for one in ensure_secrets_loaded() if not isinstance(one, MetastoreBackend))
