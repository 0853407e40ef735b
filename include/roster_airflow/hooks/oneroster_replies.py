"""What a OneRoster provider's refusals say, as far as it may be repeated."""

from __future__ import annotations

import msgspec
from requests import Response

LONGEST_WAIT = 90.0
MINUTE = 60.0
WORDS = frozenset(
    {
        "forbidden",
        "fullsuccess",
        "internal_server_error",
        "invalid_filter_field",
        "invalid_selection_field",
        "invalid_sort_field",
        "invaliddata",
        "server_busy",
        "unauthorisedrequest",
        "unauthorizedrequest",
        "unknownobject",
    }
)
"""The specification's words for what is wrong; anything else a provider writes is its own, and is not repeated."""


class _Field(msgspec.Struct):
    value: str = msgspec.field(name="imsx_codeMinorFieldValue", default="")


class _Minor(msgspec.Struct):
    fields: list[_Field] | _Field | None = msgspec.field(name="imsx_codeMinorField", default=None)


class _StatusInfo(msgspec.Struct):
    """`imsx_StatusInfo`: 1.2 writes imsx_CodeMinor, many imsx_codeMinor."""

    capital: _Minor | None = msgspec.field(name="imsx_CodeMinor", default=None)
    small: _Minor | None = msgspec.field(name="imsx_codeMinor", default=None)


def code_minor(response: Response) -> str | None:
    """The specification's word for what is wrong, where the answer has one."""
    if response.status_code < 400:
        return None
    try:
        info = msgspec.json.decode(response.content, type=_StatusInfo)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    minor = info.capital or info.small
    fields = minor.fields if minor else None
    listed = fields if isinstance(fields, list) else [fields] if fields else []
    return next((field.value.lower() for field in listed if field.value.lower() in WORDS), None)


def wait(response: Response) -> float:
    """Seconds of Retry-After, at least a moment and never longer than LONGEST_WAIT; a minute where it is not said."""
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        seconds = MINUTE
    return min(max(seconds, 0.05), LONGEST_WAIT)


def is_page(response: Response) -> bool:
    """Whether it is a web page."""
    kind = response.headers.get("Content-Type", "").lower()
    return "html" in kind or response.content[:1] == b"<"
