"""The two ways to a OneRoster provider: OAuth 1.0a signatures, and OAuth 2 client credentials."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests import Request, Response
from requests.auth import AuthBase, HTTPBasicAuth
from requests_oauthlib import OAuth1

from roster.errors import SourceFault, SourceUnreadable
from roster_airflow.hooks.canvas import Bearer

SIGNATURES = (SIGNATURE_HMAC_SHA256, SIGNATURE_HMAC_SHA1)
EARLY = 30.0
"""Seconds before its end that a token is not used any more."""
RENEWALS = 3
"""How often a token that ended before its time is replaced."""


class Signed:
    """Each request is signed anew, with a nonce and a time of its own."""

    def __init__(self, connection: str, pair: tuple[str, str], signature: str) -> None:
        self._connection = connection
        self._pair = pair
        self._signature = signature

    @classmethod
    def of(cls, connection: str, pair: tuple[str, str], extra: Mapping[str, Any]) -> Signed:
        """As the connection's extra has it. Raises SourceFault for a method that there is not."""
        signature = str(extra.get("signature") or SIGNATURE_HMAC_SHA256).upper()
        if signature not in SIGNATURES:
            message = f"connection {connection}: signature must be {' or '.join(SIGNATURES)}"
            raise SourceFault(message)
        return cls(connection, pair, signature)

    def auth(self) -> AuthBase:
        """What signs a request."""
        key, secret = self._pair
        signs: AuthBase = OAuth1(key, client_secret=secret, signature_method=self._signature)
        return signs

    def renew(self) -> bool:
        """There is nothing to renew."""
        return False

    def refused(self, where: str) -> str:
        """What a 401 means."""
        return (
            f"{where} does not take the signature of connection {self._connection} (401): renew consumer key and "
            f"secret, or try another method than {self._signature} in the extra's signature; a clock that is minutes "
            "off does the same"
        )


class Tokens:
    """A token for client id and secret, until shortly before its end.

    post: the answer of the token endpoint; raises SourceBusy or SourceUnreachable.
    """

    def __init__(
        self, connection: str, url: str, pair: tuple[str, str], scope: str, post: Callable[[Request], Response]
    ) -> None:
        self._connection = connection
        self._url = url
        self._pair = pair
        self._scope = scope
        self._post = post
        self._token = ""
        self._until = 0.0
        self._renewed = 0

    def auth(self) -> Bearer:
        """The token as a header; a new one where there is none, or it ends."""
        if not self._token or time.monotonic() >= self._until:
            self._token, lasts = self._new()
            self._until = time.monotonic() + max(lasts - EARLY, 1.0)
        return Bearer(self._token)

    def renew(self) -> bool:
        """Forget a token that was refused; False where that has not helped before, or the token is new."""
        if not self._token or self._renewed >= RENEWALS:
            return False
        self._renewed += 1
        self._token = ""
        return True

    def refused(self, where: str) -> str:
        """What a 401 means."""
        return (
            f"{where} does not take the tokens that connection {self._connection} is given (401): token_url and scope "
            "of its extra belong to another service, or the provider wants auth oauth1"
        )

    def _new(self) -> tuple[str, float]:
        """(a token, seconds that it lasts)"""
        client = BackendApplicationClient(self._pair[0])
        body = client.prepare_request_body(scope=self._scope, include_client_id=False)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        auth: AuthBase = HTTPBasicAuth(*self._pair)
        response = self._post(Request("POST", self._url, data=body, headers=headers, auth=auth))
        try:
            token = client.parse_request_body_response(response.text)
            return str(token["access_token"]), float(token.get("expires_in") or 3600)
        except (OAuth2Error, ValueError, TypeError) as refused:
            word = str(getattr(refused, "error", ""))
        raise self._unusable(response.status_code, word)

    def _unusable(self, status: int, word: str) -> SourceFault:
        name = self._connection
        if word == "invalid_scope":
            return SourceFault(f"the token endpoint of connection {name} gives no token for the scope: see its extra")
        if word in ("invalid_client", "unauthorized_client") or status in (400, 401, 403):
            return SourceFault(
                f"the token endpoint does not know client id and secret of connection {name} ({status}): renew them"
            )
        return SourceUnreadable(f"token_url of connection {name} gave no token ({status}): it is another address")
