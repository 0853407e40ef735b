"""TASS's API Gateway over HTTP: a `Gateway` that `roster.sources.tass` reads from. It asks, and never writes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow.providers.http.hooks.http import HttpHook
from requests import PreparedRequest, Request, RequestException, Response, Session

from roster.errors import (
    CanvasWrongHost,
    RosterError,
    SourceBusy,
    SourceFault,
    SourceUnreachable,
    SourceUnreadable,
    TenantFileWrong,
)
from roster.sources.tass.replies import opened, part
from roster_airflow.hooks.canvas_address import Address, canvas_address
from roster_airflow.hooks.source_http import bare, connection_of, sent
from roster_airflow.hooks.tass_token import token, token_key

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from roster.settings import Tass

PATH = "/tassweb/api/"
PATIENCE = 180.0
"""Seconds: TASS has no pages, and thinks about all of a school before it says anything."""
PIECE = 1 << 16
MEGABYTE = 1 << 20
VERSIONS = ("2", "3")
MAY_EXPLAIN = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Statuses that may come with what is wrong with the parameters."""
PRODUCTS = ("lms", "idm", "student_details", "employee_hr")
MAY_BE_ASKED = frozenset(
    {
        *("getcampuses", "getstudents", "getteachers", "getstudentsubjects", "getteachersubjects", "gettimetables"),
        *("getemployees", "getparents", "getstudentsdetails", "getemployeesdetails"),
    }
)
"""Methods that leave this machine. The source has its own list: whatever one of the two does not know is not asked."""


def reading(settings: Tass) -> TassHook:
    """What `roster.sources.tass` reads from."""
    return TassHook(settings.connection, largest=settings.largest * MEGABYTE)


def seen(settings: Tass) -> str:
    """Whether each API product of each company answers. Raises TenantFileWrong or SourceFault."""
    hook = reading(settings)
    hook.retry_delays = ()  # somebody waits for the answer
    for company in settings.companies:
        hook.check(company, ("lms", *settings.products))
    products = ", ".join(("lms", *settings.products))
    return f"{hook.address.netloc}: {products} of company {', '.join(settings.companies)} take their token keys"


@dataclass(frozen=True)
class App:
    """How one API product is asked."""

    code: str
    version: str
    key: bytes


class TassHook(HttpHook):
    """One TASS, through the app codes and token keys of one connection.

    A request is asked again after `retry_delays` (seconds) while TASS fails or is not there. What still fails then is a
    SourceFault. Parameters travel encrypted in the body of a POST, never in a URL; no body, token or parameter is ever
    logged or part of an error. largest: bytes that a reply may have.
    """

    conn_name_attr = "tass_conn_id"
    default_conn_name = "tass_default"
    conn_type = "tass"
    hook_name = "TASS"

    retry_delays: tuple[float, ...] = (5, 30)

    def __init__(self, tass_conn_id: str = default_conn_name, *, largest: int = 256 * MEGABYTE) -> None:
        super().__init__(method="POST", http_conn_id=tass_conn_id)
        self.tass_conn_id = tass_conn_id
        self.largest = largest
        self._found: Connection | None = None
        self._session: Session | None = None

    @property
    def connection(self) -> Connection:
        """The connection; TenantFileWrong where there is none, or one of another type."""
        if self._found is None:
            self._found = connection_of(self, self.tass_conn_id)
        return self._found

    @property
    def address(self) -> Address:
        """Where TASS is, without the path."""
        return self._located()[0]

    def ask(self, company: str, product: str, method: str, parameters: Mapping[str, str]) -> bytes:
        """The reply of one method. Raises SourceFault; TenantFileWrong where the connection lacks the product."""
        if method.lower() not in MAY_BE_ASKED:
            message = f"{method} is not one of the methods that are asked of TASS: it is not sent"
            raise SourceFault(message)
        app = self._app(product)
        fields = {"method": method, "appcode": app.code, "company": company, "v": app.version}
        delays = iter(self.retry_delays)
        while True:
            try:
                return self._once(fields | {"token": token(parameters, app.key)}, f"{method} ({product})", product)
            except (SourceBusy, SourceUnreachable) as fault:
                delay = next(delays, None)
                if delay is None:
                    raise
                self.log.info("%s; asked again in %.0f s", fault, delay)
                time.sleep(delay)

    def check(self, company: str, products: tuple[str, ...] = ("lms",)) -> None:
        """Ask each product for a list that it has. Raises SourceFault or TenantFileWrong."""
        for product in products:
            method, parameters, name = _LISTS[product]
            what = f"{method} ({product}) of company {company}"
            part(opened(self.ask(company, product, method, parameters), what, parameters), name, what)

    def test_connection(self) -> tuple[bool, str]:
        """What the Test button asks: does each product that the form has an app code for take its key."""
        company = str(self._extra("company") or "").strip()
        if not company:
            return False, "give a company under Company, such as 10: the Test button asks for its campuses"
        self.retry_delays = ()  # somebody waits for the answer
        try:
            products = tuple(name for name in PRODUCTS if self._field(name, "app_code")) or ("lms",)
            self.check(company, products)
        except RosterError as error:
            return False, str(error)
        return True, f"{self.address.netloc}: {', '.join(products)} of company {company} take their token keys"

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """A session without headers or log-in of the connection: its extra holds token keys."""
        return bare(super().get_conn(None, extra_options), headers)

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any]
    ) -> Response:
        """Send one request, once, with time-outs and without following a redirect; its body is left to be read."""
        return sent(session, prepped_request, self.connection, PATIENCE, stream=True)

    def _set_base_url(self, connection: Connection) -> None:
        self.base_url = self.address.url
        self._base_url_initialized = True

    def _located(self) -> tuple[Address, str]:
        """The address and path of the endpoint, which may be given whole, as TASS's documents write it."""
        connection = self.connection
        given = connection.host or ""
        scheme, found, rest = given.rpartition("://")
        host, _, path = rest.partition("/")
        try:
            if "?" in given or "#" in given or "@" in given:
                raise CanvasWrongHost
            address = canvas_address(scheme + found + host, connection.schema, connection.port, None)
        except CanvasWrongHost:
            message = (
                f"connection {self.tass_conn_id}: host must be TASS's endpoint, such as "
                f"https://tass.school.edu.au{PATH}, and https (http for a stand-in on this machine)"
            )
            raise TenantFileWrong(message) from None
        name = path.rstrip("/")
        return address, (f"/{name}" if name.endswith(".cfm") else f"/{name}/") if name else PATH

    def _extra(self, name: str) -> Any:
        return self.connection.extra_dejson.get(name)

    def _field(self, product: str, name: str) -> str:
        """A field of a product: those of LMS Integration are login and password, the others stand in the extra."""
        whole = {"app_code": self.connection.login, "token_key": self.connection.password} if product == "lms" else {}
        return str(whole.get(name) or self._extra(f"{product}_{name}") or "").strip()

    def _app(self, product: str) -> App:
        name = self.tass_conn_id
        code, key = self._field(product, "app_code"), self._field(product, "token_key")
        if not code or not key:
            fields = "login and password" if product == "lms" else f"{product}_app_code and {product}_token_key"
            message = f"connection {name} has no app code and token key of {product}: give them as {fields}"
            raise TenantFileWrong(message)
        version = self._field(product, "version") or "3"
        if version not in VERSIONS:
            message = f"connection {name}: {product}_version must be 2 or 3 (1 takes no encrypted JSON)"
            raise TenantFileWrong(message)
        place = "the password" if product == "lms" else f"{product}_token_key"
        return App(code, version, token_key(key, f"{place} of connection {name}"))

    def _once(self, fields: Mapping[str, str], what: str, product: str) -> bytes:
        address, path = self._located()
        if self._session is None:
            self._session = self.get_conn()
        request = Request("POST", address.url + path, data=dict(fields))
        response = self.run_and_check(self._session, self._session.prepare_request(request), {})
        try:
            if response.status_code in MAY_EXPLAIN:
                body = self._whole(response, what)
                if body.lstrip()[:1] == b"{" and b'"__invalid"' in body:
                    return body  # whoever decodes it tells which parameter it is about
            self._raise_fault(response, what, product)
            body = self._whole(response, what)
        finally:
            response.close()
        is_page = body.lstrip()[:1] == b"<" or "html" in response.headers.get("Content-Type", "").lower()
        if is_page and body.lstrip()[:1] != b"{":  # ColdFusion may call JSON a page
            message = f"{what}: {address.netloc} answered with a web page: is that the endpoint?"
            raise SourceUnreadable(message)
        return body

    def _whole(self, response: Response, what: str) -> bytes:
        """The body, as long as it is no larger than may be; one that breaks off is SourceUnreachable."""
        pieces, size = [], 0
        try:
            for piece in response.iter_content(PIECE):
                size += len(piece)
                if size > self.largest:
                    message = (
                        f"{what}: the reply is larger than {self.largest // MEGABYTE} MB: raise `largest` of the "
                        "source in the tenant file if a school of that size is meant"
                    )
                    raise SourceUnreadable(message)
                pieces.append(piece)
        except RequestException as error:
            message = f"{what}: the answer broke off ({type(error).__name__})"
            raise SourceUnreachable(message) from None
        return b"".join(pieces)

    def _raise_fault(self, response: Response, what: str, product: str) -> None:
        """Raise what is wrong with the status, without anything of the answer."""
        status, where = response.status_code, self.address.netloc
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
            message = f"{what}: {where} answered {status}"
            if status == HTTPStatus.INTERNAL_SERVER_ERROR:
                message += "; if it goes on doing so, the token key may be another than the app's"
            raise SourceBusy(message)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            message = (
                f"{what}: {where} does not let connection {self.tass_conn_id} in ({status}): compare app code, "
                f"token key, version and company of {product} with TASS's API Gateway Maintenance, and the rights of "
                "its Security Role"
            )
            raise SourceFault(message)
        if status == HTTPStatus.NOT_FOUND:
            message = f"{what}: {where} has nothing at that path (404): host must be the endpoint, which ends in {PATH}"
            raise SourceUnreadable(message)
        if status != HTTPStatus.OK:
            message = f"{what}: {where} refused the request ({status})"
            raise SourceUnreadable(message)


_LISTS: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "lms": ("getCampuses", {"codeonly": "false"}, "campuses"),
    "idm": ("getEmployees", {"user_code": "ALL"}, "employees"),
    "student_details": (
        "getStudentsDetails",
        {"currentstatus": "current", "includephoto": "false", "thumbnail": "false"},
        "students",
    ),
    "employee_hr": ("getEmployeesDetails", {"date": "01/01/2000"}, "employees"),
}
"""Of each product a method, what it is asked with, and what its reply must have."""
