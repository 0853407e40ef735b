"""One module per SIS file: `apply` puts a segment of rows into the store and counts those that passed.

To add one: write `apply(run, rows)`, enter it in `APPLY`, and test it against what the real importer is known to do.
A kind that is recognised and missing here is answered with a failure that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from roster_sandbox.canvas.importers import (
    accounts,
    admins,
    change_sis_id,
    courses,
    enrollments,
    logins,
    sections,
    terms,
    user_observers,
    users,
    xlists,
)
from roster_sandbox.canvas.run import Row, Run

Apply = Callable[[Run, Sequence[Row]], None]

APPLY: dict[str, Apply] = {
    "change_sis_id": change_sis_id.apply,
    "account": accounts.apply,
    "term": terms.apply,
    "course": courses.apply,
    "section": sections.apply,
    "xlist": xlists.apply,
    "user": users.apply,
    "login": logins.apply,
    "enrollment": enrollments.apply,
    "admin": admins.apply,
    "user_observer": user_observers.apply,
}
