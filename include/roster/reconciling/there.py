"""Canvas's report as rows of its SIS files: the same columns, keys and words as the ledger's rows.

A column that the report doesn't have is absent. Where two log-ins with SIS ids are one person (merged), what belongs to
the person is there under each of the ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from roster import canvas
from roster.canvas.logins import WHOSE
from roster.canvas.wanted import SEPARATOR, files
from roster.tenants import Tenant

_BUILT_IN = ("student", "teacher", "ta", "designer", "observer")


@dataclass(frozen=True)
class There:
    """files: file → key, the columns that can be seen, by_sis (an import made it) and `person` for who is behind a key.
    merged: user_id, other: two SIS ids of one person. left_out: rows that no file of ours could have, by reason.
    """

    files: Mapping[str, pl.DataFrame]
    merged: pl.DataFrame
    left_out: Mapping[str, int]


def there(reports: Mapping[str, pl.DataFrame], root_account: str, tenant: Tenant, ledger: pl.DataFrame) -> There:
    """What Canvas has. root_account: Canvas's number of it; what lies right below it has a blank parent."""
    users = reports["users"].filter(pl.col("user_id").is_not_null())
    whose = _whose(users, tenant, ledger)
    people = users.filter(~pl.col("user_id").is_in([*whose]))
    aliases = people.select(canvas_user_id="canvas_user_id", user_id="user_id")
    made = {
        "users.csv": _users(users, whose),
        "accounts.csv": _accounts(reports["accounts"], root_account),
        "terms.csv": _terms(reports["terms"]),
        "courses.csv": _courses(reports["courses"], root_account, tenant),
        "sections.csv": _sections(reports["sections"], reports["xlist"]),
        "enrollments.csv": _enrollments(reports["enrollments"], aliases),
        "user_observers.csv": _links(reports["user_observers"], aliases),
        "xlists.csv": _cross_lists(reports["xlist"]),
        "admins.csv": _rights(reports["admins"], aliases),
    }
    pairs = aliases.join(aliases.rename({"user_id": "other"}), on="canvas_user_id").filter(
        pl.col("user_id") != pl.col("other")
    )
    left_out = {
        "log-ins without a SIS id": reports["users"].height - users.height,
        "courses without a SIS id": reports["courses"]["course_id"].null_count(),
        "sections without a SIS id": reports["sections"]["section_id"].null_count(),
    }
    if "xlists.csv" not in files(tenant):
        left_out["sections that are taught in another course"] = reports["xlist"]["section_id"].drop_nulls().len()
    if "admins.csv" in files(tenant):
        left_out["rights in accounts without a SIS id"] = reports["admins"]["account_id"].null_count()
    return There({file: _keyed(file, rows) for file, rows in made.items()}, pairs.select("user_id", "other"), left_out)


def _keyed(file: str, rows: pl.DataFrame) -> pl.DataFrame:
    """With its key; of several rows of one key the one that is not deleted."""
    module = canvas.module(file)
    keyed = rows.drop_nulls(module.KEY).with_columns(key=pl.concat_str(module.KEY, separator=SEPARATOR))
    return keyed.sort("key", pl.col("status") == "deleted").unique("key", keep="first", maintain_order=True)


def _by_sis() -> pl.Expr:
    return (pl.col("created_by_sis").str.to_lowercase() == "true").fill_null(value=False).alias("by_sis")


def _whose(users: pl.DataFrame, tenant: Tenant, ledger: pl.DataFrame) -> dict[str, str]:
    """The ids of further log-ins, and whose each is: by the ledger, or because it is that person's and says so."""
    both = users.select("canvas_user_id", id="user_id").join(
        users.select("canvas_user_id", person="user_id"), on="canvas_user_id"
    )
    says_so = [pl.col("id") == pl.col("person") + one.suffix for one in tenant.sync.logins]
    named = both.filter(pl.any_horizontal(pl.lit(value=False), *says_so)).select("id", "person")
    known = ledger.filter(pl.col("file") == "users.csv").select(
        id="key", person=pl.coalesce("row", "doubt").str.json_path_match(f"$.{WHOSE}")
    )
    return dict(pl.concat([named, known.drop_nulls()]).rows())


def _users(users: pl.DataFrame, whose: Mapping[str, str]) -> pl.DataFrame:
    marked = users.with_columns(person="canvas_user_id", by_sis=pl.lit(value=True))
    if not whose:
        return marked
    person = pl.col("user_id").replace_strict(whose, default=None, return_dtype=pl.String)
    return marked.with_columns(existing_user_id=person, email=pl.when(person.is_null()).then("email"))


def _accounts(accounts: pl.DataFrame, root: str) -> pl.DataFrame:
    above = pl.when(pl.col("canvas_parent_id") != root).then("parent_account_id")
    return accounts.with_columns(parent_account_id=above, by_sis=pl.lit(value=True))


def _terms(terms: pl.DataFrame) -> pl.DataFrame:
    instants = [
        pl.col(name).str.to_datetime(time_zone="UTC", strict=False).dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias(name)
        for name in ("start_date", "end_date")
    ]
    return terms.with_columns(*instants, by_sis=pl.lit(value=True))


def _courses(courses: pl.DataFrame, root: str, tenant: Tenant) -> pl.DataFrame:
    """A course that is published counts as the tenant creates courses: an import of either word leaves it so."""
    published = "published" if tenant.sync.courses.create == "published" else "active"
    words = {"unpublished": "active", "active": published, "concluded": "completed"}
    account = pl.when(pl.col("canvas_account_id") != root).then("account_id")
    return courses.with_columns(account_id=account, status=pl.col("status").replace(words), by_sis=pl.lit(value=True))


def _sections(sections: pl.DataFrame, xlist: pl.DataFrame) -> pl.DataFrame:
    """With the course that is their home, also where they are taught in another."""
    homes = xlist.select("canvas_section_id", home="nonxlist_course_id").drop_nulls().unique("canvas_section_id")
    joined = sections.join(homes, on="canvas_section_id", how="left")
    return joined.with_columns(course_id=pl.coalesce("home", "course_id"), by_sis=pl.lit(value=True))


def _enrollments(enrollments: pl.DataFrame, aliases: pl.DataFrame) -> pl.DataFrame:
    """Without those that Canvas keeps for observers by itself."""
    own = enrollments.filter(
        pl.col("canvas_associated_user_id").is_null() & pl.col("base_role_type").ne_missing("ObserverEnrollment")
    )
    folded = pl.col("role").str.to_lowercase()
    return own.join(aliases, on="canvas_user_id").with_columns(
        _by_sis(),
        role=pl.when(folded.is_in(_BUILT_IN)).then(folded).otherwise("role"),
        status=pl.col("status").replace({"concluded": "completed"}),
        person="canvas_user_id",
    )


def _links(links: pl.DataFrame, aliases: pl.DataFrame) -> pl.DataFrame:
    observers = aliases.rename({"canvas_user_id": "canvas_observer_id", "user_id": "observer_id"})
    students = aliases.rename({"canvas_user_id": "canvas_student_id", "user_id": "student_id"})
    joined = links.unique().join(observers, on="canvas_observer_id").join(students, on="canvas_student_id")
    person = pl.concat_str("canvas_observer_id", "canvas_student_id", separator=" ")
    return joined.with_columns(_by_sis(), person=person)


def _cross_lists(xlist: pl.DataFrame) -> pl.DataFrame:
    """Of sections that are taught in a course with a SIS id. The report doesn't say who listed them, and has the
    section's own status, which says no more than whether it is deleted.
    """
    return xlist.drop_nulls("xlist_course_id").with_columns(by_sis=pl.lit(value=False))


def _rights(admins: pl.DataFrame, aliases: pl.DataFrame) -> pl.DataFrame:
    return admins.join(aliases, on="canvas_user_id").with_columns(_by_sis(), person="canvas_user_id")
