"""The example tenants of `make run TENANT=<id>`: for each a tenant file `<id>.yaml` and beside it a module `<id>.py`.

To add one: those two files; it is found by its name. What the module offers is `Example`. The tenant file has the zone
of `settings.ZONE`, TEST_PORT and PRODUCTION_PORT where a Canvas's port belongs, TODAY-150 and the like for days before
and after the first night's, `phase: review` and the approver `approver`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from roster_sandbox.demo.keys import Keys
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.stand_ins import StandIn
from roster_sandbox.district import District, ImpliedCanvas


class TenantUnknown(Exception):
    """There is no example tenant of that name; the text names those there are."""


class Example(Protocol):
    """What is particular to one example tenant.

    KEYS: names of what needs a port and a secret of its own; `keys.sources` has them, drawn once for a work folder.
    UNPROVEN: whose absence its sources do not prove, of `people`, `guardians` and `enrollments`: what is gone of them
    is dropped by a second night, twelve hours after the first.
    """

    @property
    def KEYS(self) -> Sequence[str]: ...
    @property
    def UNPROVEN(self) -> Collection[str]: ...

    def stand_ins(self, places: Places, keys: Keys) -> Sequence[StandIn]:
        """What is to be started, Canvas's two apart. The district of the first night has been served by then."""

    def connections(self, places: Places, keys: Keys) -> Mapping[str, Mapping[str, Any]]:
        """Connections of Airflow that the tenant file names, Canvas's two apart: id → fields. Asked after stand_ins."""

    def serve(self, places: Places, district: District) -> None:
        """Have the sources give this district from now on: in `places.delivery`, or wherever they look."""

    def implied_canvas(self, places: Places, district: District, day: date) -> ImpliedCanvas:
        """What an empty Canvas holds after a night over this district, once it was served: with the tenant's ids.

        `district.implied` takes functions for ids of guardians, terms and courses; `district.renamed` maps the others.
        """


def example(tenant: str) -> Example:
    """The example of that name. Raises TenantUnknown."""
    if tenant not in names():
        message = f"there is no example tenant {tenant!r}: TENANT is one of {', '.join(names())}"
        raise TenantUnknown(message)
    return cast("Example", import_module(f"{__name__}.{tenant}"))


def tenant_file(tenant: str) -> Path:
    """Its tenant file, as it is before ports are put in."""
    return Path(__file__).parent / f"{tenant}.yaml"


def names() -> list[str]:
    """The ids of all example tenants."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.yaml"))
