"""What ties a form, or an answer of Canvas, to the browser and the person it was begun with.

A cookie holds a random number; a seal is that number's proof, signed with Airflow's `[api] secret_key`. Nothing is kept
on the server, so that any of several API servers may answer.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

from airflow.configuration import conf
from itsdangerous import BadSignature, URLSafeTimedSerializer

COOKIE: Final = "roster_connect"
SECONDS: Final = 1800


def new_number() -> str:
    """A random number for the cookie."""
    return secrets.token_urlsafe(32)


def seal(purpose: str, number: str, user: str, connection_id: str) -> str:
    """The proof, for a hidden field or for `state`; it holds no secret."""
    signed: str = _serializer(purpose).dumps([_of(number), _of(user), connection_id])
    return signed


def opened(purpose: str, sealed: str, number: str, user: str) -> str | None:
    """The connection's id; None where the seal is not of this browser, this person and this half hour."""
    try:
        said: Any = _serializer(purpose).loads(sealed, max_age=SECONDS)
    except BadSignature:
        return None
    return str(said[2]) if number and said[:2] == [_of(number), _of(user)] else None


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt=f"roster: {purpose}")


def _of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
