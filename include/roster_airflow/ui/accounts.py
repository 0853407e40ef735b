"""The accounts of a Canvas, of which a person chooses the one that holds the schools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.ui import origins

if TYPE_CHECKING:
    from airflow.models.connection import Connection  # noqa: TID251 - no DAG: the API server writes it


class Account(msgspec.Struct, frozen=True):
    """An account of Canvas; sis_account_id is absent where the token may not see it."""

    number: int = msgspec.field(name="id")
    name: str = ""
    sis_account_id: str | None = None


def accounts(connection: Connection, named: list[origins.Named]) -> list[Account]:
    """The root account, and those below it that have a SIS id. Raises as CanvasHook does, asked once."""
    hook = _HookOf(connection.conn_id, named[0].environment, named[0].hosts)
    hook.kept = origins.as_task_sees_it(connection)
    hook.retry_delays = ()
    what = "GET accounts/self/sub_accounts"
    root = hook.read("/api/v1/accounts/self", Account, "GET accounts/self")
    below = [
        account
        for page in hook.pages("/api/v1/accounts/self/sub_accounts?recursive=true&per_page=100", list[Account], what)
        for account in page
    ]
    return [Account(root.number, root.name), *(account for account in below if account.sis_account_id)]


class _HookOf(CanvasHook):
    """The hook over a connection in hand: the API server's look-up of connections is not the tasks'."""

    kept: Any

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]
        """The one in hand."""
        return self.kept
