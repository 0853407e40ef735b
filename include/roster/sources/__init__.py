"""The systems that a roster comes from: one module (or package) per system, which the rest does not know.

To add one (docs/adding-a-source.md walks through it): its settings and their line in `roster.settings`, a package here
that bears its name, with `reading.extract` and `mapping.to_roster`, a hook in `roster_airflow` that supplies what it
reads from, a stand-in in `roster_sandbox`, tests and a page below docs/sources/. `extract` writes raw tables and proves
how whole they are; `to_roster` maps them to the model and judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from roster.evidence import Evidence

if TYPE_CHECKING:
    from roster.model import Roster


@dataclass(frozen=True)
class ZipFile:
    """A zip file as it lies with the source. size: bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class DeliveredFile:
    """A file as it lies with the source. size: bytes; modified: aware, UTC. within: the zip file that holds it."""

    size: int
    modified: datetime
    within: ZipFile | None = None


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


@dataclass(frozen=True)
class Statement:
    """SQL as a database is asked it. name: what messages call it (users.sql). text: with `:word` for each parameter."""

    name: str
    text: str
    parameters: Mapping[str, Any]

    def around(self, put: Callable[[str], str]) -> Statement:
        """The same with something put around its text."""
        return replace(self, text=put(self.text))


class Snapshot(Protocol):
    """One read-only transaction: all that is asked in it is answered as of one moment. Both raise SourceFault."""

    def columns(self, statement: Statement) -> list[str]:
        """The columns of the answer, as the database spells them."""
        ...

    def batches(self, statement: Statement, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the answer, so many at a time; more are never in memory."""
        ...


class Database(Protocol):
    """A source that answers SQL: what a hook supplies."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """A transaction for as long as the block lasts. Raises SourceFault."""
        ...


@dataclass(frozen=True)
class Good:
    """The last extract that was good. opened: its raw tables, in a folder for as long as the block lasts; raises
    RunFolderBroken where they are gone.
    """

    evidence: Evidence
    opened: Callable[[], AbstractContextManager[Path]]


class Extract(Protocol):
    """`reading.extract` of a source; it takes the kind of reading that its hook supplies, and its own settings."""

    def __call__(self, reading: Any, settings: Any, folder: Path, *, last_good: Good | None, now: datetime) -> Evidence:
        """Write the raw tables into folder; answers what they prove. Raises SourceFault.

        A source that may deliver changes only (`deltas` in its settings) also takes `latest`: what was read last, good
        or not, which they are laid over.
        """
        ...


class ToRoster(Protocol):
    """`mapping.to_roster` of a source."""

    def __call__(self, raw: Path, settings: Any) -> Roster:
        """The roster that the raw tables in the folder hold."""
        ...


@dataclass(frozen=True)
class System:
    """What the package of a source offers."""

    extract: Extract
    to_roster: ToRoster


def system(name: str) -> System:
    """What the package of that name offers, imported when it is first asked for (it brings Polars)."""
    reading, mapping = (import_module(f"{__name__}.{name}.{module}") for module in ("reading", "mapping"))
    return System(reading.extract, mapping.to_roster)
