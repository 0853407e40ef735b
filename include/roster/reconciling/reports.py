"""Canvas's provisioning report as it is downloaded: a zip of CSVs, or one CSV, each known by its headers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from roster.errors import CanvasRefused

KINDS = ("users", "accounts", "terms", "courses", "sections", "enrollments", "xlist", "user_observers", "admins")
"""What is asked for, by the report's own parameters."""

# The columns that are read; the first two together tell which kind it is.
_READ = {
    "users": (
        *("canvas_user_id", "login_id", "user_id", "authentication_provider_id", "first_name", "last_name"),
        *("full_name", "sortable_name", "email", "status", "created_by_sis"),
    ),
    "accounts": ("canvas_parent_id", "canvas_account_id", "account_id", "parent_account_id", "name", "status"),
    "terms": ("canvas_term_id", "start_date", "term_id", "name", "status", "end_date"),
    "courses": (
        *("canvas_course_id", "short_name", "course_id", "long_name", "canvas_account_id", "account_id", "term_id"),
        "status",
    ),
    "sections": ("canvas_section_id", "canvas_account_id", "section_id", "course_id", "name", "status"),
    "enrollments": (
        *("canvas_enrollment_id", "canvas_user_id", "section_id", "role", "base_role_type", "status"),
        *("canvas_associated_user_id", "created_by_sis"),
    ),
    "xlist": (
        *("canvas_xlist_course_id", "canvas_section_id", "xlist_course_id", "section_id", "status"),
        "nonxlist_course_id",
    ),
    "user_observers": ("canvas_observer_id", "canvas_student_id", "status", "created_by_sis"),
    "admins": ("canvas_account_id", "role", "canvas_user_id", "account_id", "status", "created_by_sis"),
}
_ORDER = ("enrollments", "xlist", "user_observers", "admins", "accounts", "courses", "sections", "terms", "users")


def read_report(path: Path) -> dict[str, pl.DataFrame]:
    """The tables of the report by kind, all columns text, blanks null. Raises CanvasRefused where it is none."""
    found = dict(_table(content) for content in _contents(path))
    if missing := [kind for kind in KINDS if kind not in found]:
        message = f"Canvas's report lacks {', '.join(missing)}: run it again; if it stays so, nothing can be compared"
        raise CanvasRefused(message)
    return found


def _contents(path: Path) -> Iterator[bytes]:
    try:
        if not zipfile.is_zipfile(path):
            yield path.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        message = f"Canvas's report can't be unpacked ({type(error).__name__}): run it again"
        raise CanvasRefused(message) from None


def _table(content: bytes) -> tuple[str, pl.DataFrame]:
    try:
        frame = pl.read_csv(io.BytesIO(content), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        message = f"Canvas's report holds a file that is no CSV ({type(error).__name__}): run it again"
        raise CanvasRefused(message) from None
    for kind in _ORDER:
        if set(_READ[kind]) <= set(frame.columns):
            texts = [pl.col(name).str.strip_chars().replace("", None) for name in _READ[kind]]
            return kind, frame.select(texts)
    message = "Canvas's report holds a file whose headers are none of those that are known: run it again"
    raise CanvasRefused(message)
