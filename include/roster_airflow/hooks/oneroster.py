"""A OneRoster provider over HTTP: a `Service` that `roster.sources.oneroster` reads from."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urljoin, urlsplit

import msgspec
from airflow.providers.http.hooks.http import HttpHook
from requests import PreparedRequest, Request, Response, Session
from requests.utils import parse_header_links

from roster.errors import (
    CanvasWrongHost,
    RosterError,
    SourceBusy,
    SourceFault,
    SourceUnreachable,
    SourceUnreadable,
    TenantFileWrong,
)
from roster.sources.oneroster.service import Answer
from roster_airflow.hooks.canvas import READ_SECONDS
from roster_airflow.hooks.canvas_address import Address, canvas_address
from roster_airflow.hooks.oneroster_replies import code_minor, is_page, wait
from roster_airflow.hooks.oneroster_signing import Signed, Tokens
from roster_airflow.hooks.source_http import bare, connection_of, sent

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from roster.settings import OneRoster

FEWEST = 100
MARKS = {"1.1": "v1p1", "1.2": "v1p2"}
USUAL = "https://sis.example/ims/oneroster/v1p1"


def reading(settings: OneRoster) -> OneRosterHook:
    """What `roster.sources.oneroster` reads from. Raises TenantFileWrong where version and address do not fit."""
    hook = OneRosterHook(settings.connection, settings.version, settings.endpoints)
    other = MARKS["1.1" if settings.version == "1.2" else "1.2"]
    if other in hook.base.path:
        message = (
            f"source {settings.name}: version is {settings.version}, and the address of connection "
            f"{settings.connection} has {other} in it: correct one of them"
        )
        raise TenantFileWrong(message)
    return hook


def seen(settings: OneRoster) -> str:
    """What the provider says of itself. Raises TenantFileWrong or SourceFault."""
    works, said = reading(settings).test_connection()
    if not works:
        raise SourceFault(said)
    return said


@dataclass(frozen=True)
class Base:
    """Where a service, or the token endpoint, is: a host, and a path without a slash at its end."""

    address: Address
    path: str

    @property
    def url(self) -> str:
        """The whole of it."""
        return self.address.url + self.path


class OneRosterHook(HttpHook):
    """One provider, by OAuth 1.0a signatures or OAuth 2 client credentials.

    A request is asked again after `retry_delays` (seconds) while the provider fails or is not there; after 429 when it
    says so; with a lower `limit` after 413; without `sort` where it knows none; with a new token after 401. What still
    fails then is a SourceFault. No body, secret, signature or query is ever logged or part of an error.
    """

    conn_name_attr = "oneroster_conn_id"
    default_conn_name = "oneroster_default"
    conn_type = "oneroster"
    hook_name = "OneRoster"

    retry_delays: tuple[float, ...] = (1, 3, 9, 27)

    def __init__(
        self,
        oneroster_conn_id: str = default_conn_name,
        version: Literal["1.1", "1.2"] = "1.1",
        endpoints: Literal["bulk", "schools"] = "bulk",
    ) -> None:
        super().__init__(method="GET", http_conn_id=oneroster_conn_id)
        self.oneroster_conn_id = oneroster_conn_id
        self._version = version
        self._endpoints = endpoints
        self._found: Connection | None = None
        self._base: Base | None = None
        self._session: Session | None = None
        self._credentials: Signed | Tokens | None = None
        self._limit: int | None = None
        self._sorts = True

    @property
    def connection(self) -> Connection:
        """The connection; TenantFileWrong where there is none, or one of another type."""
        if self._found is None:
            self._found = connection_of(self, self.oneroster_conn_id)
        return self._found

    @property
    def base(self) -> Base:
        """Where the service is."""
        if self._base is None:
            self._base = self._located(self.connection.host or "", "host")
            if not self._base.path:
                message = (
                    f"connection {self.oneroster_conn_id}: host must be the service's whole address, such as {USUAL}"
                )
                raise SourceFault(message)
        return self._base

    def get(self, path: str) -> Answer:
        """A page. path: below the service's, or path and query of a link that it gave."""
        base = self.base
        whole = path if path.startswith(f"{base.path}/") else base.path + path
        response = self._get(base.address.url + whole)
        total = response.headers.get("X-Total-Count", "")
        return Answer(response.content, int(total) if total.strip().isdecimal() else None, self._next(response))

    def test_connection(self) -> tuple[bool, str]:
        """What the Test button asks: is the list of orgs there for these credentials."""
        try:
            answer = self.get("/orgs?limit=1&offset=0")
            count = len(msgspec.json.decode(answer.body)["orgs"])
        except RosterError as error:
            return False, str(error)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
            return False, f"{self.base.address.netloc} does not answer as a OneRoster service"
        if not (answer.total or count):
            return False, f"{self.base.address.netloc} answers, and has no org for these credentials"
        shown = "its orgs" if answer.total is None else f"{answer.total:,} orgs"
        return True, f"{self.base.address.netloc}: {shown} can be read"

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """A session without headers of the connection's extra; each request brings its own credentials."""
        return bare(super().get_conn(None, extra_options), headers)

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any]
    ) -> Response:
        """Send one request, once, with time-outs and without following a redirect."""
        return sent(session, prepped_request, self.connection, READ_SECONDS)

    def _set_base_url(self, connection: Connection) -> None:
        self.base_url = self.base.url
        self._base_url_initialized = True

    def _located(self, url: str, field: str) -> Base:
        connection = self.connection
        parts = urlsplit(url if "://" in url else f"{connection.schema or 'https'}://{url}")
        try:
            port = connection.port if field == "host" else None
            address = canvas_address(f"{parts.scheme}://{parts.netloc}", None, port, None)
        except CanvasWrongHost:
            message = (
                f"connection {self.oneroster_conn_id}: {field} must be an address such as {USUAL}, with https "
                "(http for a stand-in on this machine)"
            )
            raise SourceFault(message) from None
        return Base(address, parts.path.rstrip("/"))

    def _get(self, url: str) -> Response:
        delays = iter(self.retry_delays)
        while True:
            try:
                response = self._once(Request("GET", self._mended(url)))
                if self._may_try_again(response, url):
                    continue
                self._raise_fault(response)
                return response
            except (SourceBusy, SourceUnreachable) as fault:
                delay = next(delays, None)
                if delay is None:
                    raise
                if isinstance(fault, _RateLimited):
                    delay = fault.seconds
                self.log.info("%s; asked again in %.0f s", fault, delay)
                time.sleep(delay)

    def _once(self, request: Request) -> Response:
        if self._session is None:
            self._session = self.get_conn()
        request.auth = request.auth or self._own_credentials().auth()
        return self.run_and_check(self._session, self._session.prepare_request(request), {})

    def _own_credentials(self) -> Signed | Tokens:
        if self._credentials is None:
            connection, extra = self.connection, self.connection.extra_dejson
            name, auth = self.oneroster_conn_id, str(extra.get("auth") or "oauth2").lower()
            if not connection.login or not connection.password:
                message = f"connection {name} has no client id and secret: give them as login and password"
                raise SourceFault(message)
            pair = (connection.login, connection.password)
            if auth == "oauth1":
                self._credentials = Signed.of(name, pair, extra)
            elif auth == "oauth2":
                url = self._located(str(extra.get("token_url") or ""), "token_url").url
                self._credentials = Tokens(name, url, pair, self._scope(extra.get("scope")), self._posted)
            else:
                message = f"connection {name}: auth must be oauth1 or oauth2"
                raise SourceFault(message)
        return self._credentials

    def _scope(self, given: Any) -> str:
        """The scopes to ask for; an empty text asks for none, where the token's address has them built in."""
        if given is not None:
            return str(given)
        prefix = f"https://purl.imsglobal.org/spec/or/{MARKS[self._version]}/scope"
        names = (
            ("roster-core.readonly", "roster.readonly") if self._endpoints == "schools" else ("roster-core.readonly",)
        )
        return " ".join(f"{prefix}/{name}" for name in names)

    def _posted(self, request: Request) -> Response:
        """The answer of the token endpoint."""
        response = self._once(request)
        if response.status_code >= 500 or response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            message = f"the token endpoint of connection {self.oneroster_conn_id} answered {response.status_code}"
            raise SourceBusy(message)
        return response

    def _mended(self, url: str) -> str:
        """The address with what the provider has accepted: its largest limit, and no order where it knows none."""
        if not self._sorts:
            url = url.replace("&sort=sourcedId&orderBy=asc", "")
        if self._limit is not None:
            url = re.sub(r"([?&]limit=)\d+", rf"\g<1>{self._limit}", url)
        return url

    def _may_try_again(self, response: Response, url: str) -> bool:
        """True after what this hook can mend by itself: a limit that is too high, an unknown order, a token's end."""
        status = response.status_code
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and (asked := self._limit or _limit(url)) > FEWEST:
            self._limit = max(asked // 2, FEWEST)
            self.log.info("pages of %s records are too large for the provider: %s from now on", asked, self._limit)
            return True
        if status == HTTPStatus.BAD_REQUEST and self._sorts and "&sort=" in url:
            self._sorts = False
            self.log.info("the provider refused a list in the order of its ids; it is asked for as it comes")
            return True
        if status == HTTPStatus.UNAUTHORIZED and self._own_credentials().renew():
            self.log.info("the token had ended before its time; there is a new one")
            return True
        return False

    def _next(self, response: Response) -> str | None:
        """Path and query of the next page's link. One that has to be followed as it is must be of this service."""
        links = parse_header_links(response.headers.get("Link", ""))
        found = next((link.get("url", "") for link in links if "next" in link.get("rel", "").lower().split()), "")
        if not found:
            return None
        try:
            parts = urlsplit(urljoin(response.url, found))
            if "offset" in parse_qs(parts.query):  # tells that there is more; a provider behind a proxy may say http
                return f"{parts.path}?{parts.query}"
            path = self.base.address.own_path(parts.geturl())
        except (CanvasWrongHost, ValueError):
            path = ""
        if not path.startswith(f"{self.base.path}/"):
            message = f"{self.base.address.netloc} gave a link to another place: the credentials do not go there"
            raise SourceUnreadable(message)
        return path

    def _raise_fault(self, response: Response) -> None:
        """Raise what is wrong with the answer, without any of it."""
        status, where, name = response.status_code, self.base.address.netloc, self.oneroster_conn_id
        minor = code_minor(response)
        said = f"{status}, {minor}" if minor else str(status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            message = f"{where} asks for patience ({said})"
            raise _RateLimited(message, wait(response))
        if status >= 500 or minor == "server_busy":
            message = f"{where} answered {said}"
            raise SourceBusy(message)
        if status == HTTPStatus.UNAUTHORIZED:
            raise SourceFault(self._own_credentials().refused(where))
        if status == HTTPStatus.FORBIDDEN:
            message = (
                f"{where} lets the credentials of connection {name} not read this list ({said}): have the provider "
                "grant it, or name the scope it wants in the connection's extra"
            )
            raise SourceFault(message)
        if is_page(response):
            message = f"{where} answered with a web page ({status}): the address of connection {name} is another one"
            raise SourceUnreadable(message)
        if status == HTTPStatus.NOT_FOUND:
            message = (
                f"{where} has no such list ({said}): see the address of connection {name}, and version and endpoints "
                "of the source"
            )
            raise SourceUnreadable(message)
        if status != HTTPStatus.OK:
            message = f"{where} refused the request ({said})"
            raise SourceUnreadable(message)


class _RateLimited(SourceBusy):
    """429. seconds: until the provider may be asked again."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


def _limit(url: str) -> int:
    found = re.search(r"[?&]limit=(\d+)", url)
    return int(found[1]) if found else 0
