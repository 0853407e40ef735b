"""What Canvas says of an import that has ended, whole, to be kept: it forgets it after 30 days."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from roster.errors import CanvasFault, CanvasGone
from roster_airflow.hooks.canvas import PER_PAGE, SIS_IMPORTS

if TYPE_CHECKING:
    from roster.ledger import Ledger
    from roster_airflow.hooks.canvas import CanvasHook

REMEMBERED = timedelta(days=30)
# Files of the upload and of the messages, by addresses that open them; both are kept otherwise.
_LEFT_OUT: Final = frozenset({"errors_attachment", "csv_attachments", "diffed_csv_attachments"})

log = logging.getLogger(__name__)


def keep_answers(hook: CanvasHook, ledger: Ledger, now: datetime) -> None:
    """Keep the answers of imports of the last 30 days that are not kept yet; what can't be read is tried next time."""
    for settled in ledger.without_answer(now - REMEMBERED):
        try:
            ledger.keep_answer(settled.version, _whole_answer(hook, str(settled.import_id)))
        except CanvasFault as fault:
            log.warning("what Canvas says of import %s is not kept yet: %s", settled.import_id, fault)


def _whole_answer(hook: CanvasHook, import_id: str) -> dict[str, Any]:
    """import: as Canvas shows it, null where it is not there any more; messages: all of them, newest first."""
    path = f"{SIS_IMPORTS}/{import_id}"
    try:
        told = hook.read(path, dict[str, Any], "GET sis_imports/:id")
        pages = hook.pages(f"{path}/errors?per_page={PER_PAGE}", dict[str, list[Any]], "GET sis_imports/:id/errors")
        messages = [one for page in pages for one in page.get("sis_import_errors", [])]
    except CanvasGone:
        return {"import": None, "messages": []}
    return {"import": {name: value for name, value in told.items() if name not in _LEFT_OUT}, "messages": messages}
