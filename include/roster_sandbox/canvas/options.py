"""The options of a POST: which are read, which contradict each other, and what Canvas answers to those."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

LONGEST_IDENTIFIER = 128
_TRUE = frozenset({"true", "t", "1", "yes", "y", "on"})
_DROP_STATUSES = frozenset({"deleted", "completed", "inactive", "deleted_last_completed"})
_REMOVE_STATUSES = frozenset({"deleted", "suspended"})
_BATCH_DROP_STATUSES = frozenset({"deleted", "completed", "inactive"})


class Refused(Exception):
    """The request gets this status and body; `saved` tells that an import was left behind in `initializing`.

    authenticate: with the header that tells a dead token or client from a missing right.
    """

    def __init__(self, status: int, body: dict[str, Any], *, saved: bool = False, authenticate: bool = False) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.saved = saved
        self.authenticate = authenticate


class Options(BaseModel):
    """Every option that is echoed in the import's JSON, under the name it has there."""

    import_type: str = "instructure_csv"
    batch_mode: bool | None = None
    batch_mode_term_id: str | None = None
    multi_term_batch_mode: bool | None = None
    skip_deletes: bool = False
    override_sis_stickiness: bool = False
    add_sis_stickiness: bool = False
    clear_sis_stickiness: bool = False
    update_sis_id_if_login_claimed: bool = False
    diffing_data_set_identifier: str | None = None
    diffing_remaster: bool | None = None
    diffing_drop_status: str | None = None
    diffing_user_remove_status: str | None = None
    batch_mode_enrollment_drop_status: str | None = None
    change_threshold: int | None = None
    diff_row_count_threshold: int | None = None


def truth(value: str | None) -> bool:
    """A flag as a form or a query string writes it."""
    return (value or "").strip().lower() in _TRUE


def read_options(parameters: Mapping[str, str]) -> Options:
    """The options as given; add and clear mean nothing without override, and clear beats add."""
    override = truth(parameters.get("override_sis_stickiness"))
    clear = override and truth(parameters.get("clear_sis_stickiness"))
    batch = truth(parameters.get("batch_mode"))
    return Options(
        import_type=parameters.get("import_type") or "instructure_csv",
        batch_mode=batch or None,
        batch_mode_term_id=parameters.get("batch_mode_term_id") or None,
        multi_term_batch_mode=True if "multi_term_batch_mode" in parameters else None,
        skip_deletes=truth(parameters.get("skip_deletes")),
        override_sis_stickiness=override,
        clear_sis_stickiness=clear,
        add_sis_stickiness=override and not clear and truth(parameters.get("add_sis_stickiness")),
        update_sis_id_if_login_claimed=truth(parameters.get("update_sis_id_if_login_claimed")),
        diffing_data_set_identifier=None if batch else parameters.get("diffing_data_set_identifier") or None,
        diffing_remaster=truth(parameters.get("diffing_remaster_data_set")) or None,
        diffing_drop_status=parameters.get("diffing_drop_status") or None,
        diffing_user_remove_status=parameters.get("diffing_user_remove_status") or None,
        batch_mode_enrollment_drop_status=parameters.get("batch_mode_enrollment_drop_status") or None,
        change_threshold=_number(parameters.get("change_threshold")),
        diff_row_count_threshold=_number(parameters.get("diff_row_count_threshold")),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\d{1,9}", text.strip()) else None


def refuse_contradictions(options: Options, db: sqlite3.Connection) -> None:
    """Raise what Canvas answers, in its order; those after the record was saved leave it behind."""
    if options.import_type != "instructure_csv":
        raise Refused(400, {"errors": [{"message": "Invalid import_type: only instructure_csv can be read"}]})
    identifier = options.diffing_data_set_identifier
    if identifier and len(identifier.encode()) > LONGEST_IDENTIFIER:
        raise Refused(
            400, {"errors": [{"message": f"diffing_data_set_identifier is longer than {LONGEST_IDENTIFIER}"}]}
        )
    if options.batch_mode and not _active_term(db, options.batch_mode_term_id):
        message = "Batch mode specified, but the given batch_mode_term_id cannot be found."
        raise Refused(400, {"message": message})
    for value, allowed, name in (
        (options.diffing_drop_status, _DROP_STATUSES, "diffing_drop_status"),
        (options.diffing_user_remove_status, _REMOVE_STATUSES, "diffing_user_remove_status"),
        (options.batch_mode_enrollment_drop_status, _BATCH_DROP_STATUSES, "batch_mode_enrollment_drop_status"),
    ):
        if value and value not in allowed:
            raise Refused(400, {"message": f"Invalid {name}"}, saved=True)
    if options.multi_term_batch_mode and not options.change_threshold:
        raise Refused(400, {"message": "change_threshold is required to use multi term_batch mode."}, saved=True)
    if options.batch_mode or options.multi_term_batch_mode:
        raise Refused(400, {"message": "Batch mode is not simulated by this stand-in."})
    if identifier and not options.diffing_remaster:
        raise Refused(400, {"message": "Diffing without diffing_remaster_data_set is not simulated by this stand-in."})


def _active_term(db: sqlite3.Connection, given: str | None) -> bool:
    column, value = ("sis_id", given[12:]) if given and given.startswith("sis_term_id:") else ("id", given)
    query = f"SELECT 1 FROM terms WHERE {column} = ? AND state = 'active'"  # noqa: S608 - one of two constants
    return value is not None and db.execute(query, (value,)).fetchone() is not None
