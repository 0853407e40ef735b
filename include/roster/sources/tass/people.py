"""Pupils, employees and parents as rows of people, and which pupils a parent observes.

A frame of people has the columns of `roster.sources.persons`, and `file` and `row` for the lineage.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from roster.settings import Tass
from roster.sources.tass.lessons import key

Tables = Mapping[str, pl.LazyFrame]
_CODE = ["company", "code"]


def pupils(tables: Tables, settings: Tass) -> pl.LazyFrame:
    """Those of LMS Integration; what it leaves blank of them comes from Student Details and IdM.

    A campus that getCampuses does not know keeps its description, so that it is found as unknown.
    """
    rows = tables["students"].with_columns(code="student_code")
    if "student_details" in tables:
        rows = _filled(rows, tables["student_details"].drop("row").rename({"student_code": "code"}))
    rows = _beside(rows, tables.get("idm_students"), "user_code", ("username", "e_mail", "campus_code", "web_access"))
    campus = tables["campuses"].select("company", campus="desc", known="code").drop_nulls()
    rows = rows.join(
        campus.unique(["company", "campus"], keep="first", maintain_order=True),
        on=["company", "campus"],
        how="left",
        maintain_order="left",
    )
    placed = rows.with_columns(school=pl.coalesce("known", "campus_code", "campus"))
    return placed.select(
        "row",
        "company",
        "year_group",
        **_named(preferred_family_name="preferred_surname"),
        username="username",
        email=pl.coalesce("email_address", "e_mail"),
        school_id=key(settings, "school"),
        kind=pl.lit("student"),
        file=pl.lit("students"),
        sourced_id=key(settings, "code"),
        identifier="code",
        sis_id="code",
        status=_status(settings, "student", pl.col("web_access")),
    )


def employees(tables: Tables, settings: Tass, places: pl.LazyFrame) -> pl.LazyFrame:
    """Teachers, then those whom only IdM or Employee HR knows. places: their campuses (sourced_id, school_id)."""
    teachers = tables["teachers"].with_columns(
        code="employee_code", surname=pl.coalesce("surname", "employee_surname"), file=pl.lit("teachers")
    )
    idm, hr = _idm(tables), _hr(tables)
    found = _filled(_filled(teachers, idm), hr)
    only_idm = _filled(idm.join(teachers, on=_CODE, how="anti", maintain_order="left"), hr)
    only_hr = hr.join(
        pl.concat([teachers.select(_CODE), idm.select(_CODE)]), on=_CODE, how="anti", maintain_order="left"
    )
    everyone = pl.concat([found, only_idm, only_hr], how="diagonal")
    rows = everyone.with_columns(sourced_id=key(settings, "code")).join(
        places, on="sourced_id", how="left", maintain_order="left"
    )
    return rows.select(
        "row",
        **_named(preferred_family_name=None),
        username="username",
        email=pl.coalesce("school_email_address", "school_email", "email_address", "e_mail"),
        school_id="school_id",
        kind=pl.lit("staff"),
        file="file",
        sourced_id="sourced_id",
        identifier="code",
        sis_id="code",
        status=_status(settings, "staff", pl.col("web_access")),
    )


def observing(tables: Tables, settings: Tass) -> pl.LazyFrame:
    """A row for each living parent of each household that is theirs, with the parent's id.

    In a split family a household is theirs whose addresses name their position; both persons' where none is named. Only
    who is alone in a household has its log-in and the e-mail of its address: two people can't share either.
    """
    parents = tables["idm_parents"].filter(pl.col("deceased_flg").fill_null("N").str.to_uppercase() != "Y")
    split, places = pl.col("split") == "true", pl.col("address_positions")
    own = ~split | (places.list.len() == 0) | places.list.contains(pl.col("person_posn"))
    named = parents.filter(own.fill_null(value=True) & ~_nobody())
    household = ["company", "user_code", "sfa_num"]
    alone = pl.len().over(household) == 1
    code = "P" + (pl.col("person_num") if settings.guardian_key == "person_num" else _position())
    person = named.with_columns(
        code=code,
        username=pl.when(alone).then("username"),
        email=pl.coalesce("e_mail", pl.when(alone | split).then("address_email")),
        relationship=pl.coalesce("description", "Parent " + pl.col("person_posn")),
        access=pl.col("web_access") != "false",
    ).with_columns(sourced_id=key(settings, "code"))
    known = pl.col("sourced_id").is_not_null()
    return person.with_columns(
        pl.when(known).then(pl.col(name).drop_nulls().first().over("sourced_id")).otherwise(name).alias(name)
        for name in ("username", "email")
    )


def guardians(observing: pl.LazyFrame, settings: Tass) -> pl.LazyFrame:
    """Parents as people; web access has ended where it has in every household of theirs."""
    somewhere = pl.col("access").any().over("sourced_id")
    access = pl.when(~somewhere).then(pl.lit("false"))
    return observing.select(
        "row",
        "username",
        "email",
        **_named(preferred_family_name=None),
        school_id=pl.lit(None, dtype=pl.String),
        kind=pl.lit("guardian"),
        file=pl.lit("idm_parents"),
        sourced_id="sourced_id",
        identifier="user_code",
        sis_id="code",
        status=_status(settings, "guardian", access),
    )


def related(observing: pl.LazyFrame, settings: Tass) -> pl.LazyFrame:
    """A row (guardian_id, student_id, relationship, row) for each pupil of each household that has web access.

    Where it has ended in all of a parent's households, they keep their rows: what becomes of them is the tenant's word.
    """
    somewhere = pl.col("access").any().over("sourced_id")
    heeded = pl.lit(settings.web_access_ended.guardian != "nothing")
    open_ones = observing.filter(pl.col("access") | ~somewhere | ~heeded)
    each = open_ones.explode("students", empty_as_null=False, keep_nulls=False)
    return each.select("row", "relationship", guardian_id="sourced_id", student_id=key(settings, "students"))


def _status(settings: Tass, kind: str, access: pl.Expr) -> pl.Expr:
    """What becomes of a person whose web access has ended; null where it has not, or the tenant does not mind."""
    word = {"nothing": None, "suspend": "suspended", "delete": "deleted"}[settings.web_access_ended.of(kind)]
    return pl.when(access == "false").then(pl.lit(word, dtype=pl.String))


def _named(preferred_family_name: str | None) -> dict[str, pl.Expr]:
    nothing = pl.lit(None, dtype=pl.String)
    return {
        "given_name": pl.col("first_name"),
        "middle_name": pl.col("other_name"),
        "family_name": pl.col("surname"),
        "preferred_given_name": pl.col("preferred_name"),
        "preferred_family_name": pl.col(preferred_family_name) if preferred_family_name else nothing,
    }


def _idm(tables: Tables) -> pl.LazyFrame:
    columns = (
        "username",
        "surname",
        "first_name",
        "other_name",
        "preferred_name",
        "e_mail",
        "school_email",
        "web_access",
    )
    if "idm_employees" not in tables:
        return pl.LazyFrame(schema=dict.fromkeys((*_CODE, *columns, "file"), pl.String) | {"row": pl.Int64})
    rows = tables["idm_employees"].select("company", "row", *columns, code="user_code", file=pl.lit("idm_employees"))
    return rows


def _hr(tables: Tables) -> pl.LazyFrame:
    columns = ("surname", "preferred_name", "school_email")
    if "hr_employees" not in tables:
        schema = dict.fromkeys((*_CODE, *columns, "first_name", "file"), pl.String) | {"row": pl.Int64}
        return pl.LazyFrame(schema=schema)
    return tables["hr_employees"].select(
        "company", "row", *columns, code="employee_code", first_name="given_names", file=pl.lit("hr_employees")
    )


def _filled(rows: pl.LazyFrame, more: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with blanks filled from the first of `more` that has their code, and with the columns they lack."""
    other = more.drop("row", "file", strict=False).unique(_CODE, keep="first", maintain_order=True)
    present = rows.collect_schema().names()
    columns = [name for name in other.collect_schema().names() if name not in _CODE]
    joined = rows.join(other, on=_CODE, how="left", maintain_order="left", suffix="_more")
    both = [name for name in columns if name in present]
    return joined.with_columns(pl.coalesce(name, f"{name}_more") for name in both).drop(f"{name}_more" for name in both)


def _beside(rows: pl.LazyFrame, more: pl.LazyFrame | None, code: str, columns: tuple[str, ...]) -> pl.LazyFrame:
    """The rows with these columns of the record that has their code; null where there is none, or no such table."""
    if more is None:
        return rows.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in columns)
    return _filled(rows, more.select("company", *columns, code=code))


def _nobody() -> pl.Expr:
    """A place in a household that nobody fills: TASS sends it with blanks."""
    return pl.all_horizontal(pl.col(name).is_null() for name in ("surname", "first_name", "preferred_name"))


def _position() -> pl.Expr:
    """Family, household of a split one, and which of its two persons."""
    parts = ("user_code", "sfa_num", "person_posn")
    complete = pl.col("user_code").is_not_null() & pl.col("person_posn").is_not_null()
    return pl.when(complete).then(pl.concat_str(parts, separator="-", ignore_nulls=True))
