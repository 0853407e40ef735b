"""A stand-in with a developer key, and somebody who consents without a browser."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import httpx

from roster_airflow.hooks.canvas_token import Given, OAuthKey, ask
from roster_sandbox.canvas import Canvas
from roster_sandbox.canvas.keys import DeveloperKey

CLIENT_ID, SECRET, REDIRECT = "10000000000004", "Secr3t-of-the-key", "http://127.0.0.1:9/roster/canvas/authorize"
KEY = DeveloperKey(CLIENT_ID, SECRET, (REDIRECT,))


def a_code(canvas: Canvas, scope: str = "") -> str:
    """What Canvas puts into the redirect when a person has pressed Authorize."""
    asked = {"client_id": CLIENT_ID, "response_type": "code", "redirect_uri": REDIRECT, "state": "s", "scope": scope}
    answer = httpx.post(f"{canvas.url}/login/oauth2/confirm", params=asked, data={"accept": "1"}, trust_env=False)
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def consented(canvas: Canvas, scope: str = "") -> tuple[OAuthKey, Given]:
    """A key with the refresh token of a consent."""
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "code": a_code(canvas, scope),
    }
    given = ask(canvas.url, form)
    return OAuthKey(canvas.url, CLIENT_ID, SECRET, str(given.refresh_token)), given


def connection_of(key: OAuthKey) -> str:
    """For AIRFLOW_CONN_…"""
    return json.dumps(
        {
            "conn_type": "canvas",
            "host": key.url,
            "login": key.client_id,
            "password": key.secret,
            "extra": {"refresh_token": key.refresh_token},
        }
    )
