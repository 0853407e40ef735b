"""Every rule of the linter: what Canvas does where it is broken, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["refused", "changed", "note"]


@dataclass(frozen=True)
class Rule:
    """severity: refused (Canvas does not take it), changed (not as it was meant), note. source: section of what is
    known of Canvas's imports: 1 files, 2 dates and statuses, 3 the types; a question mark: nobody has confirmed it.
    """

    id: str
    severity: Severity
    canvas: str
    do: str
    source: str


_TABLE: tuple[tuple[str, Severity, str, str, str], ...] = (
    # Containers
    ("upload-not-csv-nor-zip", "changed", "does nothing with it and reports success", "name it .csv or .zip", "1"),
    ("member-not-csv", "note", "passes the member over with a warning", "leave it out of the zip", "1"),
    ("member-passed-over", "note", "passes it over without a word", "leave it out, or rename it", "1"),
    ("zip-in-zip", "changed", "does not open it", "put the CSVs themselves into the zip", "1"),
    ("zip-unreadable", "refused", "takes nothing of the zip", "make the zip anew, without a password", "1"),
    (
        "zip-unpacks-too-large",
        "refused",
        "takes nothing of a zip that unpacks to 100 times its size or to 50 GB",
        "pack with less compression, or in several zips",
        "1",
    ),
    ("file-empty", "note", "passes it over without a word", "leave it out, or export it again", "1"),
    (
        "file-header-only",
        "note",
        "counts it as supplied: batch mode and diffing then remove all of that type",
        "leave it out unless that is meant",
        "1, 7, 8",
    ),
    # Bytes
    ("byte-order-mark", "note", "drops it", "nothing", "1"),
    ("encoding-not-utf-8", "refused", "refuses the whole file", "export it as UTF-8", "1"),
    ("line-ends-mixed", "refused", "refuses the whole file", "use one kind of line-end", "1?"),
    (
        "quote-inside-field",
        "refused",
        "refuses the whole file",
        "put the whole field in quotes and double those in it",
        "1",
    ),
    (
        "text-after-quote",
        "refused",
        "refuses the whole file",
        "double the quotes inside the field; no blanks around it",
        "1",
    ),
    ("quote-not-closed", "refused", "refuses the whole file", "close the quote, or double it if it is text", "1"),
    ("nul-in-row", "refused", "refuses the row", "remove the NUL character", "1"),
    ("nul-in-file", "refused", "refuses the whole file", "remove the NUL characters", "1?"),
    # Headers
    (
        "type-unknown",
        "refused",
        "refuses the whole file: its header is of no type",
        "see the columns of the type that is meant",
        "1",
    ),
    (
        "type-not-as-named",
        "changed",
        "goes by the header, not by the name, and reads another type",
        "add or remove the column that decides: short_name for courses, name for sections, no term_id in sections",
        "1",
    ),
    ("header-blank-around", "changed", "takes the column for missing", "remove the blanks around the name", "1?"),
    ("header-repeated", "changed", "reads the first of the columns only", "remove the other", "1?"),
    ("header-unknown", "note", "ignores the column", "nothing, if that is meant", "1"),
    ("header-nameless", "note", "ignores the column", "name it or remove it", "1"),
    # Rows
    ("fields-too-many", "changed", "ignores what is beyond the header", "put fields that hold a comma in quotes", "1"),
    ("row-blank", "note", "passes it over, and still numbers it", "remove it", "1"),
    ("required-blank", "refused", "refuses the row", "fill the column", "3"),
    ("status-improper", "refused", "refuses the row", "use a word of the type's", "3"),
    ("status-prefix", "changed", "goes by how the word begins", "use a word of the type's", "2"),
    ("word-unknown", "refused", "refuses the row", "use a word that the column allows", "3"),
    ("declared-type-unknown", "changed", "does not take the value", "use a word that the column allows", "3?"),
    ("text-too-long", "refused", "refuses the row", "use at most 255 characters", "1?"),
    ("login-invalid", "refused", "refuses the row", "use at most 100 characters, none of them for control", "3?"),
    ("email-invalid", "changed", "saves the person without the address, and does not count the row", "correct it", "3"),
    (
        "provider-blank",
        "note",
        "takes the log-in's authentication provider away",
        "leave the column out, or fill it",
        "3",
    ),
    ("date-bad", "changed", "leaves the date out; but for courses that clears it", "write 2026-01-31T00:00:00Z", "2"),
    ("date-day-first", "changed", "takes the first number for the day", "write 2026-01-31T00:00:00Z", "2?"),
    ("date-one-of-two", "changed", "ignores an enrolment's one date", "give both, or none", "2"),
    ("boolean-unclear", "changed", "takes it for false", "write true or false", "2?"),
    (
        "role-unknown",
        "refused",
        "refuses the row, unless the account has a custom role of exactly that name",
        "correct it, or name your own roles with --role",
        "3",
    ),
    ("role-prefix", "changed", "takes whatever begins with student for a student", "write student", "3"),
    ("observer-of-nobody", "note", "enrols an observer who observes nobody", "fill associated_user_id", "4"),
    (
        "associated-user-ignored",
        "changed",
        "ignores associated_user_id of any role but observer",
        "leave it blank",
        "4",
    ),
    ("observes-self", "refused", "refuses the row", "name the pupil and the observer", "3"),
    (
        "logins-again",
        "note",
        "refuses each row whose log-in exists, so every repetition warns",
        "send new log-ins only",
        "3",
    ),
    # Against the rest of the set
    (
        "reference-not-judged",
        "note",
        "goes by what it holds already",
        "lint it together with the file it refers to",
        "3",
    ),
    (
        "reference-unknown",
        "refused",
        "refuses the row, unless it has the record from before",
        "add the record, or correct the id",
        "3",
    ),
    (
        "reference-deleted",
        "refused",
        "refuses the row: the same set deletes what it refers to",
        "delete the row as well, or keep both",
        "3",
    ),
    (
        "course-term-unknown",
        "changed",
        "ignores the term without a word: a new course lands in the default term",
        "add the term, or correct the id",
        "3",
    ),
    (
        "account-parent-later",
        "refused",
        "refuses the row, unless it has the parent from before",
        "put parents before children",
        "1, 3",
    ),
    ("account-loop", "refused", "refuses the row", "correct the parents", "3"),
    ("section-of-other-course", "refused", "refuses the row", "correct section or course", "3"),
    ("id-repeated", "changed", "applies both rows; which is the last is not promised", "keep one row per record", "1"),
    (
        "login-claimed",
        "refused",
        "refuses the row: another person of the set has the log-in",
        "give each a log-in of their own",
        "3",
    ),
    (
        "login-exists",
        "refused",
        "refuses the row: the set has made a log-in of that user_id or login_id before it",
        "give each log-in a user_id and a login_id of its own",
        "3",
    ),
    (
        "integration-id-claimed",
        "refused",
        "refuses the row: another person of the set has the integration_id",
        "correct one of them",
        "3",
    ),
    (
        "delete-beats-active",
        "changed",
        "deletes after all other rows, wherever they stand",
        "keep one of the rows",
        "3",
    ),
    (
        "last-completed-twice",
        "changed",
        "deletes both, as each sees the other alive",
        "send one of them in an import of its own",
        "3",
    ),
    (
        "change-of-unknown-id",
        "refused",
        "refuses the row: an earlier row has changed that id already",
        "keep one of the rows",
        "3",
    ),
    (
        "change-to-taken-id",
        "refused",
        "refuses the row: an earlier row has given that id",
        "give each an id of its own",
        "3",
    ),
    (
        "old-id-used",
        "changed",
        "has changed that id before, and makes a new record with the old one",
        "use the new id",
        "3",
    ),
)
RULES: Mapping[str, Rule] = {row[0]: Rule(*row) for row in _TABLE}
