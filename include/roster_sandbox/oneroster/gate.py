"""Who may ask: a signature of OAuth 1.0a (RFC 5849), or a token of OAuth 2 client credentials (RFC 6749)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote

from roster_sandbox.oneroster.settings import Settings

DIGESTS = {"HMAC-SHA256": hashlib.sha256, "HMAC-SHA1": hashlib.sha1}
BACK, AHEAD = 600, 300
"""How far a signature's clock may be off, in seconds."""


class Gate:
    """The credentials, the tokens that were given out, and the nonces that were seen."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens: dict[str, float] = {}
        self._nonces: set[tuple[str, str]] = set()
        self.methods: list[str] = []
        """How each request that came in was let in: a signature method, or `Bearer`."""

    def admits(self, method: str, url: str, query: str, authorization: str) -> bool:
        """Whether the request may come in. url: scheme, host and path."""
        scheme, _, rest = authorization.partition(" ")
        if scheme == "Bearer":
            how = "Bearer" if self._tokens.get(rest, 0) > time.monotonic() else ""
        else:
            how = self._signed(method, url, query, rest) if scheme == "OAuth" else ""
        self.methods += [how] if how else []
        return bool(how)

    def expire(self) -> None:
        """End every token."""
        self._tokens.clear()

    def token(self, authorization: str, body: str) -> tuple[int, Any]:
        """The answer of the token endpoint: Basic authentication, and a form."""
        form = {name: values[-1] for name, values in parse_qs(body).items()}
        pair = f"{quote(self._settings.client_id)}:{quote(self._settings.client_secret)}"
        if authorization != "Basic " + base64.b64encode(pair.encode()).decode():
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        if not {scope.rpartition("/")[2] for scope in form.get("scope", "").split()} <= self._settings.scope:
            return 400, {"error": "invalid_scope"}
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.monotonic() + self._settings.lifetime
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": int(self._settings.lifetime)}

    def _signed(self, method: str, url: str, query: str, header: str) -> str:
        """The signature's method where it is right; each nonce is right once."""
        given = {key: unquote(value) for key, value in re.findall(r'(\w+)="([^"]*)"', header)}
        signature, digest = given.pop("oauth_signature", ""), DIGESTS.get(given.get("oauth_signature_method", ""))
        stamp, nonce = given.get("oauth_timestamp", ""), given.get("oauth_nonce", "")
        if digest is None or given.get("oauth_consumer_key") != self._settings.client_id or not stamp.isdecimal():
            return ""
        if not -BACK <= int(stamp) - time.time() <= AHEAD or (stamp, nonce) in self._nonces:
            return ""
        pairs = [*given.items(), *parse_qsl(query, keep_blank_values=True)]
        joined = "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, v in pairs))
        base = "&".join((method, _encoded(url), _encoded(joined)))
        key = f"{_encoded(self._settings.client_secret)}&"
        expected = base64.b64encode(hmac.new(key.encode(), base.encode(), digest).digest()).decode()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            return ""
        self._nonces.add((stamp, nonce))
        return given["oauth_signature_method"]


def _encoded(text: str) -> str:
    """Everything but letters, digits, `-`, `.`, `_` and `~` in percent signs."""
    return quote(text, safe="~")
