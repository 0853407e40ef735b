"""A reply of TASS, field by field as text.

TASS writes one code as "0009130" and the next as 20073, a blank for null, keys in any case and with blanks around
them, and puts `__tassversion` and `token` beside the data. A value is only decoded where its field is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from json import JSONDecodeError, loads
from typing import TypeVar

import msgspec

from roster.errors import SourceUnreadable

Decoded = TypeVar("Decoded")
Record = Mapping[str, msgspec.Raw]
"""Fields by their names, not yet decoded; in lower case but for the parts of a whole reply."""

ECHOED = ("currentstatus", "code", "user_code")
"""Parameters whose echo must be what was asked for; the others TASS rewrites."""
KNOWN = re.compile(
    r"field is required|'?\w+'? is required|invalid [a-z]+ code|value is not a valid [a-z]+|"
    r"communication rules are not enabled",
    re.IGNORECASE,
)
"""What TASS is known to say of a request; anything else may repeat somebody's data."""

_object: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_WHOLE = re.compile(r"(-?\d+)(?:\.0+)?")


def opened(body: bytes, what: str, parameters: Mapping[str, str]) -> Record:
    """The parts of a reply. what: names it in messages.

    Names keep their case, since some are codes. Raises SourceUnreadable: no JSON (with line and column), an error in
    place of data, an answer to something else.
    """
    try:
        parts = _object.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise SourceUnreadable(_no_json(body, what, fault)) from None
    named = _named(parts)
    if said := _refusal(named):
        message = f"{what}: TASS answered with an error in place of data: {said}"
        raise SourceUnreadable(message)
    echo = record(named["token"], what) if "token" in named and is_object(named["token"]) else {}
    for name in ECHOED:
        if name in parameters and name in echo:
            heard = text(echo[name], what, name) or ""
            if heard.casefold() != parameters[name].casefold():
                message = f"{what}: TASS answered another {name} than was asked for: something stands in between"
                raise SourceUnreadable(message)
    return parts


def part(parts: Record, name: str, what: str) -> msgspec.Raw:
    """The part of that name, which must be there."""
    named = _named(parts)
    if name not in named:
        message = f"{what}: the reply has no {name}: does the app code belong to another API product?"
        raise SourceUnreadable(message)
    return named[name]


def lists(parts: Record) -> Iterator[msgspec.Raw]:
    """Every list in a reply that is keyed by code; what stands beside them is none."""
    return (raw for raw in parts.values() if bytes(raw)[:1] == b"[")


def listed(raw: msgspec.Raw, what: str) -> list[msgspec.Raw]:
    """The members of a list."""
    return _part(raw, _list, what)


def record(raw: msgspec.Raw, what: str) -> Record:
    """The fields of an object."""
    whole: dict[str, msgspec.Raw] = _part(raw, _object, what)
    return _named(whole)


def is_object(raw: msgspec.Raw) -> bool:
    """Whether it is an object."""
    return bytes(raw)[:1] == b"{"


def kept(fields: Record, names: Collection[str], what: str) -> dict[str, str | None]:
    """The fields of these names as text; null for one that is blank or not there."""
    return {name: text(fields[name], what, name) if name in fields else None for name in names}


def text(raw: msgspec.Raw, what: str, name: str) -> str | None:
    """A value as text: a number by its own digits, trimmed and in NFC; null for a blank."""
    written = bytes(raw)
    if written[:1] == b'"':
        return unicodedata.normalize("NFC", _part(raw, _text, what).strip()) or None
    if written in (b"true", b"false"):
        return written.decode()
    if written == b"null":
        return None
    if whole := _WHOLE.fullmatch(written.decode("ascii", "replace")):
        return whole[1]
    shape = "an object or a list" if written[:1] in b"{[" else "a number that is not whole, so its digits may be lost"
    message = f"{what}: field {name} is {shape}, where a text was agreed"
    raise SourceUnreadable(message)


def _named(fields: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    return {name.strip().lower(): raw for name, raw in fields.items()}


def _part(raw: msgspec.Raw, decoder: msgspec.json.Decoder[Decoded], what: str) -> Decoded:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        message = f"{what}: a part of the reply has another shape than TASS describes"
        raise SourceUnreadable(message) from None


def _no_json(body: bytes, what: str, fault: Exception) -> str:
    """Where a reply stops being JSON; nothing of it is repeated."""
    try:
        loads(body)
    except JSONDecodeError as wrong:
        return f"{what}:{wrong.lineno}:{wrong.colno}: no JSON any more: {wrong.msg}; cut, or wrongly written"
    except UnicodeDecodeError as wrong:
        return f"{what}: byte {wrong.start + 1:,} is not UTF-8"
    if isinstance(fault, msgspec.ValidationError):
        return f"{what}: the reply is no JSON object"
    return f"{what}: the reply ({len(body):,} bytes) is no JSON"


def _refusal(parts: Record) -> str | None:
    """What TASS says is wrong, as far as it can be repeated; None if it says nothing."""
    if "__invalid" in parts and is_object(parts["__invalid"]):
        invalid = record(parts["__invalid"], "__invalid")
        if invalid:
            return "; ".join(f"{_name(name)} {_phrase(raw)}" for name, raw in sorted(invalid.items()))
    if "__msg" in parts and parts.keys() <= {"__msg", "__status", "__invalid", "__tassversion", "token"}:
        return _phrase(parts["__msg"])
    if "error_description" in parts or "error" in parts:
        return _phrase(parts.get("error_description", parts.get("error", msgspec.Raw(b'""'))))
    return None


def _name(name: str) -> str:
    return name if re.fullmatch(r"[a-z_]{1,30}", name) else "a parameter"


def _phrase(raw: msgspec.Raw) -> str:
    found = KNOWN.search(bytes(raw).decode("utf-8", "replace"))
    return f"“{found[0]}”" if found else "with a text that is not shown here: TASS's API Gateway log has it"
