"""Rows judged against the rest of the set: what they refer to, and what claims the same.

Types come in Canvas's order, so what a row refers to has been read before it, but for accounts, which are judged when
all are there. Repeated rows are told by a 64-bit hash of their key: four million of them take some sixty megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from roster.lint.findings import Report
from roster.lint.kinds import Kind
from roster.lint.rows import Check, says

_ID = {
    "account": "account_id",
    "term": "term_id",
    "course": "course_id",
    "section": "section_id",
    "user": "user_id",
    "group_category": "group_category_id",
    "group": "group_id",
    "differentiation_tag_set": "tag_set_id",
    "differentiation_tag": "tag_id",
}
_MUST_LIVE = {("enrollment", "user_id"), ("enrollment", "section_id"), ("enrollment", "course_id"),
              ("course", "account_id"), ("user_observer", "observer_id"), ("user_observer", "student_id")}  # fmt: skip
_CLAIMS = {"user", "change_sis_id", "account"}


@dataclass
class Standing:
    """What the set has had so far. ids: type → its ids, of rows Canvas takes; `gone` where the last one deletes."""

    report: Report
    ids: dict[str, pl.DataFrame] = field(default_factory=dict)
    _rows: list[pl.DataFrame] = field(default_factory=list)
    _known: list[pl.DataFrame] = field(default_factory=list)
    _last: list[pl.DataFrame] = field(default_factory=list)
    _changed: dict[str, list[str]] = field(default_factory=dict)
    _listed: list[str] = field(default_factory=list)

    def checks(self, kind: Kind) -> Iterator[Check]:
        """What is to be seen of a row by what came before."""
        if old := self._changed.get(kind.name):
            yield Check("old-id-used", _ID[kind.name], pl.col(_ID[kind.name]).is_in(old))
        for column, of in kind.refers.items():
            if of in self.ids:
                yield from self._reference(kind, column, self.ids[of])
        if kind.name == "enrollment" and "section" in self.ids:
            yield self._related()

    def unjudged(self, kind: Kind, header: list[str]) -> list[str]:
        """The columns of a file that refer to what the set does not have."""
        return [column for column, of in kind.refers.items() if column in header and of not in self.ids]

    def _reference(self, kind: Kind, column: str, known: pl.DataFrame) -> Iterator[Check]:
        there = pl.col(column).is_not_null()
        if (kind.name, column) == ("enrollment", "user_id"):
            there &= pl.col("user_integration_id").is_null()
        if column == "associated_user_id":
            there &= pl.col("role").str.to_lowercase() == "observer"
        gone = known.filter("gone")["id"]
        if column == "term_id":
            there &= ~pl.col(column).is_in(known.filter(~pl.col("gone"))["id"].implode())
            yield Check("course-term-unknown", column, there)
            return
        unknown = there & ~pl.col(column).is_in(known["id"].implode())
        if column == "account_id" and "fallback_account_id" in kind.columns:
            unknown &= ~pl.col("fallback_account_id").is_in(known["id"].implode()).fill_null(value=False)
        yield Check("reference-unknown", column, unknown)
        if (kind.name, column) in _MUST_LIVE and gone.len():
            dead = there & pl.col(column).is_in(gone.implode())
            yield Check("reference-deleted", column, dead if kind.exact else dead & ~says("deleted"))

    def _related(self) -> Check:
        home = self.ids["section"].filter(~pl.col("id").is_in(self._listed))
        course = pl.col("section_id").replace_strict(home["id"], home["course"], default=None)
        return Check("section-of-other-course", None, course != pl.col("course_id"))

    def take(self, kind: Kind, file: str, frame: pl.DataFrame, refused: pl.Series) -> None:
        """Keep what later rows are judged by. refused: which rows Canvas leaves out for what is known by now."""
        if kind.name == "grade_publishing_results":
            return
        good = frame.filter(~refused)
        place = [pl.lit(file).cast(pl.Categorical).alias("file"), pl.col("line"), pl.col("record")]
        if kind.name in _CLAIMS:
            self._rows.append(good.select([*map(pl.col, kind.columns), *place]))
        else:
            self._rows.append(good.select([_key(kind), _deletes(kind), *place]))
        if kind.name in _ID:
            course = pl.col("course_id") if kind.name == "section" else pl.lit(None, pl.String)
            id_ = pl.col(_ID[kind.name])
            self._known.append(
                good.select([id_.alias("id"), says("deleted").alias("gone"), course.alias("course"), *place])
            )
        if kind.name == "enrollment":
            last = good.filter(says("deleted_last_completed"))
            self._last.append(last.select([*map(pl.col, ("user_id", "course_id", "section_id")), *place]))
        if kind.name == "xlist":
            self._listed += good["section_id"].to_list()

    def forget(self, file: str) -> None:
        """Of a file that Canvas refuses whole, nothing is there."""
        for kept in (self._rows, self._known, self._last):
            kept[:] = [frame for frame in kept if frame.is_empty() or frame["file"][0] != file]

    def close(self, kind: Kind) -> None:
        """Judge what takes all rows of the type, and let what follows refer to it."""
        if self._rows:
            rows = pl.concat(self._rows)
            claims = {"user": self._users, "account": self._accounts, "change_sis_id": self._changes}.get(kind.name)
            refused = claims(rows) if claims else rows.clear().select("file", "record")
            if kind.name != "change_sis_id":
                keyed = rows.select(_key(kind), _deletes(kind), "file", "line", "record") if claims else rows
                self._repeated(keyed, kind)
            if kind.name in _ID:
                known = pl.concat(self._known).join(refused, on=["file", "record"], how="anti", maintain_order="left")
                known = known.unique("id", keep="last").select("id", "gone", "course")
                if kind.name == "section" and "course" in self.ids:
                    gone = self.ids["course"].filter("gone")["id"]
                    known = known.with_columns(gone=pl.col("gone") | pl.col("course").is_in(gone.implode()))
                self.ids[kind.name] = known
        if self._last:
            self._last_completed(pl.concat(self._last))
        self._rows, self._known, self._last = [], [], []

    def _tell(self, rule: str, column: str | None, places: pl.DataFrame) -> None:
        for (file,), rows in places.group_by("file", maintain_order=True):
            self.report.rows(rule, str(file), column, rows)

    def _repeated(self, rows: pl.DataFrame, kind: Kind) -> None:
        twice = rows.filter(pl.col("key").is_duplicated())
        self._tell("id-repeated", None, twice.filter(~pl.col("key").is_first_distinct()))
        if kind.name == "enrollment":
            beaten = twice.filter(pl.col("deletes").any().over("key", "file") & ~pl.col("deletes"))
            self._tell("delete-beats-active", None, beaten)

    def _last_completed(self, rows: pl.DataFrame) -> None:
        course = pl.col("course_id")
        if "section" in self.ids:
            home = self.ids["section"]
            course = pl.coalesce(course, pl.col("section_id").replace_strict(home["id"], home["course"], default=None))
        rows = rows.with_columns(course=course).drop_nulls(["user_id", "course"])
        rows = rows.unique(["user_id", "course", "section_id"], keep="first", maintain_order=True)
        self._tell("last-completed-twice", None, rows.filter(pl.struct("file", "user_id", "course").is_duplicated()))

    def _users(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Log-ins and integration ids that two people claim, row by row, as far as any is claimed twice."""
        rows = rows.with_columns(folded=pl.col("login_id").str.to_lowercase(), gone=says("deleted"))
        integration = pl.col("integration_id").is_duplicated() & pl.col("integration_id").is_not_null()
        twice = rows.filter(pl.col("folded").is_duplicated() | integration | pl.col("user_id").is_duplicated())
        logins: dict[str, tuple[str, str | None]] = {}  # user → log-in, provider
        holders: dict[str, str] = {}
        told: dict[str, list[int]] = {"login-claimed": [], "integration-id-claimed": []}
        claimed: dict[str, list[str]] = {}
        for number, row in enumerate(twice.iter_rows(named=True)):
            user, login, provider = row["user_id"], row["folded"], row["authentication_provider_id"]
            if row["gone"]:
                logins.pop(user, None)
                continue
            holding = [logins[one] for one in claimed.get(login, []) if one != user and one in logins]
            others = [other for held, other in holding if held == login]
            if any(provider is None or other in {provider, None} for other in others):
                told["login-claimed"].append(number)
                continue
            if row["integration_id"] and holders.get(row["integration_id"], user) != user:
                told["integration-id-claimed"].append(number)
                continue
            logins[user] = (login, provider)
            claimed.setdefault(login, []).append(user)
            if row["integration_id"]:
                holders[row["integration_id"]] = user
        return self._told(told, twice)

    def _accounts(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Accounts are applied one at a time: a parent has to be there, and not below its child."""
        ids, parents, gone = set(rows["account_id"]), dict[str, str | None](), set[str]()
        told: dict[str, list[int]] = {
            rule: [] for rule in ("account-loop", "account-parent-later", "reference-unknown", "reference-deleted")
        }
        for number, row in enumerate(rows.with_columns(dead=says("deleted")).iter_rows(named=True)):
            account, parent = row["account_id"], row["parent_account_id"]
            if parent is not None:
                if _is_above(account, parent, parents):
                    told["account-loop"].append(number)
                elif parent not in parents:
                    told["account-parent-later" if parent in ids else "reference-unknown"].append(number)
                elif parent in gone and not row["dead"]:
                    told["reference-deleted"].append(number)
                if any(numbers and numbers[-1] == number for numbers in told.values()):
                    continue
            parents[account] = parent
            (gone.add if row["dead"] else gone.discard)(account)
        return self._told(told, rows, "parent_account_id")

    def _changes(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Changes of ids are applied one after the other, before all else."""
        kind, old, new = pl.col("type").str.to_lowercase(), pl.col("old_id"), pl.col("new_id")
        rows = rows.with_columns(kind=kind)
        known = rows.filter(old.is_not_null())
        again = known.filter(~pl.struct("kind", "old_id").is_first_distinct())
        self._tell("change-of-unknown-id", None, again)
        given = rows.filter(new.is_not_null())
        self._tell("change-to-taken-id", None, given.filter(~pl.struct("kind", "new_id").is_first_distinct()))
        moved = known.join(given.select("kind", old_id="new_id"), on=["kind", "old_id"], how="anti")
        for (name,), group in moved.group_by("kind"):
            self._changed[str(name)] = group["old_id"].to_list()
        return rows.clear().select("file", "record")

    def _told(self, told: dict[str, list[int]], rows: pl.DataFrame, column: str | None = None) -> pl.DataFrame:
        for rule, numbers in told.items():
            self._tell(rule, column, rows[numbers])
        return rows[sorted({number for numbers in told.values() for number in numbers})].select("file", "record")


def _is_above(account: str, parent: str | None, parents: dict[str, str | None]) -> bool:
    """Whether the account is its would-be parent, or above it."""
    while parent is not None:
        if parent == account:
            return True
        parent = parents.get(parent)
    return False


def _deletes(kind: Kind) -> pl.Expr:
    said = says("deleted") if kind.statuses else pl.lit(value=False)
    return said.alias("deletes")


def _key(kind: Kind) -> pl.Expr:
    if kind.name != "enrollment":
        return pl.struct(kind.key).hash().alias("key")
    observes = pl.col("role").str.to_lowercase() == "observer"
    parts = (
        pl.coalesce("section_id", pl.lit("course ") + pl.col("course_id")),
        pl.coalesce(pl.lit("integration ") + pl.col("user_integration_id"), "user_id"),
        pl.coalesce("role_id", pl.col("role").str.to_lowercase()),
        pl.when(observes).then("associated_user_id"),
    )
    return pl.concat_str([part.fill_null("") for part in parts], separator="\x1f").hash().alias("key")
