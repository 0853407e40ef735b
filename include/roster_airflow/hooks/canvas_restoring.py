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


def ended_as(hook: CanvasHook, import_id: str, progress: str | None) -> str | None:
    """How it ended: one of RESTORED, FAILED, or `unknown`; None while it goes on.

    progress: of the job; None where its answer was lost: then the import's own state tells.
    """
    if progress is not None:
        job = hook.read(f"/api/v1/progress/{_number(progress)}", Progress, "GET progress/:id").workflow_state
        if job in ("queued", "running"):
            return None
        if job == "failed":
            return FAILED
    state = hook.sis_import(import_id).workflow_state
    if state == "restoring":
        return None
    return state if state in (*RESTORED, FAILED) else "unknown"


def _number(given: str) -> str:
    if not given.isdecimal():
        message = "the number of an import or of a job in Canvas is a number"
        raise CanvasRefused(message)
    return given
