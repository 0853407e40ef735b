"""What people do in Canvas's pages beside changing fields: merge, cross-list, enrol, remove, bring back, make, give
rights.

No import has a part in it: a thing made here is none of the SIS's, and a thing changed here stays what it was to it.
What Canvas marks as edited is marked, so that imports leave it alone. To add an action: a model with `act`, and its
name in ACTION.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from roster_sandbox.canvas import dates
from roster_sandbox.canvas.importers.admins import ACCOUNT_ADMIN
from roster_sandbox.canvas.importers.enrolling import observers_follow, set_state
from roster_sandbox.canvas.options import Options, Refused
from roster_sandbox.canvas.run import Run
from roster_sandbox.canvas.sandbox import sandbox_of
from roster_sandbox.canvas.settings import BUILT_IN_ROLES
from roster_sandbox.canvas.store import transaction

router = APIRouter(prefix="/sandbox")
Which = str | int
"""A SIS id, or as a number Canvas's own."""
_BACK = {"courses": "claimed", "sections": "active", "logins": "active"}
_BEST = ("active", "inactive", "completed", "deleted")


class Action(BaseModel, ABC):
    """What somebody does; each model below is one, its fields the JSON that `/sandbox/by-hand` takes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @abstractmethod
    def act(self, run: Run) -> int:
        """Do it, and return Canvas's number of what it was done to."""


class Merge(Action):
    """One person is merged into another: log-ins, enrolments, links and rights move, the emptied person is deleted."""

    action: Literal["merge"]
    user: Which
    into: Which

    def act(self, run: Run) -> int:
        """Where both have the same enrolment the livelier one stays."""
        source, target = _person(run, self.user), _person(run, self.into)
        if source == target:
            raise Refused(422, {"errors": ["nobody is merged into themselves"]})
        _move_enrollments(run, source, target)
        _move_links(run, source, target)
        run.db.execute("UPDATE OR IGNORE admins SET user_id = ? WHERE user_id = ?", (target, source))
        run.db.execute("UPDATE logins SET user_id = ? WHERE user_id = ?", (target, source))
        run.db.execute("UPDATE users SET state = 'deleted' WHERE id = ?", (source,))
        return target


class CrossList(Action):
    """A section is taught in another course; without one it goes home."""

    action: Literal["cross_list"]
    section: Which
    course: Which | None = None

    def act(self, run: Run) -> int:
        """Its course is marked, its home remembered; enrolments follow."""
        section = _found(run, "sections", self.section)
        home = section["nonxlist_course_id"] or section["course_id"]
        course = home if self.course is None else _found(run, "courses", self.course)["id"]
        _change(run, "sections", section, {"course_id": course}, sticky="course_id")
        run.db.execute(
            "UPDATE sections SET nonxlist_course_id = ? WHERE id = ?", (home if course != home else None, section["id"])
        )
        return int(section["id"])


class Enrol(Action):
    """Somebody is enrolled, concluded, deactivated or taken out, by the state."""

    action: Literal["enrol"]
    section: Which
    user: Which
    role: Literal["student", "teacher", "ta", "designer", "observer"] = "student"
    state: Literal["active", "inactive", "completed", "deleted"] = "active"

    def act(self, run: Run) -> int:
        """Change the enrolment that is there, or make one."""
        section, user = _found(run, "sections", self.section), _person(run, self.user)
        type_ = BUILT_IN_ROLES[self.role][0]
        query = "SELECT * FROM enrollments WHERE section_id = ? AND user_id = ? AND type = ? AND role = type"
        old = run.db.execute(query, (section["id"], user, type_)).fetchone()
        if old is not None:
            set_state(run, old, self.state)
            return int(old["id"])
        values = {"section_id": section["id"], "user_id": user, "type": type_, "role": type_, "state": self.state}
        made = run.create("enrollments", values)
        if self.role == "student":
            observers_follow(run, made, None)
        return made


class Right(Action):
    """Somebody gets a role in an account, or loses it, by the state."""

    action: Literal["right"]
    user: Which
    account: Which
    role: str = ACCOUNT_ADMIN
    state: Literal["active", "deleted"] = "active"

    def act(self, run: Run) -> int:
        """Change the right that is there, which stays whose it was, or make one."""
        user, account = _person(run, self.user), int(_found(run, "accounts", self.account)["id"])
        query = "SELECT id FROM admins WHERE user_id = ? AND account_id = ? AND role = ?"
        old = run.db.execute(query, (user, account, self.role)).fetchone()
        if old is None:
            values = {"user_id": user, "account_id": account, "role": self.role, "state": self.state}
            return run.create("admins", values)
        run.db.execute("UPDATE admins SET state = ? WHERE id = ?", (self.state, old["id"]))
        return int(old["id"])


class Remove(Action):
    """A course, a section, a log-in or a person is deleted; what hangs on it goes with it."""

    action: Literal["remove"]
    kind: Literal["course", "section", "login", "user"]
    which: Which

    def act(self, run: Run) -> int:
        """Delete it, and the enrolments of it; the last log-in takes its person's along."""
        if self.kind == "user":
            person = _person(run, self.which)
            for login in run.db.execute("SELECT * FROM logins WHERE user_id = ?", (person,)).fetchall():
                _change(run, "logins", login, {"state": "deleted"}, sticky="state")
            run.db.execute("UPDATE users SET state = 'deleted' WHERE id = ?", (person,))
            return self._gone(run, "user_id = ?", person)
        row = _found(run, f"{self.kind}s", self.which)
        _change(run, f"{self.kind}s", row, {"state": "deleted"}, sticky="" if self.kind == "section" else "state")
        if self.kind == "course":
            run.db.execute("UPDATE sections SET state = 'deleted' WHERE course_id = ?", (row["id"],))
            return self._gone(run, "section_id IN (SELECT id FROM sections WHERE course_id = ?)", int(row["id"]))
        if self.kind == "section":
            return self._gone(run, "section_id = ?", int(row["id"]))
        query = "SELECT 1 FROM logins WHERE user_id = ? AND state != 'deleted'"
        if run.db.execute(query, (row["user_id"],)).fetchone() is None:
            self._gone(run, "user_id = ?", int(row["user_id"]))
        return int(row["id"])

    def _gone(self, run: Run, condition: str, number: int) -> int:
        query = f"SELECT * FROM enrollments WHERE {condition} AND state != 'deleted'"  # noqa: S608 - ours
        for enrollment in run.db.execute(query, (number,)).fetchall():
            set_state(run, enrollment, "deleted")
        return number


class BringBack(Action):
    """A deleted course, section or log-in comes back; its enrolments do not."""

    action: Literal["bring_back"]
    kind: Literal["course", "section", "login"]
    which: Which

    def act(self, run: Run) -> int:
        """A course comes back unpublished."""
        row = _found(run, f"{self.kind}s", self.which)
        state = _BACK[f"{self.kind}s"]
        _change(run, f"{self.kind}s", row, {"state": state}, sticky="" if self.kind == "section" else "state")
        return int(row["id"])


class Make(Action):
    """A course, a section or a person (with a log-in) is made, with a SIS id or without."""

    action: Literal["make"]
    kind: Literal["course", "section", "user"]
    name: str
    sis_id: str | None = None
    course: Which | None = None
    login_id: str | None = None

    def act(self, run: Run) -> int:
        """A section needs its course, a person a log-in."""
        if self.kind == "course":
            values = {"name": self.name, "code": self.name, "state": "claimed", "term_id": 1}
            return run.create("courses", {"sis_id": self.sis_id, "account_id": run.settings.root_account_id, **values})
        if self.kind == "section":
            course = _found(run, "courses", self.course if self.course is not None else "")
            values = {"course_id": course["id"], "name": self.name, "state": "active"}
            return run.create("sections", {"sis_id": self.sis_id, **values})
        login = self.login_id or self.name
        names = {"name": self.name, "sortable_name": self.name, "short_name": self.name}
        person = run.create("users", {"state": "registered", "created_at": dates.now(), **names})
        values = {"user_id": person, "unique_id": login, "folded": login.lower(), "state": "active"}
        run.create("logins", {"sis_id": self.sis_id, **values})
        return person


ACTION: TypeAdapter[Action] = TypeAdapter(
    Annotated[Merge | CrossList | Enrol | Right | Remove | BringBack | Make, Field(discriminator="action")]
)


@router.post("/by-hand")
async def by_hand(request: Request) -> JSONResponse:
    """Do one of the actions; the answer is Canvas's number of what it was done to."""
    try:
        action = ACTION.validate_json(await request.body())
    except ValidationError as error:
        raise Refused(422, {"errors": error.errors(include_url=False, include_context=False)}) from error
    sandbox = sandbox_of(request)
    with sandbox.store.connect() as db, transaction(db):
        return JSONResponse({"id": action.act(Run(db, None, Options(), sandbox.settings))})


def _found(run: Run, table: str, which: Which) -> sqlite3.Row:
    row = run.by(table, "id" if isinstance(which, int) else "sis_id", which)
    if row is None:
        raise Refused(404, {"errors": [f"no such one among {table}"]})
    return row


def _person(run: Run, which: Which) -> int:
    if isinstance(which, int):
        return int(_found(run, "users", which)["id"])
    return int(_found(run, "logins", which)["user_id"])


def _change(run: Run, table: str, row: sqlite3.Row, values: dict[str, object], *, sticky: str) -> None:
    marks = " ".join(sorted({*row["sticky"].split(), *sticky.split()}))
    columns = {**values, "sticky": marks}
    run.db.execute(
        f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",  # noqa: S608 - ours
        (*columns.values(), row["id"]),
    )


def _move_enrollments(run: Run, source: int, target: int) -> None:
    for old in run.db.execute("SELECT * FROM enrollments WHERE user_id = ?", (source,)).fetchall():
        query = (
            "SELECT * FROM enrollments WHERE user_id = ? AND section_id = ? AND type = ? AND role = ?"
            " AND associated_user_id IS ?"
        )
        same = run.db.execute(
            query, (target, old["section_id"], old["type"], old["role"], old["associated_user_id"])
        ).fetchone()
        if same is not None and _BEST.index(same["state"]) <= _BEST.index(old["state"]):
            run.db.execute("UPDATE enrollments SET state = 'deleted' WHERE id = ?", (old["id"],))
            continue
        if same is not None:
            run.db.execute("UPDATE enrollments SET state = 'deleted' WHERE id = ?", (same["id"],))
        run.db.execute("UPDATE enrollments SET user_id = ? WHERE id = ?", (target, old["id"]))
    run.db.execute("UPDATE enrollments SET associated_user_id = ? WHERE associated_user_id = ?", (target, source))


def _move_links(run: Run, source: int, target: int) -> None:
    """A link that both have, or that would make somebody their own observer, is deleted."""
    for end in ("observer_id", "student_id"):
        run.db.execute(f"UPDATE OR IGNORE observer_links SET {end} = ? WHERE {end} = ?", (target, source))  # noqa: S608
    run.db.execute(
        "UPDATE observer_links SET state = 'deleted' WHERE ? IN (observer_id, student_id) OR observer_id = student_id",
        (source,),
    )
