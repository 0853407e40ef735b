"""Waiting for a SIS import to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import aiohttp
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from roster.errors import (
    CanvasBusy,
    CanvasFault,
    CanvasGone,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasStuck,
    CanvasTokenDead,
    CanvasUnreachable,
    CanvasWrongHost,
)
from roster_airflow.hooks.canvas_address import canvas_address
from roster_airflow.hooks.canvas_pacing import Pace, pace_of
from roster_airflow.hooks.canvas_replies import TOKENS_OF_TEST, SisImport, decode, fault
from roster_airflow.hooks.canvas_token import SharedToken, oauth_key

if TYPE_CHECKING:
    from roster.tenants import Environment

INITIALIZING_LIMIT: Final = timedelta(hours=1)
LONGEST_PAUSE: Final = 60.0
GROWTH: Final = 1.2

Fault = Literal[
    "token-dead", "permission-missing", "refused", "gone", "wrong-host", "no-connection", "lost", "deadline"
]

_FAULTS: Final[tuple[tuple[type[CanvasFault], Fault], ...]] = (
    (CanvasTokenDead, "token-dead"),
    (CanvasPermissionMissing, "permission-missing"),
    (CanvasWrongHost, "wrong-host"),
    (CanvasRefused, "refused"),
)


class SisImportTrigger(BaseTrigger):
    """Asks after one import until it is final, and hands one event to the operator.

    import_id, account: numbers in Canvas, as text. deadline, lost_after: instants as ISO 8601 with their zone, fixed
    when the import was posted, so that a triggerer that starts again does not start the wait again. An import that is
    still `initializing` at lost_after (an hour after posting) counts as lost. poll: seconds before the first look; each
    later pause is a fifth longer, up to a minute.

    The event: {"import_id", "state" (as last seen, or None), "progress"} and, if the import is not final, "fault".
    Throttling, 5xx, and no answer at all are waited out until the deadline. Where Canvas's bucket is nearly empty, a
    look waits for it as the hook's requests do, but not past the deadline. Nothing here ever aborts an import, also not
    when the task is killed or cleared.
    """

    def __init__(
        self,
        canvas_conn_id: str,
        import_id: str,
        account: str,
        deadline: str,
        lost_after: str,
        environment: Environment,
        hosts: Sequence[str] = (),
        poll: float = 10.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.canvas_conn_id = canvas_conn_id
        self.import_id = import_id
        self.account = account
        self.deadline = deadline
        self.lost_after = lost_after
        self.environment = environment
        self.hosts = list(hosts)
        self.poll = poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Import path and arguments."""
        return (
            "roster_airflow.triggers.canvas.SisImportTrigger",
            {
                "canvas_conn_id": self.canvas_conn_id,
                "import_id": self.import_id,
                "account": self.account,
                "deadline": self.deadline,
                "lost_after": self.lost_after,
                "environment": self.environment,
                "hosts": self.hosts,
                "poll": self.poll,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, look, and yield the one event."""
        # An event that comes before the scheduler has seen the task defer can fail the task: wait before looking.
        await asyncio.sleep(self.poll)
        try:
            connection = await BaseHook.aget_connection(self.canvas_conn_id)
            address = canvas_address(connection.host, connection.schema, connection.port, self.environment, self.hosts)
        except AirflowNotFoundException:
            yield self._event(_Seen(), "no-connection")
            return
        except CanvasWrongHost:
            yield self._event(_Seen(), "wrong-host")
            return
        try:
            key = oauth_key(connection, address)
        except CanvasTokenDead:
            yield self._event(_Seen(), "token-dead")
            return
        sign = _bearer(connection.password or "") if key is None else _renewing(SharedToken(key))
        url = f"{address.url}/api/v1/accounts/{self.account}/sis_imports/{self.import_id}"
        headers = {"Accept": "application/json", "User-Agent": "roster-sync"}
        patience = aiohttp.ClientTimeout(total=90, connect=10)
        async with aiohttp.ClientSession(
            headers=headers, middlewares=(sign,), timeout=patience, trust_env=True
        ) as session:
            yield await self._wait(session, url, pace_of(self.canvas_conn_id, address.netloc))

    async def _wait(self, session: aiohttp.ClientSession, url: str, pace: Pace) -> TriggerEvent:
        deadline, lost_after = datetime.fromisoformat(self.deadline), datetime.fromisoformat(self.lost_after)
        seen, pause = _Seen(), self.poll
        while True:
            await pace.wait_until(deadline)
            look = await self._look(session, url, pace)
            now = datetime.now(UTC)
            if look.said != seen.said:
                self.log.info("%s", look.said)
            seen = look if look.state else _Seen(look.said, seen.state, seen.progress, look.fault)
            if seen.is_final or seen.fault:
                return self._event(seen, seen.fault)
            if seen.state == "initializing" and now >= lost_after:
                return self._event(seen, "lost")
            if now >= deadline:
                return self._event(seen, "deadline")
            pause = min(pause * GROWTH, max(LONGEST_PAUSE, self.poll))
            await asyncio.sleep(pause)

    async def _look(self, session: aiohttp.ClientSession, url: str, pace: Pace) -> _Seen:
        """One look; a look that saw nothing has no state, and a fault only if looking again is of no use."""
        what = f"import {self.import_id}"
        try:
            async with session.get(url, allow_redirects=False) as response:
                status, headers, body = response.status, response.headers, await response.read()
            if response.ok:
                pace.learn(headers)
            if status == 404:
                return _Seen(f"{what}: not there (any more)", fault="gone")
            if wrong := fault(status, headers, body, what):
                raise wrong
            found = decode(body, SisImport, what)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return _Seen(f"{what}: no answer ({type(error).__name__})")
        except (CanvasBusy, CanvasUnreachable) as busy:  # the latter of the token's renewal
            return _Seen(str(busy))
        except CanvasFault as failed:
            return _Seen(str(failed), fault=next(name for kind, name in _FAULTS if isinstance(failed, kind)))
        progress = round(found.progress or 0)
        said = f"{what}: {found.workflow_state}, {progress} %"
        return _Seen(said, found.workflow_state, progress, is_final=found.is_final)

    def _event(self, seen: _Seen, wrong: Fault | None) -> TriggerEvent:
        event: dict[str, Any] = {"import_id": self.import_id, "state": seen.state, "progress": seen.progress}
        if wrong:
            event["fault"] = wrong
        return TriggerEvent(event)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Seen:
    said: str = ""
    state: str | None = None
    progress: int | None = None
    fault: Fault | None = None
    is_final: bool = False


def _bearer(token: str) -> aiohttp.ClientMiddlewareType:
    async def sign(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        # last of all, so that no .netrc of the machine can take the token's place
        request.headers["Authorization"] = f"Bearer {token}"
        return await send(request)

    return sign


def _renewing(shared: SharedToken) -> aiohttp.ClientMiddlewareType:
    """Sign with the token that all tasks share, and once more with another where it turns out dead."""

    async def sign(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        token = await asyncio.to_thread(shared.token)
        request.headers["Authorization"] = f"Bearer {token}"
        response = await send(request)
        if response.status != 401 or "WWW-Authenticate" not in response.headers:
            return response
        response.release()
        request.headers["Authorization"] = f"Bearer {await asyncio.to_thread(shared.renew, token)}"
        return await send(request)

    return sign


def event_fault(event: dict[str, Any], environment: Environment | None = None) -> CanvasFault | None:
    """The error that an event stands for; None for a final import, and for a lost one, whose rows are in doubt."""
    wrong, what = event.get("fault"), f"import {event['import_id']}"
    match wrong:
        case None | "lost":
            return None
        case "token-dead":
            said = f"{what}: the token died while it ran: put a new one into the connection"
            return CanvasTokenDead(f"{said} ({TOKENS_OF_TEST})" if environment == "test" else said)
        case "permission-missing":
            return CanvasPermissionMissing(f"{what}: the token's user may no longer read SIS imports")
        case "wrong-host":
            return CanvasWrongHost(f"{what}: the connection's host changed while it ran, or redirects elsewhere")
        case "deadline" if event.get("state") is None:
            return CanvasUnreachable(f"{what}: Canvas did not say how it stands before the deadline")
        case "deadline":
            return CanvasStuck(f"{what}: still {event['state']} at its deadline; the journal stays open until it ends")
        case "gone":
            return CanvasGone(
                f"{what}: is not there any more; if Canvas has refreshed test from production, the next run finds out"
            )
        case _:
            return CanvasRefused(f"{what}: can't be read any more ({wrong})")
