"""The rows of Canvas's SIS files: one module per file, and what is known of Canvas's answers.

To add a file: a module with FILE (its name), TABLE (the roster's table its records are of), KEY, COLUMNS in Canvas's
order, OPTIONAL (those of them that may be absent), REFERS (column → the file it points into), NEEDS (what of a source
decides whether a row is there) and rows(); an entry in _ORDER, where Canvas processes it; its table in
docs/canvas-rows.md. Planning, holding and loading take any file. change_sis_id.csv and logins.csv are none of FILES.

rows() gives a row for every record of the roster that makes one, in quarantine or not. Beside the columns it has
`record` (sourced_id in TABLE), `school` (the org at which the row counts) and `scope` (null if the row is wanted, else
why it is not: `school` or `term`, and it is left as it is in Canvas; `suspended` or `deleted`, as the source says of
the person, and it is dropped). Two rows may share a key; then `rank`, where there is one, and
the record say which goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from roster.model import Roster
    from roster.tenants import Tenant

    FILES: tuple[CanvasFile, ...]


class CanvasFile(Protocol):
    """What a module of this folder is, if it is a file."""

    @property
    def FILE(self) -> str: ...
    @property
    def TABLE(self) -> str: ...
    @property
    def KEY(self) -> tuple[str, ...]: ...
    @property
    def COLUMNS(self) -> tuple[str, ...]: ...
    @property
    def OPTIONAL(self) -> tuple[str, ...]: ...
    @property
    def REFERS(self) -> Mapping[str, str]: ...
    @property
    def NEEDS(self) -> tuple[str, ...]: ...
    def rows(self, roster: Roster, settings: Tenant, as_of: date) -> pl.LazyFrame: ...


_ORDER = (
    *("accounts", "terms", "courses", "sections", "xlists"),
    *("users", "enrollments", "admins", "user_observers"),
)
FILE_NAMES = tuple(f"{stem}.csv" for stem in _ORDER)
ID_CHANGES = "change_sis_id.csv"
"""Comes before all of them, and from no record of the roster; see its module."""
LOGINS = "logins.csv"
"""Brings rows of users.csv that are further log-ins; see its module."""
KEPT_IN = {LOGINS: "users.csv"}
"""The file in whose rows the ledger keeps what a CSV brought, where that is not its own."""


def __getattr__(name: str) -> tuple[CanvasFile, ...]:
    # FILES loads Polars, which the hook and the operator must not: they only read Canvas's messages.
    if name == "FILES":
        return tuple(module(file) for file in FILE_NAMES)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def module(file: str) -> CanvasFile:
    """The module of a file (`users.csv`); KeyError for one that is not Canvas's or not ours."""
    if file not in (ID_CHANGES, LOGINS, *FILE_NAMES):
        raise KeyError(file)
    return cast("CanvasFile", import_module(f"{__name__}.{file.removesuffix('.csv')}"))


def sent_columns(file: str, present: Collection[str]) -> list[str]:
    """The columns of the file that are sent, in Canvas's order: all but optional ones that are not present."""
    canvas = module(file)
    return [column for column in canvas.COLUMNS if column in present or column not in canvas.OPTIONAL]
