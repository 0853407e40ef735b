"""Canvas's `restore_states` of an import: asked for once, and looked at until it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from roster.errors import CanvasRefused
from roster_airflow.hooks.canvas import SIS_IMPORTS

if TYPE_CHECKING:
    from roster_airflow.hooks.canvas import CanvasHook

RESTORED: Final = ("restored", "partially_restored")
"""States of an import whose states came back; the second is what Canvas calls it whenever only some were asked for."""
FAILED: Final = "restore_failed"
WAITING: Final = "waiting"
RESTORING: Final = "restoring"
UNKNOWN: Final = "unknown"
GOES_ON: Final = (WAITING, RESTORING)


class Progress(msgspec.Struct, frozen=True):
    """A job of Canvas's, as far as we look at it."""

    number: int | str = msgspec.field(name="id")
    workflow_state: str

    @property
    def id(self) -> str:
        """Canvas's number of the job, as text."""
        return str(self.number)


def restore_states(hook: CanvasHook, import_id: str) -> Progress:
    """Ask Canvas to bring back what the import deleted, and nothing else; CanvasUnreachable where it may have begun.

    Without `undelete_only` Canvas would also delete what the import made, with what people have put into it since.
    """
    path = f"{SIS_IMPORTS}/{_number(import_id)}/restore_states"
    return hook.command("PUT", path, Progress, "PUT sis_imports/:id/restore_states", {"undelete_only": "true"})


def state_of(hook: CanvasHook, import_id: str, job: str | None, before: str) -> str:
    """How far it is: WAITING while nothing shows of it, RESTORING, or its end: one of RESTORED, FAILED, UNKNOWN.

    job: None where its answer was lost: then the import's own state tells. before: that state until Canvas was asked.
    """
    if job is not None:
        state = hook.read(f"/api/v1/progress/{_number(job)}", Progress, "GET progress/:id").workflow_state
        if state in ("queued", "running"):
            return RESTORING
        if state == "failed":
            return FAILED
    state = hook.sis_import(import_id).workflow_state
    if job is None and state == before:
        return WAITING
    return state if state in (RESTORING, *RESTORED, FAILED) else UNKNOWN


def _number(given: str) -> str:
    if not given.isdecimal():
        message = "the number of an import or of a job in Canvas is a number"
        raise CanvasRefused(message)
    return given
