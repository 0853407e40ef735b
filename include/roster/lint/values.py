"""What single values mean to Canvas. Each function answers the rule that a value breaks, or None."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from functools import lru_cache

from roster.lint.kinds import Kind

DELETE = "<delete>"
USER_TYPES = ("administrative", "observer", "staff", "student", "student_other", "teacher", DELETE)
_ROLES = ("teacher", "ta", "observer", "designer")
_TIME = r"(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?\s*(?:Z|UTC|[+-](\d\d):?(\d\d))?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_TIME}", re.IGNORECASE | re.ASCII)
_DAY_FIRST = re.compile(rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}){_TIME}", re.IGNORECASE | re.ASCII)


def status(kind: Kind, word: str) -> str | None:
    """Whether it is a status of the type, or begins as one."""
    lowered = word.lower()
    if lowered in kind.statuses:
        return None
    return "status-prefix" if lowered.startswith(kind.statuses) and not kind.exact else "status-improper"


@lru_cache(maxsize=10_000)
def moment(text: str) -> str | None:
    """Whether it is a date that Canvas reads, and reads as it was meant."""
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day, *rest = (int(part or 0) for part in match.groups())
    elif match := _DAY_FIRST.fullmatch(text):
        day, month, year, *rest = (int(part or 0) for part in match.groups())
    else:
        return "date-bad"
    hour, minute, second, east, further = rest
    try:
        date(year, month, day)
    except ValueError:
        return "date-bad"
    if hour > 23 or max(minute, second) > 59 or east * 60 + further >= 24 * 60:
        return "date-bad"
    return "date-day-first" if "/" in text and day <= 12 and day != month else None


def boolean(text: str) -> str | None:
    """Whether it is plainly true or false."""
    return None if text.lower() in {"true", "false", "1", "0", "t", "f", "yes", "no", "y", "n"} else "boolean-unclear"


def role(own: Collection[str], text: str) -> str | None:
    """Whether it is one of Canvas's roles, or of the school's own."""
    lowered = text.lower()
    if text in own or lowered in _ROLES or lowered == "student":
        return None
    return "role-prefix" if lowered.startswith("student") else "role-unknown"
