"""Templates of the tenant file (`{sourced_id}`, `{class} ({period})`) as expressions over columns."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping

import polars as pl

from roster.settings.sync import Kind, by_kind


def text(template: str, fields: Mapping[str, pl.Expr]) -> pl.Expr:
    """The template filled from each row; null where a field that it names is null."""
    parts: list[pl.Expr] = []
    for literal, name, _, _ in string.Formatter().parse(template):
        if literal:
            parts.append(pl.lit(literal))
        if name is not None:
            parts.append(fields[name])
    return pl.concat_str(parts)


def words(template: str, fields: Mapping[str, pl.Expr]) -> pl.Expr:
    """The template of a name filled from each row: a null field is an empty text there, runs of blanks are one."""
    filled = text(template, {name: field.fill_null("") for name, field in fields.items()})
    return filled.str.replace_all(r"\s+", " ").str.strip_chars()


def user_fields() -> dict[str, pl.Expr]:
    """What a user template may name, over the columns of `users`; email_name is the part before the @."""
    columns = ("sourced_id", "kind", "identifier", "username", "email", "school_id", "sis_id")
    return {**{name: pl.col(name) for name in columns}, "email_name": pl.col("email").str.extract(r"^([^@]+)@")}


def section_fields(class_id: str) -> dict[str, pl.Expr]:
    """What a section's template may name, over classes whose id is in the column `class_id`."""
    return {"class_id": pl.col(class_id), **{name: pl.col(name) for name in ("school_id", "session_id", "sis_id")}}


def by_user_kind(setting: str | Mapping[Kind, str] | None) -> pl.Expr:
    """A user template, or one for each kind, over the columns of `users`; null where the kind has none."""
    fields = user_fields()
    return _of_kind(setting, lambda template: text(template, fields))


def login(setting: str | Mapping[Kind, str]) -> pl.Expr:
    """The log-in, over the columns of `users`; a guardian's is the e-mail unless the setting is a map by kind."""
    if isinstance(setting, str):
        setting = {"student": setting, "staff": setting, "guardian": "{email}"}
    return by_user_kind(setting)


def word_by_kind(setting: str | Mapping[Kind, str] | None) -> pl.Expr:
    """A word that is the same for everybody of a kind, over the columns of `users`; null where the kind has none."""
    return _of_kind(setting, pl.lit)


def _of_kind(setting: str | Mapping[Kind, str] | None, made: Callable[[str], pl.Expr]) -> pl.Expr:
    chosen: pl.Expr = pl.lit(None, dtype=pl.String)
    for kind, value in by_kind(setting).items():
        if value is not None:
            chosen = pl.when(pl.col("kind") == kind).then(made(value)).otherwise(chosen)
    return chosen


def folded(column: str) -> pl.Expr:
    """The text as Canvas compares log-ins: any case, one Unicode form."""
    return pl.col(column).str.normalize("NFC").str.to_lowercase()


def matches(column: str, patterns: tuple[str, ...]) -> pl.Expr:
    """True where the column fits one of the patterns (* and ?, any case); null counts as no."""
    if not patterns:
        return pl.lit(value=False)
    escaped = ("".join({"*": ".*", "?": "."}.get(char) or _escape(char) for char in pattern) for pattern in patterns)
    return pl.col(column).str.contains(rf"(?is)^(?:{'|'.join(escaped)})$").fill_null(value=False)


def _escape(char: str) -> str:
    return "\\" + char if char in r"\.+()[]{}|^$#&-~" else char
