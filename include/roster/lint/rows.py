"""Rows judged by themselves: what is required, words, dates, lengths."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl

from roster.lint import values
from roster.lint.exact import TRIMMED
from roster.lint.kinds import Kind
from roster.lint.rules import RULES

_BLANKS = "".join(code for code in map(chr, range(0x3001)) if code.isspace())
"""All that is blank in Unicode, more than Rust counts as blank."""
_EMAIL = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9-]+\.)+[A-Za-z0-9-]+$"
Judge = Callable[[str], str | None]


@dataclass(frozen=True)
class Check:
    """A rule, the column it is about, and the rows that break it."""

    rule: str
    column: str | None
    broken: pl.Expr

    @property
    def refuses(self) -> bool:
        """Whether Canvas leaves such a row out."""
        return RULES[self.rule].severity == "refused"


def named(frame: pl.DataFrame, header: list[str], kind: Kind) -> pl.DataFrame:
    """The frame of a Reader as Canvas takes it: the type's columns by name, trimmed, blank ones null, with `line`,
    `record`, `beyond` (what a row has beyond its header), `nul` and `blank` (nothing but blanks).

    Names are compared lower-cased and untrimmed, and of two the first counts.
    """
    positions: dict[str, int] = {}
    for position, name in enumerate(header):
        positions.setdefault(name.lower(), position)
    fields = [str(position) for position in range(len(header) + 1)]
    nul = pl.any_horizontal(pl.col(fields).str.contains("\0", literal=True).fill_null(value=False))
    frame = frame.with_columns(nul=nul)
    frame = frame.with_columns(pl.col(fields).str.strip_chars(TRIMMED))
    frame = frame.with_columns(
        pl.when(pl.col(name).str.strip_chars_start(_BLANKS).str.len_bytes() > 0).then(name) for name in fields
    )
    known = [
        pl.col(str(positions[name])).alias(name) if name in positions else pl.lit(None, pl.String).alias(name)
        for name in kind.columns
    ]
    blank = pl.all_horizontal(pl.col(fields[:-1]).is_null())
    return frame.select(*known, "line", "record", "nul", beyond=fields[-1], blank=blank)


def checks(kind: Kind, frame: pl.DataFrame, header: Collection[str], roles: Collection[str]) -> Iterator[Check]:
    """What is to be seen of the type's rows without looking at others. header: lower-cased."""
    yield Check("fields-too-many", None, pl.col("beyond").is_not_null())
    if kind.name == "user":
        yield Check("nul-in-row", None, pl.col("nul"))
    for group in kind.required:
        yield Check("required-blank", " or ".join(group), pl.all_horizontal(pl.col(group).is_null()))
    if kind.statuses:
        yield Check("required-blank", "status", pl.col("status").is_null())
        yield from _words(frame, "status", partial(values.status, kind))
    for column in kind.texts:
        yield Check("text-too-long", column, pl.col(column).str.len_chars() > 255)
    for column in kind.dates:
        clears = {values.DELETE} if kind.name == "course" else set[str]()
        yield from _words(frame, column, values.moment, clears)
    for column in kind.booleans:
        yield from _words(frame, column, values.boolean)
    for column, words in kind.words.items():
        yield from _words(frame, column, partial(_one_of, words, lowered=column == "type"))
    if own := _OWN.get(kind.name):
        yield from own(frame, header, roles)


def _words(frame: pl.DataFrame, column: str, judge: Judge, allowed: Collection[str] = ()) -> Iterator[Check]:
    """A check per rule that some value of the column breaks: each value is judged once."""
    broken: dict[str, list[str]] = {}
    for word in frame[column].unique().drop_nulls():
        if word not in allowed and (rule := judge(word)):
            broken.setdefault(rule, []).append(word)
    for rule, words in broken.items():
        yield Check(rule, column, pl.col(column).is_in(words))


def _one_of(words: Collection[str], word: str, *, lowered: bool) -> str | None:
    return None if (word.lower() if lowered else word) in words else "word-unknown"


def _user_type(word: str) -> str | None:
    return None if word in values.USER_TYPES else "declared-type-unknown"


def _term(_: pl.DataFrame, header: Collection[str], roles: Collection[str]) -> Iterator[Check]:
    """A row that overrides dates needs no name."""
    nameless = pl.col("name").is_null() & pl.col("date_override_enrollment_type").is_null()
    yield Check("required-blank", "name", nameless)


def _user(frame: pl.DataFrame, header: Collection[str], roles: Collection[str]) -> Iterator[Check]:
    yield from _login(frame, header, roles)
    yield Check("email-invalid", "email", ~pl.col("email").str.contains(_EMAIL))
    yield from _words(frame, "declared_user_type", _user_type)
    if "authentication_provider_id" in header:
        yield Check("provider-blank", None, pl.col("authentication_provider_id").is_null())


def _login(_: pl.DataFrame, header: Collection[str], roles: Collection[str]) -> Iterator[Check]:
    login = pl.col("login_id")
    yield Check("login-invalid", "login_id", (login.str.len_chars() > 100) | login.str.contains(r"[\x00-\x1f\x7f]"))


def _enrollment(frame: pl.DataFrame, header: Collection[str], roles: Collection[str]) -> Iterator[Check]:
    by_name = frame.lazy().filter(pl.col("role_id").is_null()).select("role").collect()
    for check in _words(by_name, "role", partial(values.role, roles)):
        yield Check(check.rule, check.column, check.broken & pl.col("role_id").is_null())
    if {"start_date", "end_date"} & set(header):
        yield Check("date-one-of-two", None, pl.col("start_date").is_null() != pl.col("end_date").is_null())
    observes, of = pl.col("role").str.to_lowercase() == "observer", pl.col("associated_user_id")
    yield Check("observer-of-nobody", None, observes & of.is_null() & ~says("deleted"))
    custom = pl.col("role").is_in(list(roles)) | pl.col("role_id").is_not_null()
    yield Check("associated-user-ignored", None, ~observes & of.is_not_null() & ~custom)


def _user_observer(_: pl.DataFrame, header: Collection[str], roles: Collection[str]) -> Iterator[Check]:
    yield Check("observes-self", None, pl.col("observer_id") == pl.col("student_id"))


def says(word: str) -> pl.Expr:
    """Whether the status begins with the word, in any case."""
    return pl.col("status").str.to_lowercase().str.starts_with(word).fill_null(value=False)


_OWN: dict[str, Callable[[pl.DataFrame, Collection[str], Collection[str]], Iterator[Check]]] = {
    "term": _term,
    "user": _user,
    "login": _login,
    "enrollment": _enrollment,
    "user_observer": _user_observer,
}
