"""The consent of a person at Canvas: where they are sent for it, what is made of the answer, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from airflow.sdk.log import mask_secret

from roster.canvas_scopes import all_scopes
from roster.errors import CanvasRefused, CanvasTokenDead
from roster_airflow.hooks.canvas_token import SharedToken, ask, oauth_key
from roster_airflow.ui import origins
from roster_airflow.ui.pages import redirect_uri

if TYPE_CHECKING:
    from airflow.models.connection import Connection  # noqa: TID251 - no DAG: the API server writes it
    from fastapi import Request

_REFUSED = {
    "access_denied": "Canvas was told Cancel: nothing has been connected. Begin again when you are ready.",
    "invalid_scope": "The developer key does not allow every scope that is asked for. Add the ones listed below to it "
    "(Canvas: Admin, Developer Keys, the key, Enforce Scopes), then begin again.",
    "unauthorized_client": "The developer key is off for this account. Set its State to ON (Canvas: Admin, Developer "
    "Keys), then begin again.",
}
_REFUSED_OTHERWISE = "Canvas refused. Begin again; if it refuses again, look at the developer key."


def address(canvas: str, client_id: str, state: str) -> str:
    """Canvas's page that asks for the consent. canvas: its address."""
    query = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri(),
        "state": state,
        "scope": " ".join(all_scopes()),
    }
    return f"{canvas}/login/oauth2/auth?{urlencode(query)}"


def answer(request: Request) -> dict[str, str]:
    """What Canvas says with the person it sends back: state, and code or error."""
    return dict(parse_qsl(request.scope["state"].get("hidden_query", "")))


def refusal(error: str) -> str:
    """What an error means that Canvas sends a person back with, and what to do."""
    return _REFUSED.get(error, _REFUSED_OTHERWISE)


def exchange(connection: Connection, named: list[origins.Named], code: str) -> None:
    """Have the tokens for the code, and keep both: the refresh token in the connection, the other where tasks share it.

    Raises what Canvas's refusal means; nothing is kept then.
    """
    place = origins.address(connection, named)
    form = {
        "grant_type": "authorization_code",
        "client_id": connection.login or "",
        "client_secret": connection.password or "",
        "redirect_uri": redirect_uri(),
        "code": code,
    }
    given = ask(place.url, form)
    if not given.refresh_token:
        message = "Canvas gave no refresh token: make a new developer key of type API key, and begin again"
        raise CanvasRefused(message)
    mask_secret(given.access_token)
    mask_secret(given.refresh_token)
    origins.set_extra(connection, refresh_token=given.refresh_token)
    key = oauth_key(origins.as_task_sees_it(connection), place)
    assert key is not None  # noqa: S101 - it has a client id
    SharedToken(key).keep(given)


def take_back(connection: Connection, named: list[origins.Named]) -> None:
    """Have Canvas forget the tokens, and forget them here; client id and secret stay."""
    try:
        key = oauth_key(origins.as_task_sees_it(connection), origins.address(connection, named))
        if key is not None:
            SharedToken(key).revoke()
    except CanvasTokenDead:
        pass  # Canvas has forgotten them already
    origins.set_extra(connection, refresh_token=None, account=None)


class HideQuery:
    """Takes the query out of the request before anything logs it: Canvas's answer holds a code."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on; the query is in the request's state from then on."""
        if scope["type"] == "http" and scope["path"].endswith("/canvas/authorize"):
            scope.setdefault("state", {})["hidden_query"] = scope["query_string"].decode("latin-1")
            scope["query_string"] = b""
        await self._app(scope, receive, send)
