"""The systems that a roster comes from: one module (or package) per system, which the rest does not know.

To add one: a settings model in `roster.tenants`, a module here with `extract` and `to_roster`, its line in SYSTEMS, a
hook in `roster_airflow` that supplies what the module reads from (a `Delivery` or an `Api`), a stand-in in
`roster_sandbox`, tests and a page below docs/sources/. `extract` writes raw tables and proves how whole they are;
`to_roster` maps them to the model and judges nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from roster.evidence import Evidence

if TYPE_CHECKING:
    from roster.model import Roster

SYSTEMS: Mapping[str, str] = {"clever_csv": "roster.sources.clever_csv", "clever": "roster.sources.clever"}


@dataclass(frozen=True)
class DeliveredFile:
    """A file as it lies with the source. size: bytes; modified: aware, UTC."""

    size: int
    modified: datetime


class Delivery(Protocol):
    """Files that a source laid down somewhere: what a hook supplies."""

    def files(self) -> Mapping[str, DeliveredFile]:
        """The files that lie there now, by name; each call looks again. Raises SourceFault."""
        ...

    def fetch(self, name: str, folder: Path) -> Path:
        """Copy the file into folder, which is on this machine; answers the copy. Raises SourceFault."""
        ...


class Api(Protocol):
    """A source that answers requests: what a hook supplies.

    path: path and query, or a link that the source gave. What is busy, throttled or away is asked again in here; what
    then still fails is SourceFault.
    """

    def get(self, path: str) -> bytes:
        """The body that is there."""
        ...

    def find(self, path: str) -> bytes | None:
        """The body, or None where the source says that there is no such thing."""
        ...


Reading = Delivery | Api
"""What a source is read from."""


class System(Protocol):
    """What a module of a source offers; each takes the kind of Reading that its hook supplies."""

    def extract(
        self, reading: Any, settings: Any, folder: Path, *, last_good: Evidence | None, now: datetime
    ) -> Evidence:
        """Write the raw tables and evidence.json into folder. Raises SourceFault."""
        ...

    def to_roster(self, raw: Path, settings: Any) -> Roster:
        """The roster that the raw tables in the folder hold."""
        ...


def system(name: str) -> System:
    """The module of that system, imported when it is first asked for (it brings Polars)."""
    return cast("System", import_module(SYSTEMS[name]))
