"""What an artefact's sources prove: all together, and for each Canvas file those that bear on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from roster.absence import Proof
from roster.canvas import FILES
from roster.evidence import Evidence, Standing
from roster.plan import Wanted
from roster.runs import artefacts_before, reading
from roster.steps import Night


def standing_of(night: Night, evidence: Mapping[str, Evidence]) -> Standing:
    """Of the whole artefact."""
    return Standing.of(night.run_date, [one.of(night.tenant.source(name).provides) for name, one in evidence.items()])


def standings_of(night: Night, evidence: Mapping[str, Evidence]) -> dict[str, Standing]:
    """By file: of the sources that provide something which decides whether a row of it is there."""
    found = {}
    for module in FILES:
        bearing = []
        for name, one in evidence.items():
            needed = [thing for thing in night.tenant.source(name).provides if thing in module.NEEDS]
            if needed:
                bearing.append(one.of(needed))
        found[module.FILE] = Standing.of(night.run_date, bearing)
    return found


def read_standings(content: Mapping[str, Any]) -> dict[str, Standing]:
    """By file, of what is kept with an artefact; an earlier release kept one for all."""
    kept = content.get("standings") or {module.FILE: content["standing"] for module in FILES}
    return {file: Standing.model_validate(one) for file, one in kept.items()}


def proof(night: Night, standings: Mapping[str, Standing], number: int) -> Proof:
    """What absence from the artefact of that number proves, by itself and with the artefacts before it."""
    open_files = {file for file, one in standings.items() if one.complete and not one.proven}
    seen: dict[str, list[pl.Series]] = {file: [] for file in open_files}
    before: dict[str, pl.Series] = {}
    for entry in artefacts_before(night.store, night.tenant.id, number):
        if not open_files:
            break
        if entry["practice"] or not night.store.exists(f"{entry['path']}/manifest.json"):
            continue
        earlier = read_standings(entry)
        with reading(night.store, entry["path"]) as folder:
            keys = Wanted.read(folder).keys()
        for file in sorted(open_files):
            seen[file].append(keys.filter(pl.col("file") == file)["key"])
            if earlier[file].confirms(standings[file]):
                before[file] = pl.concat(seen[file]).unique()
                open_files.discard(file)
    return Proof(frozenset(file for file, one in standings.items() if one.proven), before)
