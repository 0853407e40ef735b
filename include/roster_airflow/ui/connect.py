"""The page that connects a Canvas: address, client id and secret; consent at Canvas; the account; done.

How far a connection is follows from itself: configured (client id and secret), authorised (a refresh token as well),
account chosen (`account` in its extra).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_connection
from airflow.configuration import conf
from airflow.models.connection import Connection  # noqa: TID251 - no DAG: the API server writes it
from airflow.sdk.log import mask_secret
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader

from roster.canvas_scopes import all_scopes
from roster.errors import CanvasRefused, CanvasTokenDead, CanvasWrongHost, RosterError
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_address import Address, canvas_address
from roster_airflow.hooks.canvas_token import SharedToken, ask, oauth_key
from roster_airflow.ui import origins, sealing

REDIRECT_PATH = "/roster/canvas/authorize"
router = APIRouter(
    prefix="/canvas",
    dependencies=[Depends(requires_access_connection("PUT")), Depends(requires_access_connection("POST"))],
)
_templates = Templates(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_REFUSED = {
    "access_denied": "Canvas was told Cancel: nothing has been connected. Begin again when you are ready.",
    "invalid_scope": "The developer key does not allow every scope that is asked for. Add the ones listed below to it "
    "(Canvas: Admin, Developer Keys, the key, Enforce Scopes), then begin again.",
    "unauthorized_client": "The developer key is off for this account. Set its State to ON (Canvas: Admin, Developer "
    "Keys), then begin again.",
}


class Account(msgspec.Struct, frozen=True):
    """An account of Canvas; sis_account_id is absent where the token may not see it."""

    number: int = msgspec.field(name="id")
    name: str = ""
    sis_account_id: str | None = None


@dataclass(frozen=True)
class Asked:
    """A request that has been let in: by whom, from which browser, about which connection."""

    user: str
    number: str
    session: Any
    named: list[origins.Named]

    def about(self, connection_id: str) -> list[origins.Named]:
        """The tenants that name the connection; none where it is not ours to touch."""
        return [one for one in self.named if one.connection_id == connection_id]


def asked(request: Request, user: GetUserDep, session: SessionDep) -> Asked:
    """What every route begins with."""
    number = request.cookies.get(sealing.COOKIE) or sealing.new_number()
    return Asked(str(user.get_id()), number, session, origins.named()[0])


AskedDep = Annotated[Asked, Depends(asked)]


@router.get("")
def overview(asked: AskedDep) -> Response:
    """The connections that tenants name, and how far each is."""
    ids = dict.fromkeys(one.connection_id for one in asked.named)
    rows = [{"id": one, "named": asked.about(one), **_standing(origins.found(one, asked.session))} for one in ids]
    return _page(asked, "overview.html", rows=rows, broken=origins.named()[1])


@router.get("/authorize")
def authorize(request: Request, asked: AskedDep) -> Response:
    """Where Canvas sends the person back: the code is exchanged, once."""
    said = dict(parse_qsl(request.scope["state"].get("hidden_query", "")))
    connection_id = sealing.opened("state", said.get("state", ""), asked.number, asked.user)
    if connection_id is None:
        return _stop(
            asked,
            "This answer does not belong to a connection that was begun in this browser, by you, in the "
            "last half hour. Nothing has been connected. Begin again.",
            400,
        )
    if "error" in said:
        known = _REFUSED.get(
            said["error"], "Canvas refused. Begin again; if it refuses again, look at the developer key."
        )
        return _stop(asked, known, 400, connection_id, said["error"] == "invalid_scope")
    found = origins.found(connection_id, asked.session)
    if not asked.about(connection_id) or found.kept_by or found.connection is None:
        return _stop(asked, "This connection can't be changed here any more.", 409)
    connection = found.connection
    try:
        address = _address(connection, asked.about(connection_id))
        given = ask(
            address.url,
            {
                "grant_type": "authorization_code",
                "client_id": connection.login or "",
                "client_secret": connection.password or "",
                "redirect_uri": redirect_uri(),
                "code": said.get("code", ""),
            },
        )
        if not given.refresh_token:
            message = "Canvas gave no refresh token: make a new developer key of type API key, and begin again"
            raise CanvasRefused(message)
        mask_secret(given.access_token)
        mask_secret(given.refresh_token)
        origins.set_extra(connection, refresh_token=given.refresh_token)
        key = oauth_key(_as_sdk(connection), address)
        assert key is not None  # noqa: S101 - it has a client id
        SharedToken(key).keep(given)
    except RosterError as wrong:
        return _stop(asked, str(wrong), 502, connection_id)
    answer = RedirectResponse(f"{base_url()}/roster/canvas/{connection_id}", 303)
    _renew_cookie(answer)  # so that the state is not taken twice
    return answer


@router.get("/{connection_id}")
def one(connection_id: str, asked: AskedDep) -> Response:
    """One connection: the form, or the account, or what is done."""
    about = asked.about(connection_id)
    if not about:
        return _stop(asked, "No tenant names a Canvas connection of this id.", 404)
    found = origins.found(connection_id, asked.session)
    standing = _standing(found)
    accounts, wrong = None, None
    if standing["state"] in ("authorised", "account chosen") and found.connection is not None:
        try:
            accounts = _accounts(found.connection, about)
        except RosterError as fault:
            wrong = str(fault)
    return _page(
        asked,
        "connection.html",
        id=connection_id,
        named=about,
        accounts=accounts,
        wrong=wrong,
        redirect_uri=redirect_uri(),
        scopes=all_scopes(),
        proof=sealing.seal("form", asked.number, asked.user, connection_id),
        **standing,
    )


@router.post("/{connection_id}/begin")
def begin(
    connection_id: str,
    asked: AskedDep,
    proof: Annotated[str, Form()] = "",
    host: Annotated[str, Form()] = "",
    client_id: Annotated[str, Form()] = "",
    secret: Annotated[str, Form()] = "",
) -> Response:
    """Keep what was given, and go to Canvas for the consent."""
    if stop := _may_change(asked, connection_id, proof):
        return stop
    try:
        settings = [
            canvas_address(host.strip(), None, None, one.environment, one.hosts) for one in asked.about(connection_id)
        ]
    except CanvasWrongHost as wrong:
        return _stop(asked, str(wrong), 400, connection_id)
    kept = origins.found(connection_id, asked.session).connection
    if not client_id.strip().isdecimal():
        return _stop(
            asked,
            "A client id is a number: copy it from the Details column of Admin, Developer Keys.",
            400,
            connection_id,
        )
    is_kept = kept and kept.host == settings[0].url and kept.login == client_id.strip() and kept.password
    if not secret.strip() and not is_kept:  # a kept secret goes to no other host
        return _stop(
            asked,
            "The client secret is missing: with another address or client id it is given anew.",
            400,
            connection_id,
        )
    origins.put(connection_id, asked.session, settings[0].url, client_id.strip(), secret.strip())
    query = urlencode(
        {
            "client_id": client_id.strip(),
            "response_type": "code",
            "redirect_uri": redirect_uri(),
            "state": sealing.seal("state", asked.number, asked.user, connection_id),
            "scope": " ".join(all_scopes()),
        }
    )
    answer = RedirectResponse(f"{settings[0].url}/login/oauth2/auth?{query}", 303)
    _set_cookie(answer, asked.number)
    return answer


@router.post("/{connection_id}/account")
def account(
    connection_id: str,
    asked: AskedDep,
    proof: Annotated[str, Form()] = "",
    account: Annotated[str, Form()] = "",
) -> Response:
    """Keep which account was chosen; empty for the root account."""
    if stop := _may_change(asked, connection_id, proof):
        return stop
    connection = origins.found(connection_id, asked.session).connection
    try:
        offered = _accounts(connection, asked.about(connection_id)) if connection is not None else []
    except RosterError as wrong:
        return _stop(asked, str(wrong), 502, connection_id)
    if connection is None or account not in {one.sis_account_id or "" for one in offered}:
        return _stop(asked, "This account is not among those that Canvas has.", 400, connection_id)
    origins.set_extra(connection, account=account)
    return RedirectResponse(f"{base_url()}/roster/canvas/{connection_id}", 303)


@router.post("/{connection_id}/disconnect")
def disconnect(connection_id: str, asked: AskedDep, proof: Annotated[str, Form()] = "") -> Response:
    """Have Canvas forget the tokens, and forget them here; client id and secret stay."""
    if stop := _may_change(asked, connection_id, proof):
        return stop
    connection = origins.found(connection_id, asked.session).connection
    if connection is not None:
        try:
            key = oauth_key(_as_sdk(connection), _address(connection, asked.about(connection_id)))
            if key is not None:
                SharedToken(key).revoke()
        except CanvasTokenDead:
            pass  # Canvas has forgotten them already
        except RosterError as wrong:
            return _stop(asked, f"Not disconnected: {wrong}", 502, connection_id)
        origins.set_extra(connection, refresh_token=None, account=None)
    return RedirectResponse(f"{base_url()}/roster/canvas/{connection_id}", 303)


def base_url() -> str:
    """Airflow's own address, as `[api] base_url` has it."""
    return (conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")


def redirect_uri() -> str:
    """What belongs into the developer key."""
    return base_url() + REDIRECT_PATH


def _may_change(asked: Asked, connection_id: str, proof: str) -> Response | None:
    """Why a form is not taken; None where it is."""
    if sealing.opened("form", proof, asked.number, asked.user) != connection_id or not asked.about(connection_id):
        return _stop(asked, "The form is too old, or was not made for this browser. Open the page anew.", 403)
    found = origins.found(connection_id, asked.session)
    if found.kept_by:
        return _stop(
            asked, f"Connection {connection_id} comes from {found.kept_by}: it is changed there, not here.", 409
        )
    return None


def _standing(found: origins.Found) -> dict[str, Any]:
    connection = found.connection
    if connection is None:
        return {"state": "not configured", "kept_by": found.kept_by, "host": "", "client_id": "", "account": None}
    extra = connection.extra_dejson
    if not connection.login:
        state = "a token" if connection.password else "not configured"
    elif not extra.get("refresh_token"):
        state = "configured"
    else:
        state = "authorised" if extra.get("account") is None else "account chosen"
    return {
        "state": state,
        "kept_by": found.kept_by,
        "host": connection.host or "",
        "client_id": connection.login or "",
        "account": extra.get("account"),
    }


def _address(connection: Connection, named: list[origins.Named]) -> Address:
    """Where the connection points, checked for every environment that it is named for."""
    places = [
        canvas_address(connection.host, connection.schema, connection.port, one.environment, one.hosts) for one in named
    ]
    return places[0]


class _Kept(CanvasHook):
    """The hook over a connection in hand: the API server's look-up of connections is not the tasks'."""

    kept: Any

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]
        """The one in hand."""
        return self.kept


def _accounts(connection: Connection, named: list[origins.Named]) -> list[Account]:
    """The root account and all below it."""
    hook = _Kept(connection.conn_id, named[0].environment, named[0].hosts)
    hook.kept = _as_sdk(connection)
    hook.retry_delays = ()
    what = "GET accounts/self/sub_accounts"
    root = hook.read("/api/v1/accounts/self", Account, "GET accounts/self")
    below = [
        account
        for page in hook.pages("/api/v1/accounts/self/sub_accounts?recursive=true&per_page=100", list[Account], what)
        for account in page
    ]
    return [Account(root.number, root.name), *(account for account in below if account.sis_account_id)]


def _as_sdk(connection: Connection) -> Any:
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


def _page(asked: Asked, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    text = _templates.get_template(template).render(base=base_url(), **values)
    answer = HTMLResponse(text, status)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers["X-Frame-Options"] = "DENY"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    _set_cookie(answer, asked.number)
    return answer


def _stop(asked: Asked, says: str, status: int, connection_id: str | None = None, scopes: bool = False) -> HTMLResponse:
    """A page that says what is wrong and leads back."""
    return _page(asked, "stop.html", status, says=says, id=connection_id, scopes=all_scopes() if scopes else ())


def _set_cookie(answer: Response, number: str) -> None:
    answer.set_cookie(
        sealing.COOKIE,
        number,
        path="/",
        httponly=True,
        secure=base_url().startswith("https"),
        samesite="lax",
    )


def _renew_cookie(answer: Response) -> None:
    _set_cookie(answer, sealing.new_number())


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
