"""The access token of a connection that holds an OAuth key: one for all tasks, renewed by one of them at a time.

Canvas kills the old access token whenever a new one is asked for. So it is shared below ROSTER_HOME (`tokens/`),
encrypted with a key that follows from the client secret, and whoever finds it dead reads it again before asking.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import requests
from airflow.sdk.log import mask_secret

from roster.errors import CanvasBusy, CanvasRefused, CanvasTokenDead, CanvasUnreachable
from roster.store import Store
from roster_airflow.hooks.canvas_replies import decode, fault

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from roster_airflow.hooks.canvas_address import Address

TOKENS: Final = "tokens"
TOKEN_PATH: Final = "/login/oauth2/token"  # noqa: S105 - a path
PAGE: Final = "/roster/canvas"
EXPIRES_SOON: Final = 60.0
"""Seconds before its end at which a token is no longer begun with."""
LEASE_SECONDS: Final = 60.0
"""How long one task may take to renew the token, which is longer than its request may."""
_PATIENCE: Final = (10.0, 30.0)
_LOOK_AGAIN: Final = 0.2
_DEAD: Final = frozenset({"invalid_request", "invalid_grant", "invalid_client"})


class Given(msgspec.Struct, frozen=True):
    """What Canvas gives for a code (with a refresh token) or for a refresh token (without)."""

    access_token: str
    expires_in: float = 3600.0
    refresh_token: str | None = None

    def __repr__(self) -> str:
        """Without what opens anything."""
        return "Given(…)"


class _Wrong(msgspec.Struct, frozen=True):
    error: str = ""


@dataclass(frozen=True)
class OAuthKey:
    """A developer key of one Canvas, and the refresh token that a person's consent gave for it."""

    url: str
    client_id: str
    secret: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def folder(self) -> str:
        """Where its access token lies; another consent has another place."""
        told = "\n".join((self.url, self.client_id, self.refresh_token))
        return f"{TOKENS}/{hashlib.sha256(told.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class _Kept:
    version: int
    token: str = field(repr=False)
    until: float

    def serves(self, dead: str | None) -> bool:
        return self.token != dead and self.until - EXPIRES_SOON > time.time()


def oauth_key(connection: Connection, address: Address) -> OAuthKey | None:
    """The key that a connection holds; None where it holds a token. CanvasTokenDead where nobody has consented yet."""
    client_id = (connection.login or "").strip()
    if not client_id:
        return None
    refresh_token = str(connection.extra_dejson.get("refresh_token") or "")
    if not refresh_token or not connection.password:
        message = f"connection {connection.conn_id} has a client id and is not connected yet: {connect_again()}"
        raise CanvasTokenDead(message)
    mask_secret(refresh_token)
    return OAuthKey(address.url, client_id, connection.password, refresh_token)


def connect_again() -> str:
    """Where a person puts it right."""
    return f"connect it in Airflow, Admin, Connect Canvas ({PAGE})"


class SharedToken:
    """The access token of one key, as all tasks share it. Its methods wait, so an event loop calls them in a thread."""

    def __init__(self, key: OAuthKey, store: Store | None = None) -> None:
        self._key = key
        self._store = store or Store.home()

    def token(self) -> str:
        """An access token that should be alive."""
        kept = self._read()
        return kept.token if kept and kept.serves(None) else self.renew(None)

    def renew(self, dead: str | None) -> str:
        """A token other than the dead one: what another task has put there, or a new one of Canvas.

        CanvasTokenDead where Canvas knows the refresh token no more, CanvasBusy or CanvasUnreachable where it can't be
        asked now.
        """
        limit = time.monotonic() + 2 * LEASE_SECONDS
        while time.monotonic() < limit:
            kept = self._read()
            if kept and kept.serves(dead):
                return kept.token
            following = (kept.version if kept else 0) + 1
            lease = self._take(following)
            if lease:
                return self._renewed(following, lease, dead)
            time.sleep(_LOOK_AGAIN)
        message = "POST login/oauth2/token: other tasks have been renewing the access token for too long"
        raise CanvasBusy(message)

    def revoke(self) -> None:
        """Have Canvas forget the tokens, and forget them here."""
        token = self.token()
        if _revoke(self._key.url, token).status_code == 401:  # dead since it was put here
            _revoke(self._key.url, self.renew(token))
        self.forget()

    def keep(self, given: Given) -> None:
        """Put down the first token, which came with the consent."""
        self._write(_Kept(1, given.access_token, time.time() + given.expires_in))

    def forget(self) -> None:
        """Remove what lies here."""
        self._store.remove(self._key.folder)

    def _renewed(self, version: int, lease: str, dead: str | None) -> str:
        kept = self._read()  # the task that held the lease before may just have ended
        if kept and kept.version >= version and kept.serves(dead):
            self._store.remove(lease)
            return kept.token
        said: dict[str, Any] = {"until": 0.0}
        try:
            given = ask(
                self._key.url,
                {
                    "grant_type": "refresh_token",
                    "client_id": self._key.client_id,
                    "client_secret": self._key.secret,
                    "refresh_token": self._key.refresh_token,
                },
            )
            self._write(_Kept(version, given.access_token, time.time() + given.expires_in))
        except CanvasTokenDead:
            said = {"until": time.time() + LEASE_SECONDS, "dead": True}
            raise
        finally:
            self._store.write(lease, json.dumps(said).encode())
        for name in self._store.names(self._key.folder):
            if name.startswith("lease-") and int(name.split("-")[1]) < version:
                self._store.remove(f"{self._key.folder}/{name}")
        return given.access_token

    def _take(self, version: int) -> str | None:
        """The name of the lease to make this version; None while another task holds it. No lease is taken twice."""
        attempt = 1
        while True:
            name = f"{self._key.folder}/lease-{version}-{attempt}"
            until = {"until": time.time() + LEASE_SECONDS, "of": secrets.token_hex(4)}
            if self._store.create(name, json.dumps(until).encode()):
                return name
            if not self._store.exists(name):
                return None  # tidied up: that version is there
            said = self._store.read_json(name)
            if said["until"] > time.time():
                if said.get("dead"):
                    raise CanvasTokenDead(_dead_words())
                return None
            attempt += 1

    def _read(self) -> _Kept | None:
        from cryptography.fernet import InvalidToken

        name = f"{self._key.folder}/access"
        if not self._store.exists(name):
            return None
        try:
            kept = _Kept(**json.loads(self._fernet().decrypt(self._store.read(name))))
        except InvalidToken:  # of a client secret that has been changed since
            return None
        mask_secret(kept.token)
        return kept

    def _write(self, kept: _Kept) -> None:
        mask_secret(kept.token)
        self._store.write(f"{self._key.folder}/access", self._fernet().encrypt(json.dumps(kept.__dict__).encode()))

    def _fernet(self) -> Any:
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        made = HKDF(SHA256(), 32, salt=None, info=b"roster: access token of Canvas").derive(self._key.secret.encode())
        return Fernet(base64.urlsafe_b64encode(made))


def ask(url: str, form: dict[str, str]) -> Given:
    """What Canvas's token address gives for the form, asked once. No answer of it becomes part of an error."""
    what = "POST login/oauth2/token"
    response = _request("POST", url + TOKEN_PATH, what, data=form)
    status, headers, body = response.status_code, response.headers, response.content
    if status in (400, 401):
        try:
            said = msgspec.json.decode(body, type=_Wrong).error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            said = ""
        if said in _DEAD:
            raise CanvasTokenDead(_dead_words() if form["grant_type"] == "refresh_token" else _code_words(said))
    if status in (302, 303) or status == 400:
        message = f"{what}: refused ({status})"
        raise CanvasRefused(message)
    if wrong := fault(status, headers, body, what):
        raise wrong
    return decode(body, Given, what)


def _dead_words() -> str:
    return (
        "POST login/oauth2/token: Canvas does not know the refresh token or the developer key any more (revoked, "
        f"switched off, refreshed away, or a scope was taken from it): {connect_again()}"
    )


def _code_words(said: str) -> str:
    if said == "invalid_client":
        return "Canvas knows the developer key, but not this client secret: copy it anew from Admin, Developer Keys"
    return "Canvas does not take the code (used before, or older than ten minutes): connect once more"


def _revoke(url: str, token: str) -> requests.Response:
    return _request("DELETE", url + TOKEN_PATH, "DELETE login/oauth2/token", auth=_Signed(token))


def _request(method: str, url: str, what: str, **more: Any) -> requests.Response:
    try:
        with requests.Session() as session:
            session.headers.update({"Accept": "application/json", "User-Agent": "roster-sync"})
            session.auth = _Signed(None)  # no .netrc of the machine
            return session.request(method, url, allow_redirects=False, timeout=_PATIENCE, **more)
    except requests.RequestException as error:
        said = type(error).__name__
    message = f"{what}: no answer ({said})"
    raise CanvasUnreachable(message)


class _Signed(requests.auth.AuthBase):
    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
