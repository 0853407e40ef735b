"""A request to one of the pages, once it has been let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, Request

from roster_airflow.ui import origins, sealing


@dataclass(frozen=True)
class Asked:
    """By whom, from which browser, about which connection. broken: tenants whose file can't be read."""

    user: str
    number: str
    session: Any
    named: list[origins.Named]
    broken: list[str]

    def about(self, connection_id: str) -> list[origins.Named]:
        """The tenants that name the connection; none where it is not ours to touch."""
        return [one for one in self.named if one.connection_id == connection_id]

    def found(self, connection_id: str) -> origins.Found:
        """Where the connection is."""
        return origins.found(connection_id, self.session)

    def seal(self, purpose: str, connection_id: str) -> str:
        """The proof that a form or a state was made for this browser and person."""
        return sealing.seal(purpose, self.number, self.user, connection_id)

    def opened(self, purpose: str, sealed: str) -> str | None:
        """The connection of such a proof; None where it was made for others, or is too old."""
        return sealing.opened(purpose, sealed, self.number, self.user)


def asked(request: Request, user: GetUserDep, session: SessionDep) -> Asked:
    """What every route begins with."""
    number = request.cookies.get(sealing.COOKIE) or sealing.new_number()
    return Asked(str(user.get_id()), number, session, *origins.named())


AskedDep = Annotated[Asked, Depends(asked)]
