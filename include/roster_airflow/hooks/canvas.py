"""Canvas over HTTP, as far as SIS imports need it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.exceptions import AirflowNotFoundException
from requests import PreparedRequest, Request, RequestException, Response, Session
from requests.exceptions import SSLError
from requests.utils import default_headers
from requests_toolbelt import MultipartEncoder  # type: ignore[import-untyped]

from roster.errors import (
    CanvasBusy,
    CanvasGone,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasTokenDead,
    CanvasUnreachable,
    CanvasWrongHost,
    RosterError,
    TenantFileWrong,
)
from roster.import_options import NONE, ImportOptions
from roster_airflow.hooks.canvas_address import REHEARSAL_MARKS, Address, canvas_address
from roster_airflow.hooks.canvas_pacing import pace_of
from roster_airflow.hooks.canvas_replies import (
    TOKENS_OF_TEST,
    RootAccount,
    SisHolder,
    SisImport,
    SisImportPage,
    SisMessagePage,
    decode,
    fault,
    is_throttled,
    next_link,
)
from roster_airflow.hooks.canvas_token import SharedToken, oauth_key

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from roster.canvas.messages import ImportMessage
    from roster.tenants import Environment

SIS_IMPORTS = "/api/v1/accounts/self/sis_imports"
PER_PAGE = 100
CONNECT_SECONDS = 10.0
READ_SECONDS = 90.0
MAX_IDENTIFIER_BYTES = 128

Kept = TypeVar("Kept")


class Bearer:
    """The token as a header; given as `auth`, so that no .netrc of the machine can take its place.

    shared: of a connection that holds an OAuth key, where the token comes from.
    """

    def __init__(self, token: str, shared: SharedToken | None = None) -> None:
        self._token = token
        self._shared = shared

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign the request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def renewed(self) -> Bearer | None:
        """With another token in place of a dead one; None where there is none to be had."""
        return Bearer(self._shared.renew(self._token), self._shared) if self._shared else None


class CanvasHook(HttpHook):
    """One Canvas root account, through the token of one connection.

    environment and hosts: what the connection's host must agree with before anything is sent (CanvasWrongHost).
    Without an environment (the Test button knows no tenant) it reads, but does not post.

    Every call raises CanvasTokenDead, CanvasPermissionMissing or CanvasRefused at once; a call that only reads is asked
    again after `retry_delays` (seconds) while Canvas throttles, fails or is not there, and raises CanvasBusy or
    CanvasUnreachable at the end. No body, token or query is ever logged or part of an error.
    """

    conn_name_attr = "canvas_conn_id"
    default_conn_name = "canvas_default"
    conn_type = "canvas"
    hook_name = "Canvas"

    retry_delays: tuple[float, ...] = (1, 3, 9, 27)

    def __init__(
        self,
        canvas_conn_id: str = default_conn_name,
        environment: Environment | None = None,
        hosts: tuple[str, ...] = (),
    ) -> None:
        super().__init__(method="GET", http_conn_id=canvas_conn_id)
        self.canvas_conn_id = canvas_conn_id
        self.environment = environment
        self.hosts = hosts
        self._address: Address | None = None
        self._session: Session | None = None
        self._root: RootAccount | None = None

    @property
    def address(self) -> Address:
        """Where the connection points, checked; CanvasWrongHost where the environment is another."""
        if self._address is None:
            try:
                connection = self.get_connection(self.canvas_conn_id)
            except AirflowNotFoundException:
                name = self.canvas_conn_id
                message = f"there is no connection {name}: give it as AIRFLOW_CONN_{name.upper()} or as a secret"
                raise TenantFileWrong(message) from None
            self._address = self._locate(connection)
        return self._address

    def root_account(self) -> RootAccount:
        """The root account that the token's host belongs to."""
        if self._root is None:
            self._root = self.read("/api/v1/accounts/self", RootAccount, "GET accounts/self")
        return self._root

    def clock(self) -> datetime:
        """Canvas's clock, as the headers of its answer have it, be that a refusal; CanvasBusy where they have none."""
        what = "GET accounts/self"
        response = self._send(Request("GET", f"{self.address.url}/api/v1/accounts/self"), what)
        try:
            moment = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError):
            message = f"{what}: the answer does not say the time"
            raise CanvasBusy(message) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def sis_imports(self, created_since: datetime | None = None) -> list[SisImport]:
        """The imports of everybody since then, each once, newest first; created_since must carry its zone."""
        query = {"per_page": str(PER_PAGE)}
        if created_since is not None:
            query["created_since"] = created_since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        found: dict[str, SisImport] = {}
        for page in self.pages(f"{SIS_IMPORTS}?{urlencode(query)}", SisImportPage, "GET sis_imports"):
            # an import that arrives while we read pushes the last of a page onto the next
            found.update({one.id: one for one in page.sis_imports if one.id not in found})
        return sorted(found.values(), key=_age, reverse=True)

    def sis_import(self, import_id: str) -> SisImport:
        """One import; CanvasGone where it is not there."""
        return self.read(f"{SIS_IMPORTS}/{_number(import_id)}", SisImport, "GET sis_imports/:id")

    def has_import(self, import_id: str, identifier: str) -> bool:
        """True if the import of that number is there, and is the one of that identifier."""
        try:
            return self.sis_import(import_id).is_ours(identifier)
        except CanvasGone:
            return False

    def messages(self, import_id: str) -> list[ImportMessage]:
        """All messages of an import, which may be more than the 24 that the import itself shows; newest first."""
        from roster.canvas.messages import ImportMessage  # its package imports polars

        path = f"{SIS_IMPORTS}/{_number(import_id)}/errors?per_page={PER_PAGE}"
        return [
            ImportMessage(file=one.file, row=one.row, message=one.message)
            for page in self.pages(path, SisMessagePage, "GET sis_imports/:id/errors")
            for one in page.sis_import_errors
        ]

    def holds_sis_users(self) -> bool:
        """True if any user of the account has a SIS id; CanvasPermissionMissing where the token may not see that."""
        path = f"/api/v1/accounts/self/users?sort=sis_id&per_page={PER_PAGE}"  # those with an id come first
        can_see = False
        for page in self.pages(path, list[SisHolder], "GET accounts/self/users"):
            if any(isinstance(one.sis_user_id, str) and one.sis_user_id for one in page):
                return True
            can_see = can_see or any(one.sis_user_id is not msgspec.UNSET for one in page) or not page
        if can_see:
            return False
        message = (
            "GET accounts/self/users: the answer leaves out SIS ids: the token's user needs “SIS Data - read” in the "
            "root account, so that it can be seen whether Canvas already holds SIS users"
        )
        raise CanvasPermissionMissing(message)

    def post_import(self, zip_path: Path, identifier: str, options: ImportOptions = NONE) -> SisImport:
        """Post one zip under its import identifier, once, read from disk as it is sent.

        The identifier goes with `remaster`, so that Canvas takes the rows as they are and does no diffing of its own.
        Raises CanvasUnreachable where Canvas may have taken it all the same: look for the identifier in `sis_imports`
        before posting it again. After any other error it has not been taken.
        """
        if self.environment is None:
            message = f"connection {self.canvas_conn_id}: without an environment nothing is posted"
            raise CanvasWrongHost(message)
        if not identifier or len(identifier.encode()) > MAX_IDENTIFIER_BYTES:
            message = f"an import identifier has 1 to {MAX_IDENTIFIER_BYTES} bytes, this one {len(identifier.encode())}"
            raise CanvasRefused(message)
        what = "POST sis_imports"
        url = self.address.url + SIS_IMPORTS
        with zip_path.open("rb") as file:

            def request() -> Request:
                file.seek(0)
                # Canvas goes by the extension of the attachment's name
                form = MultipartEncoder(
                    {
                        "import_type": "instructure_csv",
                        "diffing_data_set_identifier": identifier,
                        "diffing_remaster_data_set": "true",
                        **options.parameters(),
                        "attachment": (f"{zip_path.stem}.zip", file, "application/zip"),
                    }
                )
                return Request("POST", url, data=form, headers={"Content-Type": form.content_type})

            response = self._send(request, what)
        try:
            self._raise_fault(response, what)
            return decode(response.content, SisImport, what)
        except CanvasBusy as busy:
            if is_throttled(response.status_code, response.headers, response.content):
                raise
            message = f"{busy}; it may have taken the import all the same"
            raise CanvasUnreachable(message) from None

    def read(self, path: str, kept: type[Kept], what: str) -> Kept:
        """The kept part of one answer. path: from the root, with its query; what: names the request in errors, no ids.

        Asked again while Canvas is busy or not there.
        """
        return self._get(path, kept, what)[0]

    def pages(self, path: str, kept: type[Kept], what: str) -> Iterator[Kept]:
        """The kept part of every page, each read when it is asked for. path, what: as in `read`."""
        seen: set[str] = set()
        following: str | None = path
        while following is not None:
            if following in seen:
                message = f"{what}: the pages go round in a circle after {len(seen)}"
                raise CanvasRefused(message)
            seen.add(following)
            page, link = self._get(following, kept, what)
            yield page
            following = self.address.own_path(link) if link else None

    def command(
        self, method: str, path: str, kept: type[Kept], what: str, form: Mapping[str, str] | None = None
    ) -> Kept:
        """Send a request that changes something, once, with its fields as a form; the kept part of the answer.

        CanvasUnreachable where Canvas may have carried it out all the same: look before it is sent again.
        """
        response = self._send(Request(method, self.address.url + path, data=dict(form or {})), what)
        self._raise_fault(response, what)
        return decode(response.content, kept, what)

    def import_link(self, import_id: str) -> str:
        """The page of SIS imports in Canvas, for a person; the fragment names the import."""
        return f"{self.address.url}/accounts/{self.root_account().id}/sis_import#{_number(import_id)}"

    def test_connection(self) -> tuple[bool, str]:
        """What the Test button asks: does the token work, and may it do what every night does; a line per fault."""
        from roster_airflow.hooks.canvas_rights import wrongs

        try:
            account = self.root_account()
            self._get(f"{SIS_IMPORTS}?per_page=1", SisImportPage, "GET sis_imports")
            if wrong := list(wrongs(self)):
                return False, "\n".join(wrong)
        except RosterError as error:
            return False, str(error)
        is_rehearsal = any(mark in self.address.host for mark in REHEARSAL_MARKS)
        said = (
            "a test or beta environment by its name" if is_rehearsal else "production, unless a tenant lists its host"
        )
        return True, f"{self.address.netloc}, root account {account.id} ({account.name}): {said}"

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Session:
        """A session that signs with the token.

        The extra of the connection sets timeout, proxies and certificates; it adds no headers, as it would for `http`.
        """
        session = super().get_conn(None, extra_options)
        session.headers.clear()
        session.headers.update({**default_headers(), "Accept": "application/json", "User-Agent": "roster-sync"})
        session.headers.update(headers or {})
        session.auth = self._bearer()
        return session

    def _bearer(self) -> Bearer:
        connection = self.get_connection(self.canvas_conn_id)
        key = oauth_key(connection, self.address)
        if key is None:
            return Bearer(connection.password or "")
        shared = SharedToken(key)
        return Bearer(shared.token(), shared)

    def run_and_check(
        self, session: Session, prepped_request: PreparedRequest, extra_options: dict[Any, Any]
    ) -> Response:
        """Send one request, once, with time-outs and without following a redirect."""
        settings = session.merge_environment_settings(
            prepped_request.url, session.proxies, False, session.verify, session.cert
        )
        patience = (CONNECT_SECONDS, float(self.merged_extra.get("timeout") or READ_SECONDS))
        try:
            response = session.send(prepped_request, allow_redirects=False, timeout=patience, **settings)
        except SSLError:
            wrong: RosterError = CanvasWrongHost(
                f"no TLS with {self.address.netloc}: its certificate can't be verified, or it speaks no TLS at all "
                "(a stand-in: begin the connection's host with http://)"
            )
        except RequestException as error:  # its text has the URL in it
            wrong = CanvasUnreachable(f"no answer from {self.address.netloc} ({type(error).__name__})")
        else:
            if extra_options.get("check_response", True):
                self.check_response(response)
            return response
        raise wrong

    def check_response(self, response: Response) -> None:
        """Raise what is wrong with the answer, without logging any of it."""
        self._raise_fault(response, f"{response.request.method} {self.address.netloc}")

    def _set_base_url(self, connection: Connection) -> None:
        self._address = self._locate(connection)
        self.base_url = self._address.url
        self._base_url_initialized = True

    def _locate(self, connection: Connection) -> Address:
        return canvas_address(connection.host, connection.schema, connection.port, self.environment, self.hosts)

    def _send(self, request: Request | Callable[[], Request], what: str) -> Response:
        """The answer; asked a second time, with another token, where the shared one was dead (so nothing was done)."""
        response = self._send_once(request, what)
        if response.status_code != 401 or "WWW-Authenticate" not in response.headers:
            return response
        session = self._session
        if session is None or not isinstance(session.auth, Bearer) or (bearer := session.auth.renewed()) is None:
            return response
        session.auth = bearer
        return self._send_once(request, what)

    def _send_once(self, request: Request | Callable[[], Request], what: str) -> Response:
        if self._session is None:
            self._session = self.get_conn()
        pace = pace_of(self.canvas_conn_id, self.address.netloc)
        pace.wait()
        made = request if isinstance(request, Request) else request()
        try:
            prepared = self._session.prepare_request(made)
            response = self.run_and_check(self._session, prepared, {"check_response": False})
            if response.ok:  # a refusal for the rate is asked again after `retry_delays`
                pace.learn(response.headers)
            return response
        except CanvasUnreachable as unreachable:
            message = f"{what}: {unreachable}"
        raise CanvasUnreachable(message)

    def _get(self, path: str, kept: type[Kept], what: str) -> tuple[Kept, str | None]:
        """The answer's kept part and the link to the next page, asked again while Canvas is busy or not there."""
        for delay in self.retry_delays:
            try:
                return self._get_once(path, kept, what)
            except (CanvasBusy, CanvasUnreachable) as error:
                self.log.info("%s; asked again in %s s", error, delay)
                time.sleep(delay)
        return self._get_once(path, kept, what)

    def _get_once(self, path: str, kept: type[Kept], what: str) -> tuple[Kept, str | None]:
        response = self._send(Request("GET", self.address.url + path), what)
        self._raise_fault(response, what)
        return decode(response.content, kept, what), next_link(response.headers)

    def _raise_fault(self, response: Response, what: str) -> None:
        wrong = fault(response.status_code, response.headers, response.content, what)
        if self.environment == "test" and isinstance(wrong, CanvasTokenDead):
            wrong = CanvasTokenDead(f"{wrong} ({TOKENS_OF_TEST})")
        if wrong:
            raise wrong


def _number(import_id: str) -> str:
    """The id as it may stand in a path."""
    if not import_id.isdecimal():
        message = "an import's id is a number"
        raise CanvasRefused(message)
    return import_id


def _age(one: SisImport) -> tuple[datetime, int]:
    return one.created_at or datetime.min.replace(tzinfo=UTC), one.number
