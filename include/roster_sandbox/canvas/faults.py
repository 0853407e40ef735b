"""Everything that can be made to go wrong on demand: faults of a request, and faults of an import.

Each fault is a small model: its fields are the JSON that `POST /sandbox/faults` takes. `times` is for how many
matching requests or imports it holds (null: until cleared), `after` how many of them pass unharmed before it starts.
"""

from __future__ import annotations

import re
import threading
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

_POSTED = "/sis_imports$"


class Fault(BaseModel):
    """What all faults share; counted down as it acts."""

    model_config = ConfigDict(extra="forbid")
    times: int | None = Field(default=None, ge=1)
    after: int = Field(default=0, ge=0)

    def acts(self) -> bool:
        """Whether it acts on this match, which is counted."""
        if self.after:
            self.after -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


class RequestFault(Fault):
    """A fault of requests below /api/v1; `method` is exact, `path` a regular expression found in the path."""

    method: str | None = None
    path: str | None = None

    def matches(self, method: str, path: str) -> bool:
        """Whether the request is one of those it is meant for."""
        right_method = self.method is None or self.method.upper() == method
        return right_method and (self.path is None or re.search(self.path, path) is not None)


class Throttle(RequestFault):
    """Too many requests: a 403 with a text body as the source has it, or a 429 as the manual has it."""

    name: Literal["throttle"] = "throttle"
    status: Literal[403, 429] = 403


class ServerError(RequestFault):
    """A 500 with Canvas's JSON."""

    name: Literal["server_error"] = "server_error"


class BadGateway(RequestFault):
    """The load balancer answers, in HTML."""

    name: Literal["bad_gateway"] = "bad_gateway"
    status: Literal[502, 503, 504] = 503


class HtmlPage(RequestFault):
    """A page for people with status 200: maintenance, or a log-in."""

    name: Literal["html_page"] = "html_page"


class TokenDead(RequestFault):
    """A 401 with WWW-Authenticate; `after` lets it die in the middle."""

    name: Literal["token_dead"] = "token_dead"


class NoPermission(RequestFault):
    """A 401 without WWW-Authenticate (or a 403): the token lives, but may not."""

    name: Literal["no_permission"] = "no_permission"
    status: Literal[401, 403] = 401


class SisDisabled(RequestFault):
    """SIS imports are not enabled for the account: 403."""

    name: Literal["sis_disabled"] = "sis_disabled"
    path: str | None = "/sis_imports"


class CutUpload(RequestFault):
    """The connection is closed after so many bytes of the body; nothing was taken."""

    name: Literal["cut_upload"] = "cut_upload"
    method: str | None = "POST"
    path: str | None = _POSTED
    bytes: int = 1


class AnswerLost(RequestFault):
    """The request is carried out, and the connection closed without an answer."""

    name: Literal["answer_lost"] = "answer_lost"
    method: str | None = "POST"
    path: str | None = _POSTED


class LatePost(RequestFault):
    """The connection is closed without an answer, and the request carried out so many seconds later."""

    name: Literal["late_post"] = "late_post"
    method: str | None = "POST"
    path: str | None = _POSTED
    seconds: float = 1.0


class SlowAnswer(RequestFault):
    """The answer waits so many seconds; the request is carried out at the end of them."""

    name: Literal["slow_answer"] = "slow_answer"
    seconds: float = 1.0


class RestoreFails(RequestFault):
    """The job that `restore_states` starts fails; nothing is restored."""

    name: Literal["restore_fails"] = "restore_fails"
    method: str | None = "PUT"
    path: str | None = "/restore_states$"


class Bucket(Fault):
    """Other sizes for the leaky bucket while it is set, so that a test reaches the brim soon."""

    name: Literal["bucket"] = "bucket"
    high_water: float = 600.0
    capacity: float = 800.0
    leak: float = 10.0
    up_front: float = 50.0
    request_cost: float | None = None


class SlowImport(Fault):
    """The import takes so many seconds more, spread over its segments."""

    name: Literal["slow_import"] = "slow_import"
    seconds: float = 1.0


class Stuck(Fault):
    """The import stays in a state until the faults are cleared; in `initializing` for good."""

    name: Literal["stuck"] = "stuck"
    state: Literal["initializing", "created", "importing"] = "importing"


class Queue(Fault):
    """So many imports of other people stand before ours and take so many seconds each."""

    name: Literal["queue"] = "queue"
    imports: int = 1
    seconds: float = 0.2


class RefuseFile(Fault):
    """Files whose name matches are dropped whole; the import becomes a failed one, the rest is applied."""

    name: Literal["refuse_file"] = "refuse_file"
    file: str = ""
    message: str = "Malformed CSV"


class RefuseRows(Fault):
    """Rows of matching files whose text matches (and, with `every`, each such nth one) are not applied."""

    name: Literal["refuse_rows"] = "refuse_rows"
    file: str = ""
    pattern: str = ""
    every: int = Field(default=1, ge=1)
    message: str = "Something broke with this row"


class FailHalfway(Fault):
    """The job dies after that share of the rows; those stay applied. No counts, as a dead job writes none."""

    name: Literal["fail_halfway"] = "fail_halfway"
    share: float = Field(default=0.5, ge=0, le=1)
    state: Literal["failed", "failed_with_messages"] = "failed"


class AbortHalfway(Fault):
    """Somebody aborts the import after that share of the rows; those stay applied."""

    name: Literal["abort_halfway"] = "abort_halfway"
    share: float = Field(default=0.5, ge=0, le=1)


class WrongCounts(Fault):
    """Numbers added to `data.counts`, which then contradict what was applied and said."""

    name: Literal["wrong_counts"] = "wrong_counts"
    counts: dict[str, int] = Field(default_factory=lambda: {"users": -1})


class HiddenMessages(Fault):
    """The import itself shows only so many messages, without saying that there are more."""

    name: Literal["hidden_messages"] = "hidden_messages"
    keep: int = 0


class LateAttachment(Fault):
    """The file of messages trails the end of the import by so many seconds."""

    name: Literal["late_attachment"] = "late_attachment"
    seconds: float = 1.0


class ReportFault(Fault):
    """A fault of account reports; it acts on a report when it is started."""


class SlowReport(ReportFault):
    """The report takes so many seconds; null: it runs for good."""

    name: Literal["slow_report"] = "slow_report"
    seconds: float | None = 0.1


class ReportEnds(ReportFault):
    """The report ends otherwise than `complete`."""

    name: Literal["report_ends"] = "report_ends"
    state: Literal["error", "aborted", "deleted"] = "error"


class ReportFile(ReportFault):
    """The report's file can't be had: its signature has expired, it is cut short, or it is not what it should be."""

    name: Literal["report_file"] = "report_file"
    what: Literal["expired", "cut", "broken"] = "expired"


ImportFault = Annotated[
    SlowImport
    | Stuck
    | Queue
    | RefuseFile
    | RefuseRows
    | FailHalfway
    | AbortHalfway
    | WrongCounts
    | HiddenMessages
    | LateAttachment,
    Field(discriminator="name"),
]
AnyFault = Annotated[
    Throttle
    | ServerError
    | BadGateway
    | HtmlPage
    | TokenDead
    | NoPermission
    | SisDisabled
    | CutUpload
    | AnswerLost
    | LatePost
    | SlowAnswer
    | RestoreFails
    | Bucket
    | SlowReport
    | ReportEnds
    | ReportFile
    | ImportFault,
    Field(discriminator="name"),
]
FAULT: TypeAdapter[Fault] = TypeAdapter(AnyFault)
IMPORT_FAULTS: TypeAdapter[list[Any]] = TypeAdapter(list[ImportFault])


class Faults:
    """The faults that are set, in the order they were set; on a request only the first that matches acts."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Those set, with what is left of them."""
        with self._lock:
            return [fault.model_dump() for fault in self._faults]

    def of_request(self, method: str, path: str) -> RequestFault | None:
        """The fault that acts on this request."""
        with self._lock:
            acting = None
            for fault in self._faults:
                if not (isinstance(fault, RequestFault) and fault.matches(method, path)):
                    continue
                if fault.acts():
                    acting = fault.model_copy()
                    break
            self._forget_spent()
            return acting

    def of_import(self) -> list[Fault]:
        """The faults that act on an import that is being made."""
        with self._lock:
            acting = [
                fault.model_copy()
                for fault in self._faults
                if not isinstance(fault, RequestFault | Bucket | ReportFault) and fault.acts()
            ]
            self._forget_spent()
            return acting

    def of_report(self) -> list[ReportFault]:
        """The faults that act on a report that is being started."""
        with self._lock:
            acting = [fault.model_copy() for fault in self._faults if isinstance(fault, ReportFault) and fault.acts()]
            self._forget_spent()
            return acting

    def bucket(self) -> Bucket:
        """The sizes of the leaky bucket as they are now."""
        with self._lock:
            return next((fault for fault in reversed(self._faults) if isinstance(fault, Bucket)), Bucket())

    def _forget_spent(self) -> None:
        self._faults = [fault for fault in self._faults if fault.times is None or fault.times > 0]
