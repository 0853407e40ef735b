"""What the hooks of sources over HTTP have in common: their connection, a bare session, and one request at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk.exceptions import AirflowNotFoundException
from requests import PreparedRequest, RequestException, Response, Session
from requests.exceptions import SSLError
from requests.utils import default_headers

from roster.errors import SourceFault, SourceUnreachable, TenantFileWrong
from roster_airflow.hooks.canvas import CONNECT_SECONDS

if TYPE_CHECKING:
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.sdk import Connection


def connection_of(hook: HttpHook, name: str) -> Connection:
    """The connection of that name; TenantFileWrong where there is none, or one of another type than the hook's."""
    try:
        found = hook.get_connection(name)
    except AirflowNotFoundException:
        message = f"there is no connection {name}: give it as AIRFLOW_CONN_{name.upper()} or as a secret"
        raise TenantFileWrong(message) from None
    if found.conn_type != hook.conn_type:
        message = f"connection {name} has another type than {hook.conn_type}"
        raise TenantFileWrong(message)
    return found


def bare(session: Session, headers: dict[Any, Any] | None) -> Session:
    """The session without headers or log-in of the connection's: its extra may hold secrets."""
    session.headers.clear()
    session.headers.update({**default_headers(), "Accept": "application/json", "User-Agent": "roster-sync"})
    session.headers.update(headers or {})
    session.auth = None
    return session


def sent(
    session: Session, request: PreparedRequest, connection: Connection, usual: float, *, stream: bool = False
) -> Response:
    """One request, once, without following a redirect. usual: seconds of patience where the connection names none.

    stream: leave the body to be read. Raises SourceFault, SourceUnreachable; TenantFileWrong for a patience that is
    none.
    """
    settings = session.merge_environment_settings(request.url, session.proxies, stream, session.verify, session.cert)
    patience = (CONNECT_SECONDS, _patience(connection, usual))
    host = urlsplit(request.url or "").netloc
    try:
        return session.send(request, allow_redirects=False, timeout=patience, **settings)
    except SSLError:
        wrong: SourceFault = SourceFault(
            f"no TLS with {host}: its certificate can't be verified, or it speaks no TLS at all"
        )
    except RequestException as error:  # its text has the URL in it
        wrong = SourceUnreachable(f"no whole answer from {host} ({type(error).__name__})")
    raise wrong


def _patience(connection: Connection, usual: float) -> float:
    said = connection.extra_dejson.get("timeout") or usual
    try:
        return float(said)
    except (TypeError, ValueError):
        message = f"connection {connection.conn_id}: timeout must be a number of seconds, such as {usual:.0f}"
        raise TenantFileWrong(message) from None
