"""manifest.csv: what a set says of itself, and where the set contradicts it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.sources.delimited import read
from roster.sources.oneroster_csv.columns import FILES, files

FORMS = ("1.0", "1")
"""Of manifest.version. 1.0 is the only one there is; some exports write it as a number."""
VERSIONS = ("1.1", "1.2")
MODES = ("absent", "bulk", "delta")
_COLUMNS = ("propertyname", "value")


@dataclass(frozen=True)
class Manifest:
    """version: OneRoster's. modes: of the files that are read, by name without .csv; absent where nothing is said.
    rows: where in the manifest a property stands, by its name in lower case.
    """

    version: str
    modes: Mapping[str, str]
    rows: Mapping[str, int]

    @property
    def is_delta(self) -> bool:
        """True if any of the files is changes only."""
        return "delta" in self.modes.values()

    def delivered(self) -> list[str]:
        """The files that the set has, in the order of FILES."""
        return [stem for stem, mode in self.modes.items() if mode != "absent"]

    def where(self, stem: str) -> str:
        """manifest.csv and the row that speaks of the file."""
        row = self.rows.get(f"file.{stem.lower()}")
        return f"manifest.csv:{row}" if row else "manifest.csv"


def read_manifest(path: Path, encoding: str) -> Manifest:
    """Raises SourceUnreadable with the row of what is wrong."""
    table = read(path, "manifest.csv", _COLUMNS, _COLUMNS, encoding)
    if table.unreadable.height:
        message = f"manifest.csv:{table.unreadable['row'][0]}: must be a property and its value"
        raise SourceUnreadable(message)
    said: dict[str, str] = {}
    rows: dict[str, int] = {}
    for name, value, row in table.frame.select("propertyname", "value", "row").rows():
        key = (name or "").lower()
        if key in rows:
            message = f"manifest.csv:{row}: says once more what row {rows[key]} says: leave one of them"
            raise SourceUnreadable(message)
        said[key], rows[key] = (value or "").lower(), row
    _require(said, rows, "manifest.version", FORMS)
    _require(said, rows, "oneroster.version", VERSIONS)
    stems = files(said["oneroster.version"])
    for stem in stems:
        if f"file.{stem.lower()}" in said:
            _require(said, rows, f"file.{stem.lower()}", MODES)
    modes = {stem: said.get(f"file.{stem.lower()}", "absent") for stem in stems}
    return Manifest(said["oneroster.version"], modes, rows)


def _require(said: Mapping[str, str], rows: Mapping[str, int], name: str, allowed: tuple[str, ...]) -> None:
    if name not in said:
        message = f"manifest.csv: does not say {name}: OneRoster 1.1 and 1.2 have it in every manifest"
        raise SourceUnreadable(message)
    if said[name] not in allowed:
        message = f"manifest.csv:{rows[name]}: {name} must be {' or '.join(allowed)}: have the set exported so"
        raise SourceUnreadable(message)


def require_agreement(manifest: Manifest, there: Collection[str]) -> None:
    """Raises SourceIncomplete where a file is still to come, SourceUnreadable where set and manifest contradict each
    other. Files that are never read are not compared: a set may leave demographics out whatever its manifest says.
    """
    for stem, mode in manifest.modes.items():
        where = manifest.where(stem)
        if mode == "absent" and stem in there:
            said = "absent" if where != "manifest.csv" else "nothing"
            message = (
                f"{where}: says {said} of {stem}.csv, which is there: a file that is there must be bulk or delta; take "
                "away what is left of an earlier set, or have the manifest corrected"
            )
            raise SourceUnreadable(message)
        if mode != "absent" and stem not in there:
            message = (
                f"{where}: says that {stem}.csv is {mode}, and it is not there: asked for again; a file that is not "
                "delivered must be absent in the manifest"
            )
            raise SourceIncomplete(message)
    if manifest.version == "1.1" and "roles" in there:
        message = "roles.csv: is there, and the manifest says 1.1, which has no such file: is the set 1.2?"
        raise SourceUnreadable(message)
    users, roles = manifest.modes["users"], manifest.modes.get("roles", "")
    if manifest.version == "1.2" and not manifest.is_delta and users != roles:
        message = (
            f"{manifest.where('roles')}: says that roles.csv is {roles}, and users.csv is {users}: in 1.2 nobody has a "
            "role but by roles.csv, so both must be bulk"
        )
        raise SourceUnreadable(message)
    if not manifest.delivered():
        message = f"manifest.csv: says that {', '.join(FILES)} are all absent: there is nothing to read"
        raise SourceIncomplete(message)
