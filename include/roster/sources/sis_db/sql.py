"""How a query is asked: what is put around it, and its parameters in the form that a driver takes.

Nothing is ever written into a query. Parameters (`:as_of`) are bound; names of columns are those that the database
itself told, in quotation marks. What is put around a query makes it a part of a SELECT, so that it can be nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Style = Literal["named", "pyformat"]

_TOKEN = re.compile(
    r"""
    (?P<passed> (?<!\w)[eE]'(?:\\.|''|[^'\\])*'  # a text with escapes
        | '(?:[^']|'')*' | "(?:[^"]|"")*"        # a text, a name
        | --[^\n]* | /\*.*?\*/                   # comments
        | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$        # a text of PostgreSQL's
        | :: )                                   # a cast of PostgreSQL's
    | (?<![\w:]):(?P<name>[A-Za-z_]\w*)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)


def named(text: str) -> tuple[str, ...]:
    """The parameters that a query names, each once; none in texts and comments."""
    return tuple(dict.fromkeys(found["name"] for found in _TOKEN.finditer(text) if found["name"]))


def one(text: str) -> str:
    """The query without its closing semicolon. Raises ValueError where there is none, or more than one."""
    ends = [found for found in _TOKEN.finditer(text) if found["end"]]
    if ends:
        rest = _TOKEN.sub(lambda found: "" if (found["passed"] or "").startswith(("-", "/")) else found[0], text)
        if len(ends) > 1 or rest[rest.rindex(";") + 1 :].strip():
            message = "holds more than one statement: leave one SELECT"
            raise ValueError(message)
        text = text[: ends[0].start()] + text[ends[0].end() :]
    if not re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL).strip():
        message = "holds no query"
        raise ValueError(message)
    return text


def bound(text: str, style: Style) -> str:
    """The text as a driver of that style takes it; pyformat: `%(as_of)s`, and every other % doubled."""
    if style == "named" or not named(text):
        return text
    parts, at = [], 0
    for found in _TOKEN.finditer(text):
        if found["name"]:
            parts += [text[at : found.start()].replace("%", "%%"), f"%({found['name']})s"]
            at = found.end()
    return "".join([*parts, text[at:].replace("%", "%%")])


def describing(query: str) -> str:
    """What answers with the columns of a query and no row."""
    return f"SELECT * FROM (\n{query}\n) roster_query WHERE 1 = 0"  # noqa: S608 -- the tenant's own


def counting(query: str) -> str:
    """What answers with the number of rows of a query."""
    return f"SELECT COUNT(*) FROM (\n{query}\n) roster_query"  # noqa: S608 -- the tenant's own


def selecting(query: str, columns: Sequence[str]) -> str:
    """What answers with these columns of a query and no others, in an order that is the same every time."""
    names = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
    order = ", ".join(str(place) for place in range(1, len(columns) + 1))
    return f"SELECT {names} FROM (\n{query}\n) roster_query ORDER BY {order}"  # noqa: S608 -- quoted
