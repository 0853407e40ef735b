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
_CLAIMS = {"user", "login", "change_sis_id", "account"}

_KNOWN = pl.Schema({"id": pl.String, "gone": pl.Boolean, "course": pl.String})
_HELD = pl.Schema({"folded": pl.String, "provider": pl.String})


@dataclass
class Standing:
    """What the set has had so far. whole: whether what it has not is not there. ids: type → its ids, of rows Canvas
    takes; `gone` where the last one deletes.
    """

    report: Report
    whole: bool = True
    ids: dict[str, pl.DataFrame] = field(default_factory=dict)
    _rows: list[pl.DataFrame] = field(default_factory=list)
    _known: list[pl.DataFrame] = field(default_factory=list)
    _last: list[pl.DataFrame] = field(default_factory=list)
    _listings: list[pl.DataFrame] = field(default_factory=list)
    _changed: dict[str, list[str]] = field(default_factory=dict)
    _listed: list[str] = field(default_factory=list)
    _persons: dict[str, str] = field(default_factory=dict)
    _held: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_HELD))

    def checks(self, kind: Kind) -> Iterator[Check]:
        """What is to be seen of a row by what came before."""
        if not self.whole:
            return
        if old := self._changed.get(kind.name):
            yield Check("old-id-used", _ID[kind.name], pl.col(_ID[kind.name]).is_in(old))
        for column, of in kind.refers.items():
            if of in self.ids and kind.name != "login":  # which may refer to a row of its own file
                yield from self._reference(kind, column, self.ids[of])
        if kind.name == "enrollment" and "section" in self.ids:
            yield self._related()
        if kind.name == "user_observer":
            observer, student = pl.col("observer_id"), pl.col("student_id")
            same = observer.replace(self._persons) == student.replace(self._persons)
            yield Check("observes-self", None, same & (observer != student))

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
            self._listings.append(good.select("section_id", "xlist_course_id", _deletes(kind), place[0]))

    def forget(self, file: str) -> None:
        """Of a file that Canvas refuses whole, nothing is there."""
        for kept in (self._rows, self._known, self._last, self._listings):
            kept[:] = [frame for frame in kept if frame.is_empty() or frame["file"][0] != file]

    def close(self, kind: Kind) -> None:
        """Judge what takes all rows of the type, and let what follows refer to it."""
        if self._rows:
            rows = pl.concat(self._rows)
            claims = {
                "user": self._users,
                "login": self._logins,
                "account": self._accounts,
                "change_sis_id": self._changes,
            }.get(kind.name)
            refused = claims(rows) if claims else rows.clear().select("file", "record")
            if kind.name != "change_sis_id":
                keyed = rows.select(_key(kind), _deletes(kind), "file", "line", "record") if claims else rows
                self._repeated(_without(keyed, refused), kind)
            if kind.name in _ID:
                known = _without(pl.concat(self._known), refused)
                self.ids[kind.name] = known.unique("id", keep="last").select(*_KNOWN)
        if kind.name == "xlist" and "section" in self.ids:
            self._taught()
        if self._last:
            self._last_completed(pl.concat(self._last))
        self._rows, self._known, self._last, self._listings = [], [], [], []

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

    def _taught(self) -> None:
        """A section goes with the course that it is listed in; where there is no such course Canvas makes one."""
        sections, courses = self.ids["section"], self.ids.get("course", pl.DataFrame(schema=_KNOWN))
        rows = [row for frame in self._listings for row in frame.iter_rows()]
        self._listed = [section for section, *_ in rows]
        home = dict(sections.filter(pl.col("id").is_in(self._listed)).select("id", "course").iter_rows())
        gone = dict(courses.select("id", "gone").iter_rows()) if rows else {}
        at, made = dict[str, str](), list[tuple[str, bool, None]]()
        for section, course, deletes, _ in rows:
            if deletes:
                if course not in gone or at.get(section) == course:
                    at.pop(section, None)
                continue
            if course not in gone:
                gone[course] = gone.get(home.get(section), False)
                made.append((course, gone[course], None))
            at[section] = course
        if "course" in self.ids:
            self.ids["course"] = courses = pl.concat([courses, pl.DataFrame(made, schema=_KNOWN, orient="row")])
        elsewhere = pl.DataFrame([*at.items()], schema={"id": pl.String, "at": pl.String}, orient="row")
        dead = pl.coalesce("at", "course").is_in(courses.filter("gone")["id"].implode()).fill_null(value=False)
        taught = sections.join(elsewhere, on="id", how="left", maintain_order="left")
        self.ids["section"] = taught.with_columns(gone=pl.col("gone") | dead).select(*_KNOWN)

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
        refused = self._told(told, twice)
        claims = rows.select("user_id", "folded", "gone", "file", "record", provider="authentication_provider_id")
        live = _without(claims, refused).unique("user_id", keep="last").filter(~pl.col("gone"))
        self._held = live.select(*_HELD)
        return refused

    def _logins(self, rows: pl.DataFrame) -> pl.DataFrame:
        """One more log-in for somebody whom a user or a log-in before it has; both its ids have to be free."""
        rows = rows.with_columns(folded=pl.col("login_id").str.to_lowercase())
        people = self.ids.get("user", pl.DataFrame(schema=_KNOWN))
        judged = self.whole and "user" in self.ids
        named = pl.concat([rows["user_id"], rows["existing_user_id"]])
        people = people.filter(pl.col("id").is_in(named.implode()))
        known, dead = set(people["id"]), set(people.filter("gone")["id"])
        held = set(self._held.filter(pl.col("folded").is_in(rows["folded"].implode())).iter_rows())
        names = {login for login, _ in held}
        unknown, gone, taken = list[int](), list[int](), list[int]()
        for number, row in enumerate(rows.iter_rows(named=True)):
            user, claim = row["existing_user_id"], (row["folded"], row["authentication_provider_id"])
            if judged and user is not None and user not in known:
                unknown.append(number)
            elif judged and user in dead:
                gone.append(number)
            elif row["user_id"] in known or claim in held or (claim[1] is None and claim[0] in names):
                taken.append(number)
            else:
                known.add(row["user_id"])
                held.add(claim)
                names.add(claim[0])
                if user is not None:
                    self._persons[row["user_id"]] = self._persons.get(user, user)
        refused = pl.concat(
            [
                self._told({"reference-unknown": unknown, "reference-deleted": gone}, rows, "existing_user_id"),
                self._told({"login-exists": taken}, rows),
            ]
        )
        if "user" in self.ids:
            new = _without(rows, refused).select(id="user_id", gone=pl.lit(value=False), course=pl.lit(None, pl.String))
            self.ids["user"] = pl.concat([self.ids["user"], new])
        return refused

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
                elif parent not in parents and (self.whole or parent in ids):
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
        changed, given = set[tuple[str, str]](), set[tuple[str, str]]()
        told: dict[str, list[int]] = {"change-of-unknown-id": [], "change-to-taken-id": []}
        columns = (pl.col("type").str.to_lowercase(), "old_id", "new_id")
        for number, (kind, old, new) in enumerate(rows.select(columns).iter_rows()):
            if old is not None and (kind, old) in changed:
                told["change-of-unknown-id"].append(number)
            elif new is not None and new != old and (kind, new) in given:
                told["change-to-taken-id"].append(number)
            else:
                changed.add((kind, old))
                changed.discard((kind, new))
                given.discard((kind, old))
                given.add((kind, new))
        for kind, old in changed:
            self._changed.setdefault(kind, []).append(old)
        return self._told(told, rows)

    def _told(self, told: dict[str, list[int]], rows: pl.DataFrame, column: str | None = None) -> pl.DataFrame:
        for rule, numbers in told.items():
            self._tell(rule, column, rows[numbers])
        return rows[sorted({number for numbers in told.values() for number in numbers})].select("file", "record")


def _without(rows: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    if refused.is_empty():
        return rows
    return rows.join(refused, on=["file", "record"], how="anti", maintain_order="left")


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
