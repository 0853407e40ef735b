"""What a database's fault means, by its code: who has to act, and what to do. Its own text is never passed on.

Codes: SQLSTATE of PostgreSQL (Appendix A), result codes of SQLite. Where a driver gives none, the class of the error
tells whether the database was there.
"""

from __future__ import annotations

import sqlite3

from roster.errors import SourceBusy, SourceFault, SourceUnreachable, SourceUnreadable

_UNREADABLE, _FAULT, _BUSY, _AWAY = SourceUnreadable, SourceFault, SourceBusy, SourceUnreachable
_Meaning = tuple[type[SourceFault], str]

_SQLSTATES: dict[str, _Meaning] = {
    "28": (_FAULT, "the database does not take the log-in: renew its name and password in the connection"),
    "3D": (_FAULT, "there is no database of that name: correct the connection's schema"),
    "25006": (
        _UNREADABLE,
        "it tries to write, and here nothing may: leave one SELECT that changes nothing",
    ),
    "42501": (_UNREADABLE, "the log-in may not read what it asks for: have SELECT granted on it"),
    "42P01": (_UNREADABLE, "there is no table or view of a name in it: correct the name, or have it made"),
    "42703": (_UNREADABLE, "a column that it names is not there: correct the query"),
    "42702": (_UNREADABLE, "a column that it names could be two: name its table, and each column only once"),
    "42601": (_UNREADABLE, "the database does not understand it: it must be one SELECT (WITH may go before)"),
    "57014": (_BUSY, "took longer than the source's `timeout`: asked again; make the query faster, or the time longer"),
    "53": (_BUSY, "the database has too much to do: asked again"),
    "57": (_AWAY, "the database was shut down meanwhile: asked again"),
    "08": (_AWAY, "the connection broke off: asked again"),
    "40": (_AWAY, "the database ended the transaction: asked again"),
}
_SQLITE: dict[int, _Meaning] = {
    sqlite3.SQLITE_CANTOPEN: (_AWAY, "there is no such file, or it can't be opened: see the connection's host"),
    sqlite3.SQLITE_BUSY: (_BUSY, "another process writes to the file: asked again"),
    sqlite3.SQLITE_NOTADB: (_UNREADABLE, "the file is no SQLite database"),
    sqlite3.SQLITE_CORRUPT: (_UNREADABLE, "the file is damaged: restore it"),
    sqlite3.SQLITE_READONLY: _SQLSTATES["25006"],
    sqlite3.SQLITE_IOERR: (_AWAY, "the file can't be read through: see the disk"),
}
_LOG_IN = ("authentication failed", "no password supplied", "pg_hba.conf", "login failed", "ora-01017")
"""What drivers say of a log-in while they connect, where they give no code."""
_TEXT = (_UNREADABLE, "a text in it is not of the database's encoding: have it mended there, or cast it in the query")
_VALUE = (_UNREADABLE, "a value in it can't be taken over, such as a day that is infinite: cast it in the query")
_UNKNOWN = "the database gives no rows for it: it must be one SELECT of tables and columns that are there"


def explained(fault: Exception, what: str) -> SourceFault:
    """The fault in our words. what: the query's name, or the connection's."""
    kind, said = _meaning(fault)
    code = getattr(fault, "sqlstate", None) or getattr(fault, "pgcode", None)
    return kind(f"{what}: {said} ({' '.join(filter(None, (type(fault).__name__, code)))})")


def not_connected(fault: Exception, connection: str) -> SourceFault:
    """The same of a connection that did not come about."""
    if _meaning(fault)[1] == _UNKNOWN:
        return SourceFault(
            f"connection {connection} can't be used as it stands: see its host, port, schema and extra "
            f"({type(fault).__name__})"
        )
    return explained(fault, f"connection {connection}")


def _meaning(fault: Exception) -> _Meaning:
    code = getattr(fault, "sqlstate", None) or getattr(fault, "pgcode", None)
    if code:
        return next((_SQLSTATES[code[:size]] for size in (5, 2) if code[:size] in _SQLSTATES), (_UNREADABLE, _UNKNOWN))
    number = getattr(fault, "sqlite_errorcode", None)
    if number is not None:
        return _SQLITE.get(number & 0xFF, (_UNREADABLE, _UNKNOWN))
    said, kinds = str(fault).lower(), {one.__name__ for one in type(fault).__mro__}
    if isinstance(fault, UnicodeDecodeError) or said.startswith("could not decode"):
        return _TEXT
    if "DataError" in kinds:
        return _VALUE
    if any(words in said for words in _LOG_IN):
        return _SQLSTATES["28"]
    if "database" in said and "does not exist" in said:
        return _SQLSTATES["3D"]
    if kinds & {"OperationalError", "InterfaceError", "AirflowException"}:
        return _AWAY, "the database does not answer: see host and port of the connection, or wait; asked again"
    return _UNREADABLE, _UNKNOWN
