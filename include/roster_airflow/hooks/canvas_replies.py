"""What Canvas answers, as values: the parts of its JSON that we keep, and what a refusal means.

Pure: bytes and headers in, values and errors out, so that hook and trigger read alike. No error made here repeats
anything of an answer, because an answer may hold people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from roster.errors import (
    CanvasBusy,
    CanvasFault,
    CanvasGone,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasScopeMissing,
    CanvasTokenDead,
    CanvasWrongHost,
)

# `restoring` and after: somebody undoes an import that had ended, so it takes no more rows of ours.
FINAL_STATES: Final = frozenset(
    {
        "imported",
        "imported_with_messages",
        "failed",
        "failed_with_messages",
        "aborted",
        "restoring",
        "restored",
        "partially_restored",
        "restore_failed",
    }
)

NOT_JSON: Final = (
    "answered with something that is not its JSON (a web page of a proxy or of maintenance, or an answer cut short)"
)

# What a dead token of a test environment may mean, and does not prove.
TOKENS_OF_TEST: Final = (
    "a refresh of test or beta writes the users and tokens of production over those made there, so make the token in "
    "production, where a refresh leaves it working, or anew in test; whether there was a refresh shows with a working "
    "token only"
)

# Refusals by a phrase of theirs, in our words. What is not listed is given by its status alone.
REFUSALS: Final[tuple[tuple[str, str], ...]] = (
    ("root account", "the account is not a root account, and only those take SIS imports"),
    ("not enabled", "SIS imports are switched off in this account: its administrator has to switch them on"),
    ("charset", "it does not take the encoding of the upload"),
    ("import_type", "it does not know this type of import"),
    ("diffing", "it does not take the data set identifier or the diffing options"),
)


class RootAccount(msgspec.Struct, frozen=True):
    """The root account behind a host; the ledger belongs to host and id."""

    number: int = msgspec.field(name="id")
    name: str = ""
    above: int | None = msgspec.field(name="root_account_id", default=None)

    @property
    def id(self) -> str:
        """Canvas's number of the account, as text."""
        return str(self.number)

    @property
    def is_root(self) -> bool:
        """False for an account that has a root account above it: it takes no SIS imports."""
        return self.above is None


class ImportData(msgspec.Struct, frozen=True):
    """counts: rows that passed, per type, unchanged ones too. statistics: changes of state, per Canvas type."""

    counts: dict[str, int | None] | None = None
    statistics: dict[str, int | dict[str, int | None] | None] | None = None
    supplied_batches: list[str] | None = None
    completed_importers: list[str] | None = None


class SisImport(msgspec.Struct, frozen=True):
    """One SIS import as Canvas tells it; instants are in UTC.

    processing_errors and _warnings name people, so they stay undecoded: they only say that there are messages.
    """

    number: int = msgspec.field(name="id")
    workflow_state: str
    progress: float | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None
    diffing_data_set_identifier: str | None = None
    data: ImportData | None = None
    processing_errors: list[msgspec.Raw] | None = None
    processing_warnings: list[msgspec.Raw] | None = None

    @property
    def id(self) -> str:
        """Canvas's number of the import, as text."""
        return str(self.number)

    @property
    def is_final(self) -> bool:
        """True if it will take no more rows; only `imported` and `imported_with_messages` took all it could."""
        return self.workflow_state in FINAL_STATES

    @property
    def has_messages(self) -> bool:
        """True if there is something to read at `messages`."""
        return bool(self.processing_errors or self.processing_warnings)

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows that passed, by type (`users`, `enrollments`, …), with error_count and warning_count."""
        counts = (self.data and self.data.counts) or {}
        return {name: count for name, count in counts.items() if count is not None}

    @property
    def statistics(self) -> Mapping[str, int | dict[str, int | None]]:
        """Changes of state: total_state_changes, and created, deleted, … for each Canvas type."""
        statistics = (self.data and self.data.statistics) or {}
        return {name: value for name, value in statistics.items() if value is not None}

    def is_ours(self, identifier: str) -> bool:
        """True if it was posted under this import identifier."""
        return self.diffing_data_set_identifier == identifier


class SisImportPage(msgspec.Struct, frozen=True):
    """A page of `sis_imports`."""

    sis_imports: list[SisImport]


class SisMessage(msgspec.Struct, frozen=True):
    """One entry of an import's `errors`; row: number of the CSV record, header = 1, None for a whole file."""

    message: str
    file: str | None = None
    row: int | None = None


class SisMessagePage(msgspec.Struct, frozen=True):
    """A page of an import's `errors`."""

    sis_import_errors: list[SisMessage]


class SisHolder(msgspec.Struct, frozen=True):
    """A user, as far as it matters whether SIS made it: the id is UNSET where the token may not see it."""

    sis_user_id: str | msgspec.UnsetType | None = msgspec.UNSET


Kept = TypeVar("Kept")


def decode(body: bytes, kept: type[Kept], what: str) -> Kept:
    """The answer's kept part; CanvasBusy where it is not the JSON that `what` answers with."""
    try:
        return msgspec.json.decode(body, type=kept, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        message = f"{what}: Canvas {NOT_JSON}"
        raise CanvasBusy(message) from None


def fault(status: int, headers: Mapping[str, str], body: bytes, what: str) -> CanvasFault | None:
    """What is wrong with an answer, by who has to act; None if nothing is. headers: in any case.

    Throttling is 429, or 403 with its text or an empty bucket; 401 is a dead token only with WWW-Authenticate.
    """
    named = {name.lower(): value for name, value in headers.items()}
    text = _text(body)
    if status < 300:
        return None
    if status < 400:
        return CanvasWrongHost(
            f"{what}: the host answers with a redirect ({status}), which is not followed with a token: "
            "put the host of Canvas itself into the connection"
        )
    if is_throttled(status, named, body):
        return CanvasBusy(f"{what}: Canvas throttles this token ({status})")
    if status >= 500 or status == 408:
        return CanvasBusy(f"{what}: Canvas answered {status}")
    if status in (401, 403):
        return _forbidden(status, named, text, what)
    if status == 404:
        return CanvasGone(f"{what}: not there (404), or not for this token's user")
    return CanvasRefused(f"{what}: refused ({status}){_reason(text)}")


def is_throttled(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """True for 429, and for the 403 that means patience, not permission; what was asked has not been done."""
    if status != 403:
        return status == 429
    remaining = next((value for name, value in headers.items() if name.lower() == "x-rate-limit-remaining"), "")
    return "rate limit exceeded" in _text(body) or re.fullmatch(r"\s*(-.*|0+(\.0*)?)\s*", remaining) is not None


def _text(body: bytes) -> str:
    return body[:4096].decode("utf-8", errors="replace").lower()


def _forbidden(status: int, headers: Mapping[str, str], text: str, what: str) -> CanvasFault:
    if "insufficient scopes" in text:
        return CanvasScopeMissing(
            f"{what}: the token's developer key lacks the scope of this call ({status}): tick it in Canvas under "
            "Admin, Developer Keys, and connect again"
        )
    if status == 401 and ("www-authenticate" in headers or "invalid access token" in text):
        return CanvasTokenDead(
            f"{what}: Canvas does not know the token (any more): make a new one and put it into the connection"
        )
    if "not enabled" in text:
        return CanvasRefused(f"{what}: refused ({status}){_reason(text)}")
    if text.lstrip().startswith("<"):
        return CanvasBusy(f"{what}: Canvas {NOT_JSON} ({status})")
    return CanvasPermissionMissing(
        f"{what}: the token's user may not do this ({status}): its account role needs "
        "“SIS Data - import”, “SIS Data - read” and “Users - view list” in the root account"
    )


def _reason(text: str) -> str:
    known = next((words for phrase, words in REFUSALS if phrase in text), None)
    return f": {known}" if known else ""


_NEXT_LINK: Final = re.compile(r'<([^>]*)>\s*;[^,<]*\brel=(?:"next"|next(?=[\s;,]|$))', re.IGNORECASE)


def next_link(headers: Mapping[str, str]) -> str | None:
    """The opaque link to the next page; None on the last."""
    link = next((value for name, value in headers.items() if name.lower() == "link"), "")
    found = _NEXT_LINK.search(link)
    return found[1] if found else None
