"""The page that connects a Canvas: address, client id and secret; consent at Canvas; the account; done.

How far a connection is follows from itself: configured (client id and secret), authorised (a refresh token as well),
account chosen (`account` in its extra).
"""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import requires_access_connection
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from roster.canvas_scopes import all_scopes
from roster.errors import CanvasWrongHost, RosterError
from roster_airflow.ui import consent, origins, sealing
from roster_airflow.ui.accounts import accounts
from roster_airflow.ui.asked import Asked, AskedDep
from roster_airflow.ui.pages import back_to, page, redirect_uri, set_cookie, stop

router = APIRouter(
    prefix="/canvas",
    dependencies=[Depends(requires_access_connection("PUT")), Depends(requires_access_connection("POST"))],
)


@router.get("")
def overview(asked: AskedDep) -> Response:
    """The connections that tenants name, and how far each is."""
    ids = dict.fromkeys(one.connection_id for one in asked.named)
    rows = [{"id": one, "named": asked.about(one), **_standing(asked.found(one))} for one in ids]
    return page(asked, "overview.html", rows=rows, broken=asked.broken)


@router.get("/authorize")
def authorize(request: Request, asked: AskedDep) -> Response:
    """Where Canvas sends the person back: the code is exchanged, once."""
    said = consent.answer(request)
    connection_id = asked.opened("state", said.get("state", ""))
    if connection_id is None:
        return stop(
            asked,
            "This answer does not belong to a connection that was begun in this browser, by you, in the "
            "last half hour. Nothing has been connected. Begin again.",
            400,
        )
    if error := said.get("error"):
        return stop(asked, consent.refusal(error), 400, connection_id, scopes=error == "invalid_scope")
    about, found = asked.about(connection_id), asked.found(connection_id)
    if not about or found.kept_by or found.connection is None:
        return stop(asked, "This connection can't be changed here any more.", 409)
    try:
        consent.exchange(found.connection, about, said.get("code", ""))
    except RosterError as wrong:
        return stop(asked, str(wrong), 502, connection_id)
    answer = back_to(connection_id)
    set_cookie(answer, sealing.new_number())  # so that the state is not taken twice
    return answer


@router.get("/{connection_id}")
def one(connection_id: str, asked: AskedDep) -> Response:
    """One connection: the form, or the account, or what is done."""
    about, found = asked.about(connection_id), asked.found(connection_id)
    if not about:
        return stop(asked, "No tenant names a Canvas connection of this id.", 404)
    standing = _standing(found)
    offered, wrong = None, None
    if standing["state"] in ("authorised", "account chosen") and found.connection and not found.kept_by:
        try:
            offered = accounts(found.connection, about)
        except RosterError as fault:
            wrong = str(fault)
    return page(
        asked,
        "connection.html",
        id=connection_id,
        named=about,
        accounts=offered,
        wrong=wrong,
        redirect_uri=redirect_uri(),
        scopes=all_scopes(),
        proof=asked.seal("form", connection_id),
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
    if refused := _may_change(asked, connection_id, proof):
        return refused
    client_id, secret = client_id.strip(), secret.strip()
    try:
        canvas = origins.checked(host.strip(), None, None, asked.about(connection_id)).url
    except CanvasWrongHost as wrong:
        return stop(asked, str(wrong), 400, connection_id)
    if not client_id.isdecimal():
        says = "A client id is a number: copy it from the Details column of Admin, Developer Keys."
        return stop(asked, says, 400, connection_id)
    kept = asked.found(connection_id).connection
    is_kept = kept and kept.host == canvas and kept.login == client_id and kept.password
    if not secret and not is_kept:  # a kept secret goes to no other host
        says = "The client secret is missing: with another address or client id it is given anew."
        return stop(asked, says, 400, connection_id)
    origins.put(connection_id, asked.session, canvas, client_id, secret)
    answer = RedirectResponse(consent.address(canvas, client_id, asked.seal("state", connection_id)), 303)
    set_cookie(answer, asked.number)
    return answer


@router.post("/{connection_id}/account")
def account(
    connection_id: str,
    asked: AskedDep,
    proof: Annotated[str, Form()] = "",
    account: Annotated[str, Form()] = "",
) -> Response:
    """Keep which account was chosen; empty for the root account."""
    if refused := _may_change(asked, connection_id, proof):
        return refused
    connection = asked.found(connection_id).connection
    try:
        offered = accounts(connection, asked.about(connection_id)) if connection is not None else []
    except RosterError as wrong:
        return stop(asked, str(wrong), 502, connection_id)
    if connection is None or account not in {one.sis_account_id or "" for one in offered}:
        return stop(asked, "This account is not among those that Canvas has.", 400, connection_id)
    origins.set_extra(connection, account=account)
    return back_to(connection_id)


@router.post("/{connection_id}/disconnect")
def disconnect(connection_id: str, asked: AskedDep, proof: Annotated[str, Form()] = "") -> Response:
    """Have Canvas forget the tokens, and forget them here; client id and secret stay."""
    if refused := _may_change(asked, connection_id, proof):
        return refused
    connection = asked.found(connection_id).connection
    if connection is not None:
        try:
            consent.take_back(connection, asked.about(connection_id))
        except RosterError as wrong:
            return stop(asked, f"Not disconnected: {wrong}", 502, connection_id)
    return back_to(connection_id)


def _may_change(asked: Asked, connection_id: str, proof: str) -> Response | None:
    """Why a form is not taken; None where it is."""
    if asked.opened("form", proof) != connection_id or not asked.about(connection_id):
        return stop(asked, "The form is too old, or was not made for this browser. Open the page anew.", 403)
    if place := asked.found(connection_id).kept_by:
        return stop(asked, f"Connection {connection_id} comes from {place}: it is changed there, not here.", 409)
    return None


def _standing(found: origins.Found) -> dict[str, Any]:
    """How far a connection is, and what of it is shown."""
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
