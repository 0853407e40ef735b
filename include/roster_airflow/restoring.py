"""Having Canvas restore what an import deleted, from the request to its end; a lost answer and a kill are one path.

The job has no name that could be looked for. It shows in the state of the import, though, once it has begun, and until
then it may be in Canvas's queue. Where nothing shows for a while it is asked for once more: what Canvas has restored it
does not restore again, and it does one such job of an account after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from roster.errors import CanvasBusy, CanvasFault, CanvasStuck, CanvasUnreachable
from roster_airflow.hooks.canvas_restoring import GOES_ON, UNKNOWN, WAITING, restore_states, state_of

if TYPE_CHECKING:
    from roster.store import Store
    from roster_airflow.hooks.canvas import CanvasHook

LATE = timedelta(minutes=5)
"""How long a job that was asked for, and whose answer was lost, may show nothing."""
MOST = 2
"""How often Canvas is asked."""

log = logging.getLogger(__name__)


class Asked(BaseModel):
    """What is kept of it. before: the import's state until then; at: when Canvas was asked; job: None if not known."""

    model_config = ConfigDict(frozen=True)

    before: str
    at: tuple[datetime, ...]
    job: str | None = None


@dataclass(frozen=True)
class Restoring:
    """The states of one import, restored for one run. path: where the run keeps that Canvas was asked."""

    store: Store
    hook: CanvasHook
    import_id: str
    path: str

    @property
    def is_asked(self) -> bool:
        """Whether Canvas was asked, or may have been."""
        return self.store.exists(self.path)

    def go_on(self, deadline: timedelta, may_ask: Callable[[], bool]) -> str | None:
        """Ask, unless that was done, and look; how it ended (hooks.canvas_restoring), None while it goes on.

        may_ask: whether it may be asked for once more at this moment. Raises CanvasFault; CanvasStuck where it has not
        ended by the deadline.
        """
        asked = self._kept() if self.is_asked else self._ask(None)
        state = state_of(self.hook, self.import_id, asked.job, asked.before)
        if state not in GOES_ON:
            return state
        now = datetime.now(UTC)
        if now > asked.at[0] + deadline:
            message = "restore_states: Canvas has not ended it by canvas.deadline: the rows go without it"
            raise CanvasStuck(message)
        if state == WAITING and len(asked.at) < MOST and now > asked.at[-1] + LATE:
            if not may_ask():
                return UNKNOWN
            log.warning("restore_states: nothing shows that Canvas began: it is asked once more")
            self._ask(asked)
        return None

    def _ask(self, earlier: Asked | None) -> Asked:
        """Ask; what is kept before says that it was, should this be killed before the answer is there."""
        before = earlier.before if earlier else self.hook.sis_import(self.import_id).workflow_state
        asked = Asked(before=before, at=(*(earlier.at if earlier else ()), datetime.now(UTC)))
        self._keep(asked)
        try:
            asked = asked.model_copy(update={"job": restore_states(self.hook, self.import_id).id})
        except (CanvasBusy, CanvasUnreachable) as fault:
            log.warning("%s; whether Canvas restores states shows in the import", fault)
            return asked
        except CanvasFault:
            if earlier:
                self._keep(earlier)
            else:
                self.store.remove(self.path)
            raise
        self._keep(asked)
        return asked

    def _kept(self) -> Asked:
        return Asked.model_validate_json(self.store.read(self.path))

    def _keep(self, asked: Asked) -> None:
        self.store.write(self.path, asked.model_dump_json().encode())
