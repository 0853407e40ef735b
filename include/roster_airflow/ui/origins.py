"""Which connections tenants name for Canvas, where each comes from, and changing one that Airflow itself keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.configuration import ensure_secrets_loaded
from airflow.models.connection import Connection  # noqa: TID251 - no DAG: the API server writes it
from airflow.secrets.environment_variables import EnvironmentVariablesBackend
from airflow.secrets.metastore import MetastoreBackend

from roster.errors import TenantFileWrong
from roster.tenants import Environment, read_tenant, tenant_files

if TYPE_CHECKING:
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
    """The connection that Airflow would take: from the first place that has it."""
    for backend in ensure_secrets_loaded():
        if isinstance(backend, MetastoreBackend):
            continue
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
