"""`/login/oauth2/…`: the page on which a person lets an application in, and the tokens that come of it.

There is no log-in before the page: whoever opens it is the one person there is.
"""

from __future__ import annotations

import base64
import binascii
import html
import sqlite3
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from roster_sandbox.canvas import tokens
from roster_sandbox.canvas.answers import US
from roster_sandbox.canvas.keys import DeveloperKey
from roster_sandbox.canvas.options import Refused
from roster_sandbox.canvas.sandbox import Db, sandbox_of

router = APIRouter(prefix="/login/oauth2")

_UNKNOWN = (401, "invalid_client", "unknown client")
_SECRET = (401, "invalid_client", "invalid client")
_REDIRECT = (400, "invalid_request", "redirect_uri does not match client settings")
_REFRESH = (400, "invalid_request", "refresh_token not found")
_CODE = (400, "invalid_grant", "authorization_code not found")
_OTHERS = (400, "invalid_grant", "incorrect client")
_NO_CODE = (
    400,
    "invalid_request",
    "You must provide the code parameter when using the authorization_code grant type",
)
_NO_REFRESH = (
    400,
    "invalid_request",
    "You must provide the refresh_token parameter when using the refresh_token grant type",
)
_GRANT = (400, "unsupported_grant_type", "The grant_type you requested is not currently supported")
_SCOPE = (
    "A requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner. "
    "The following scopes were requested, but not granted: "
)

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Authorize {name}</title>
<style>
body {{ font: 1rem/1.5 sans-serif; background: #f5f5f5; margin: 0; }}
main {{ background: #fff; max-width: 30rem; margin: 2rem auto; padding: 1.5rem; border: 1px solid #c7cdd1; }}
ul {{ font: .8rem/1.6 monospace; overflow-wrap: anywhere; padding-left: 1.2rem; }}
button {{ font: inherit; padding: .6rem 1.2rem; border: 1px solid #c7cdd1; background: #f5f5f5; }}
button[name=accept] {{ background: #0374b5; color: #fff; }}
</style></head>
<body><main><h1>{name}</h1>
<p>{name} is requesting access to your account at {host}. You are authorizing this app as <b>{user}</b>.</p>
{scopes}
<form method="post" action="/login/oauth2/confirm{query}">
<button name="cancel" value="1">Cancel</button> <button name="accept" value="1">Authorize</button>
</form></main></body></html>
"""


@router.get("/auth", response_model=None)
def auth(request: Request, db: Db) -> Response:
    """The page with Cancel and Authorize; `prompt=none` and a token that exists already are not played."""
    asked = dict(request.query_params)
    key = _key(request, asked.get("client_id"))
    if not _fits(key, asked.get("redirect_uri", "")):
        raise _refused(_REDIRECT)
    if wrong := _wrong(key, asked):
        return _back(asked, **wrong)
    if asked.get("scope"):
        named = "".join(f"<li>{html.escape(scope)}</li>" for scope in asked["scope"].split())
        scopes = f"<p>It may use:</p><ul>{named}</ul>"
    else:
        scopes = "<p>It may do all that you may.</p>"
    page = _PAGE.format(
        name=html.escape(key.name),
        host=html.escape(request.url.netloc),
        user=html.escape(US),
        scopes=scopes,
        query=html.escape("?" + urlencode(asked)),
    )
    return HTMLResponse(page)


@router.post("/confirm", response_model=None)
async def confirm(request: Request) -> Response:
    """What a person pressed."""
    asked = dict(request.query_params)
    key = _key(request, asked.get("client_id"))
    if not _fits(key, asked.get("redirect_uri", "")):
        raise _refused(_REDIRECT)
    if wrong := _wrong(key, asked):
        return _back(asked, **wrong)
    if "accept" not in dict(parse_qsl((await request.body()).decode())):
        return _back(asked, error="access_denied")
    with sandbox_of(request).store.connect() as db:
        code = tokens.new_code(db, key, asked.get("scope", "").split(), asked["redirect_uri"])
    return _back(asked, code=code)


@router.post("/token")
async def token(request: Request) -> JSONResponse:
    """Tokens for a code, or a new access token for a refresh token."""
    form = dict(parse_qsl((await request.body()).decode("utf-8", errors="replace")))
    client_id, secret = _client(request, form)
    kind = form.get("grant_type") or ("authorization_code" if form.get("code") else "")
    if kind not in ("authorization_code", "refresh_token"):
        raise _refused(_GRANT)
    key = _key(request, client_id)
    if secret != key.secret:
        raise _refused(_SECRET)
    with sandbox_of(request).store.connect() as db:
        issued = _issued(request, db, key, kind, form)
    answer: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "user": {"id": 1, "name": US, "global_id": "10000000000001", "effective_locale": "en"},
        "canvas_region": "unknown",
        "expires_in": round(sandbox_of(request).settings.access_seconds),
    }
    if issued.refresh_token:
        answer["refresh_token"] = issued.refresh_token
    return JSONResponse(answer)


@router.delete("/token")
def revoke(request: Request, db: Db) -> JSONResponse:
    """Forget the token that the request carries, its refresh token with it."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    found = given.strip() if scheme.lower() == "bearer" else ""
    if found in sandbox_of(request).settings.tokens:
        raise Refused(400, {"message": "the stand-in does not delete the tokens of its settings"})
    if tokens.grant_of(db, sandbox_of(request).settings, found) is None:
        raise Refused(401, {"errors": [{"message": "Invalid access token."}]}, authenticate=True)
    tokens.revoke(db, found)
    return JSONResponse({})


def _issued(
    request: Request, db: sqlite3.Connection, key: DeveloperKey, kind: str, form: dict[str, str]
) -> tokens.Issued:
    settings = sandbox_of(request).settings
    if kind == "authorization_code":
        if not form.get("code"):
            raise _refused(_NO_CODE)
        issued = tokens.of_code(db, key, form["code"], settings)
        if issued is None:
            raise _refused(_CODE)
        return issued
    if not form.get("refresh_token"):
        raise _refused(_NO_REFRESH)
    again = tokens.refreshed(db, key, form["refresh_token"], settings)
    if isinstance(again, str):
        raise _refused(_REFRESH if again == "unknown" else _OTHERS)
    return again


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, of the form or of HTTP Basic."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    basic = ("", "")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(given).decode().partition(":")
            basic = (user, password)
        except (binascii.Error, ValueError):
            basic = ("", "")
    return form.get("client_id") or basic[0], form.get("client_secret") or basic[1]


def _key(request: Request, client_id: str | None) -> DeveloperKey:
    key = tokens.key_of(sandbox_of(request).settings, client_id or "")
    if key is None:
        raise _refused(_UNKNOWN)
    return key


def _wrong(key: DeveloperKey, asked: dict[str, str]) -> dict[str, str] | None:
    """What the application is told by a redirect."""
    scopes = asked.get("scope", "").split()
    if key.scopes is not None and (not scopes or set(scopes) - key.scopes):
        missing = ", ".join(scope for scope in scopes if scope not in key.scopes)
        return {"error": "invalid_scope", "error_description": _SCOPE + missing}
    if not key.is_on:
        return {
            "error": "unauthorized_client",
            "error_description": "Client does not have access to the specified Canvas account.",
        }
    if asked.get("response_type") != "code":
        return {"error": "unsupported_response_type", "error_description": "Only response_type=code is permitted"}
    return None


def _fits(key: DeveloperKey, uri: str) -> bool:
    """Whether the address is one of the key's, or on the host of one."""
    if uri in key.redirect_uris:
        return True
    host = (urlsplit(uri).hostname or "").lower()
    return bool(host) and any((urlsplit(one).hostname or "").lower() == host for one in key.redirect_uris)


def _back(asked: dict[str, str], **said: str) -> RedirectResponse:
    uri = asked["redirect_uri"]
    if "state" in asked:
        said["state"] = asked["state"]
    return RedirectResponse(f"{uri}{'&' if '?' in uri else '?'}{urlencode(said)}", 302)


def _refused(wrong: tuple[int, str, str]) -> Refused:
    status, error, description = wrong
    return Refused(status, {"error": error, "error_description": description}, authenticate=status == 401)
