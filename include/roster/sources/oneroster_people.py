"""People as OneRoster tells them: what they are by all of their roles, and whose agents they are."""

from __future__ import annotations

import polars as pl

from roster.sources.persons import merged

FAMILY = ("parent", "guardian", "relative")
"""Roles of those who are there for a pupil; the first of a person's is the relationship of their links."""


def roles(users: pl.LazyFrame, roles: pl.LazyFrame) -> pl.LazyFrame:
    """user_id, role (lower case), org_id, main (of the primary role), file, row: of 1.1 from the user, of 1.2 each."""
    own = users.filter(pl.col("role").is_not_null()).select(
        user_id="sourced_id",
        role="role",
        org_id=pl.col("org_ids").fill_null([]),
        main=pl.lit(value=True),
        file="file",
        row="row",
    )
    given = roles.select(
        "user_id", "role", "org_id", main=pl.col("role_type").str.to_lowercase() == "primary", file="file", row="row"
    )
    each = own.explode("org_id", empty_as_null=True, keep_nulls=True)
    return pl.concat([each, given]).with_columns(pl.col("role").str.to_lowercase())


def kinds(roles: pl.LazyFrame) -> pl.LazyFrame:
    """(sourced_id, kind): staff before student before guardian, for who has several roles."""
    is_student = pl.col("role") == "student"
    is_family = pl.col("role").is_in(FAMILY)
    of_role = pl.when(is_family).then(3).when(is_student).then(2).otherwise(1)
    best = roles.drop_nulls(["user_id", "role"]).group_by(sourced_id="user_id").agg(rank=of_role.min())
    return best.select("sourced_id", kind=pl.col("rank").replace_strict({1: "staff", 2: "student", 3: "guardian"}))


def _schools(users: pl.LazyFrame, roles: pl.LazyFrame, orgs: pl.LazyFrame) -> pl.LazyFrame:
    """(sourced_id, school_id): a person's orgs, in the order that the first of them is the primary school.

    The user's own primary org, then that of the primary role, then the others; schools before districts and the like.
    """
    named = pl.concat(
        [
            users.select(sourced_id="sourced_id", school_id="primary_org_id", turn=pl.lit(0), row="row"),
            roles.select(
                sourced_id="user_id", school_id="org_id", turn=pl.when("main").then(1).otherwise(2), row="row"
            ),
        ]
    ).drop_nulls(["sourced_id", "school_id"])
    above = orgs.filter(pl.col("type").str.to_lowercase() != "school").select(school_id="sourced_id", above=pl.lit(1))
    return (
        named.with_row_index("nth")
        .join(above.unique("school_id"), on="school_id", how="left")
        .sort(pl.col("above").fill_null(0), "turn", "nth")
        .unique(["sourced_id", "school_id"], keep="first", maintain_order=True)
        .select("sourced_id", "school_id")
    )


def persons(users: pl.LazyFrame, roles: pl.LazyFrame, orgs: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of users. Rows of one id that agree are one person; who has no role has no kind. A user who is not
    enabled is suspended.
    """
    rows = (
        users.join(kinds(roles), on="sourced_id", how="left", maintain_order="left")
        .join(_schools(users, roles, orgs), on="sourced_id", how="left", maintain_order="left_right")
        .select(
            "sourced_id",
            "kind",
            "given_name",
            "middle_name",
            "family_name",
            "preferred_given_name",
            "preferred_family_name",
            "username",
            "email",
            "identifier",
            "school_id",
            sis_id="sourced_id",
            status=pl.when(~pl.col("enabled")).then(pl.lit("suspended")),
        )
    )
    return merged(rows)


def links(users: pl.LazyFrame, roles: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of guardians, file and row: agents of pupils, and the pupils that an adult names as theirs.

    The relationship is the adult's role: parent, guardian or relative. A link that both sides name is there twice, with
    one sourced_id. An agent who is no user, or has none of those roles, makes a link without a relationship.
    """
    family = pl.DataFrame({"role": FAMILY, "order": range(len(FAMILY))}).lazy()
    adults = (
        roles.join(family, on="role")
        .sort("order")
        .unique("user_id", keep="first", maintain_order=True)
        .select(guardian_id="user_id", relationship="role")
    )
    pupils = roles.filter(pl.col("role") == "student").select(student_id="user_id").unique()
    agents = users.drop_nulls("sourced_id").select("sourced_id", agent="agent_ids", file="file", row="row")
    named = agents.explode("agent", empty_as_null=False, keep_nulls=False)
    of_pupils = (
        named.rename({"sourced_id": "student_id", "agent": "guardian_id"})
        .join(pupils, on="student_id", how="semi", maintain_order="left")
        .join(adults, on="guardian_id", how="left", maintain_order="left")
    )
    of_adults = (
        named.rename({"sourced_id": "guardian_id", "agent": "student_id"})
        .join(adults, on="guardian_id", maintain_order="left")
        .join(pupils.rename({"student_id": "guardian_id"}), on="guardian_id", how="anti", maintain_order="left")
    )
    columns = ("guardian_id", "student_id", "relationship", "file", "row")
    return pl.concat([of_pupils.select(columns), of_adults.select(columns)]).select(
        pl.concat_str("guardian_id", "student_id", separator=":").alias("sourced_id"), *columns
    )
