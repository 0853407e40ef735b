"""Clever's Data API over HTTP: an `Api` that `roster.sources.clever` reads from."""

from __future__ import annotations

import re
import time
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

import msgspec
from airflow.providers.http.hooks.http import HttpHook
from requests import PreparedRequest, Request, Response, Session
from requests.auth import AuthBase, HTTPBasicAuth

from roster.errors import (
    CanvasWrongHost,
    RosterError,
    SourceBusy,
    SourceFault,
    SourceUnreachable,
    SourceUnreadable,
)
from roster_airflow.hooks.canvas import READ_SECONDS, Bearer
from roster_airflow.hooks.canvas_address import Address, canvas_address
from roster_airflow.hooks.source_http import bare, connection_of, sent

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from roster.settings import Clever

HOST, OAUTH_HOST = "api.clever.com", "clever.com"
REQUESTS_A_MINUTE = 1200
MINUTE = 60.0
LONGEST_WAIT = 90.0
FEWEST = 100
RENEWALS = 3
DISTRICTS = "/v3.1/districts"


def reading(settings: Clever) -> CleverHook:
    """What `roster.sources.clever` reads from."""
    return CleverHook(settings.connection)


def seen(settings: Clever) -> str:
    """What the district says of itself. Raises TenantFileWrong or SourceFault."""
    works, said = CleverHook(settings.connection).test_connection()
    if not works:
        raise SourceFault(said)
    return said


class _Token(msgspec.Struct):
    access_token: str


class _Tokens(msgspec.Struct):
    data: list[_Token]


class CleverHook(HttpHook):
    """One district, through the token of one connection or the one that Clever lists for its client id and secret.

    A request is asked again after `retry_delays` (seconds) while Clever fails or is not there; after 429 when its
    minute is over; with a lower `limit` after 413; with the district's new token after 401, where the connection has
    client id and secret. What still fails then is a SourceFault. No body, token or query is ever logged or part of an
    error.
    """

    conn_name_attr = "clever_conn_id"
    default_conn_name = "clever_default"
    conn_type = "clever"
    hook_name = "Clever"

    retry_delays: tuple[float, ...] = (1, 3, 9, 27)

    def __init__(self, clever_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=clever_conn_id)
        self.clever_conn_id = clever_conn_id
        self._found: Connection | None = None
        self._address: Address | None = None
        self._session: Session | None = None
        self._token: str | None = None
        self._renewed = 0
        self._limit: int | None = None
        self._sent: deque[float] = deque()

    @property
    def connection(self) -> Connection:
        """The connection; TenantFileWrong where there is none, or one of another type."""
        if self._found is None:
            self._found = connection_of(self, self.clever_conn_id)
        return self._found

    @property
    def address(self) -> Address:
        """Where the API is."""
        if self._address is None:
            self._address = self._located(self.connection.host or HOST, "host", HOST)
        return self._address

    def get(self, path: str) -> bytes:
        """The body of a page. path: path and query, or a link that the API gave, which must not lead elsewhere."""
        return self._get(path, may_be_gone=False) or b""

    def find(self, path: str) -> bytes | None:
        """The body, or None where Clever has nothing there (404)."""
        return self._get(path, may_be_gone=True)

    def test_connection(self) -> tuple[bool, str]:
        """What the Test button asks: does the token see its one district."""
        try:
            page = msgspec.json.decode(self.get(DISTRICTS))
            count = len(page["data"])
        except RosterError as error:
            return False, str(error)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
            return False, f"{self.address.netloc} does not answer as Clever's API"
        if count != 1:
            return False, f"the token sees {count} districts: it must be the token of one district for this app"
        return True, f"{self.address.netloc}: the token sees its district"

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """A session without headers of the connection's extra; each request brings its own token."""
        return bare(super().get_conn(None, extra_options), headers)

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any]
    ) -> Response:
        """Send one request, once, with time-outs and without following a redirect."""
        return sent(session, prepped_request, self.connection, READ_SECONDS)

    def _set_base_url(self, connection: Connection) -> None:
        self.base_url = self.address.url
        self._base_url_initialized = True

    def _located(self, host: str, field: str, usual: str) -> Address:
        connection = self.connection
        try:
            return canvas_address(host, connection.schema, connection.port if field == "host" else None, None)
        except CanvasWrongHost:
            message = (
                f"connection {self.clever_conn_id}: {field} must be a host alone, such as {usual}, and https "
                "(http for a stand-in on this machine)"
            )
            raise SourceFault(message) from None

    def _get(self, path: str, *, may_be_gone: bool) -> bytes | None:
        target = self._own(path)
        delays = iter(self.retry_delays)
        while True:
            try:
                response = self._send(self._lowered(target))
                if response.status_code == HTTPStatus.NOT_FOUND and may_be_gone and not _is_page(response):
                    return None
                if self._may_try_again(response, target):
                    continue
                self._raise_fault(response)
                return response.content
            except (SourceBusy, SourceUnreachable) as fault:
                delay = next(delays, None)
                if delay is None:
                    raise
                if isinstance(fault, _RateLimited):
                    delay = fault.seconds
                self.log.info("%s; asked again in %.0f s", fault, delay)
                time.sleep(delay)

    def _may_try_again(self, response: Response, target: str) -> bool:
        """True after what this hook can mend by itself: a limit that was too high, a token that was rotated."""
        if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            asked = min(_limit(target) or 0, self._limit or 10_000)
            if asked <= FEWEST:
                return False
            self._limit = max(asked // 2, FEWEST)
            self.log.info("pages of %s records are too large for Clever: %s from now on", asked, self._limit)
            return True
        if response.status_code == HTTPStatus.UNAUTHORIZED and self.connection.login and self._renewed < RENEWALS:
            before, self._token = self._token, None
            self._renewed += 1
            if self._current_token() != before:
                self.log.info("the district's token was renewed")
                return True
        return False

    def _lowered(self, target: str) -> str:
        """The target with the limit that Clever has accepted; links it gave before still carry the old one."""
        asked = _limit(target)
        if self._limit is None or asked is None or asked <= self._limit:
            return target
        return re.sub(r"([?&]limit=)\d+", rf"\g<1>{self._limit}", target)

    def _send(self, target: str) -> Response:
        self._keep_to_the_rate()
        return self._once(Request("GET", self.address.url + target, auth=Bearer(self._current_token())))

    def _once(self, request: Request) -> Response:
        if self._session is None:
            self._session = self.get_conn()
        return self.run_and_check(self._session, self._session.prepare_request(request), {})

    def _keep_to_the_rate(self) -> None:
        """Wait where this would be more requests than a token has in any minute."""
        now = time.monotonic()
        while self._sent and now - self._sent[0] >= MINUTE:
            self._sent.popleft()
        if len(self._sent) >= REQUESTS_A_MINUTE:
            time.sleep(max(0.0, MINUTE - (now - self._sent[0])))
            self._sent.popleft()
        self._sent.append(time.monotonic())

    def _current_token(self) -> str:
        if self._token is None:
            connection = self.connection
            self._token = self._listed_token() if connection.login else connection.password or ""
            if not self._token:
                message = (
                    f"connection {self.clever_conn_id} has no token: give it as the password, or client id and secret "
                    "as login and password"
                )
                raise SourceFault(message)
        return self._token

    def _listed_token(self) -> str:
        """The district's token of now, from Clever's list."""
        connection, name = self.connection, self.clever_conn_id
        district = str(connection.extra_dejson.get("district") or "")
        if not district:
            message = f"connection {name} has client id and secret, but no district: give its id in the extra"
            raise SourceFault(message)
        address = self._located(str(connection.extra_dejson.get("oauth_host") or OAUTH_HOST), "oauth_host", OAUTH_HOST)
        url = f"{address.url}/oauth/tokens?{urlencode({'owner_type': 'district', 'district': district})}"
        auth: AuthBase = HTTPBasicAuth(connection.login or "", connection.password or "")
        response = self._patient(Request("GET", url, auth=auth))
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            message = f"Clever does not know the client id and secret of connection {name}: renew them"
            raise SourceFault(message)
        try:
            tokens = msgspec.json.decode(response.content, type=_Tokens).data
        except (msgspec.MsgspecError, UnicodeDecodeError):
            message = f"the token list of {address.netloc} is not as it should be ({response.status_code})"
            raise SourceUnreadable(message) from None
        if not tokens:
            message = (
                f"Clever lists no token for the district of connection {name}: its administrator has to accept the app"
            )
            raise SourceFault(message)
        return tokens[0].access_token

    def _patient(self, request: Request) -> Response:
        for delay in self.retry_delays:
            try:
                response = self._once(request)
                if response.status_code < 500:
                    return response
            except SourceUnreachable as fault:
                self.log.info("%s; asked again in %.0f s", fault, delay)
            time.sleep(delay)
        response = self._once(request)
        if response.status_code >= 500:
            message = f"the token list of Clever: answered {response.status_code}"
            raise SourceBusy(message)
        return response

    def _own(self, path: str) -> str:
        """Path and query of what is asked for, if it is of this API: a link can't take the token elsewhere."""
        if path.startswith("/") and not path.startswith("//"):
            return path
        try:
            return self.address.own_path(urljoin(f"{self.address.url}/", path))
        except (CanvasWrongHost, ValueError):
            message = f"{self.address.netloc} gave a link to another host: it is not followed with the token"
            raise SourceUnreadable(message) from None

    def _raise_fault(self, response: Response) -> None:
        """Raise what is wrong with the answer, without any of it."""
        status, where = response.status_code, self.address.netloc
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            message = f"{where} asks for patience (429)"
            raise _RateLimited(message, _wait(response))
        if status >= 500:
            message = f"{where} answered {status}"
            raise SourceBusy(message)
        if status == HTTPStatus.UNAUTHORIZED:
            raise SourceFault(self._dead_token())
        if _is_page(response):
            message = (
                f"{where} answered with a web page ({status}): the token of connection {self.clever_conn_id} is of "
                "another kind than a district's (a user's, most often), or a proxy stands between"
            )
            raise SourceUnreadable(message)
        if status == HTTPStatus.NOT_FOUND:
            message = (
                f"{where} has no such list (404): the app has no Secure Sync with this district, or the token of "
                f"connection {self.clever_conn_id} is of another kind"
            )
            raise SourceUnreadable(message)
        if status != HTTPStatus.OK:
            message = f"{where} refused the request ({status})"
            raise SourceUnreadable(message)

    def _dead_token(self) -> str:
        name = self.clever_conn_id
        if self.connection.login:
            return f"Clever does not take the token that it lists for the district of connection {name} (401)"
        return (
            f"Clever does not know the token of connection {name} (any more; 401): put the district's present token "
            "into it, or client id and secret, with which it is found by itself"
        )


class _RateLimited(SourceBusy):
    """429. seconds: until the token has requests again."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


def _wait(response: Response) -> float:
    """Until X-RateLimit-Reset, at least a moment and never longer than LONGEST_WAIT; a minute where it is not said."""
    try:
        seconds = float(response.headers.get("X-RateLimit-Reset", "")) - time.time()
    except ValueError:
        seconds = MINUTE
    return min(max(seconds, 0.05), LONGEST_WAIT)


def _is_page(response: Response) -> bool:
    kind = response.headers.get("Content-Type", "").lower()
    return "html" in kind or response.content[:1] == b"<"


def _limit(target: str) -> int | None:
    found = re.search(r"[?&]limit=(\d+)", target)
    return int(found[1]) if found else None
