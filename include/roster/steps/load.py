"""What a load writes: what became of its imports, as the ledger has kept it; and the rows that they carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from roster import answers
from roster.canvas.bundle import linted, write_zip
from roster.canvas.logins import WHOSE, csv
from roster.journal import Settled
from roster.ledger import Ledger
from roster.runs import reading, write_json
from roster.steps import Done, Night
from roster.steps.plan import numbered
from roster.tenants import SafetySettings


def write_load(
    night: Night,
    ledger: Ledger,
    free: pl.DataFrame,
    ended: Sequence[Settled],
    name: str,
    *,
    missed: datetime | None = None,
) -> Done:
    """Write a load's folder from what the ledger keeps of its imports; without one, that there was none.

    What is said of one import is said of the last, or of the one that was lost; counts are of all of them. missed:
    when the window opens that the load came too late for.
    """
    told = [frame for one in ended if (frame := ledger.problems(one)) is not None]
    problems = pl.concat([pl.DataFrame(schema=answers.PROBLEMS), *told])
    facts = _together([one.facts for one in ended])
    counts = {**_row_counts(night, facts), "kept_back": free.height - facts.get("rows", 0)}
    by_rule = problems.group_by("rule", "advice", "outcome").agg(rows=pl.len(), again=pl.col("again").sum())
    imports = [_import_of(one) for one in ended]
    told_of = next((one for one in imports if one["outcome"] == "lost"), imports[-1] if imports else _NO_IMPORT)
    content: dict[str, Any] = {
        **told_of,
        **({"outcome": "missed"} if missed else {}),
        "opens": missed,
        "counts": counts,
        "doubts": facts["doubts"],
        "amiss": facts["amiss"],
        "problems": by_rule.sort("rule").to_dicts(),
        "imports": imports,
    }
    with night.run.write(name) as step:
        for number, one in enumerate(ended, start=1):
            file = "import.zip" if len(ended) == 1 else f"import-{number}.zip"
            write_zip(rows_of(ledger.sent(one)), step.folder / file)
        problems.write_parquet(step.folder / "problems.parquet")
        write_json(step.folder, "load.json", content)
    return {
        "path": step.path,
        "counts": {**counts, "import_id": content["import_id"], "missed": missed is not None},
    }


def settled_since(night: Night, ledger: Ledger, moment: datetime) -> Done:
    """What became of imports of other runs that were settled since then, as `settle`; an empty path if of none.

    Writes settle.json (imports with their counts, and refreshes of test) and problems.parquet (answers.PROBLEMS): a
    night whose load was broken off has reported nothing of it.
    """
    found, refreshed = [], []
    version, _ = ledger.versions()
    while version > 0 and (settled := ledger.settled(version)).settled >= moment:
        if settled.outcome == "refreshed":
            refreshed.append(dict(settled.facts))
        if settled.run != night.run.path and settled.outcome in ("taken", "lost"):
            found.append(settled)
        version -= 1
    counts = {"host": ledger.host, "account": ledger.account, "version": ledger.versions()[0]}
    if not found and not refreshed:
        return {"path": "", "counts": counts}
    imports = [
        {
            "import_id": one.import_id,
            "run": one.run,
            "outcome": one.outcome,
            "counts": _row_counts(night, one.facts),
        }
        for one in found
    ]
    problems = [frame for one in found if (frame := ledger.problems(one)) is not None]
    with night.run.write("settle") as step:
        pl.concat([pl.DataFrame(schema=answers.PROBLEMS), *problems]).write_parquet(step.folder / "problems.parquet")
        write_json(step.folder, "settle.json", {"imports": imports, "refreshed": refreshed})
    return {"path": step.path, "counts": {**counts, "imports": len(imports)}}


def read_strictly(night: Night, plan_path: str) -> Done:
    """Write the import that the whole plan would make into `load` and read it as Canvas would; nothing is sent.

    Raises CanvasRefused where Canvas would refuse a file.
    """
    with reading(night.store, plan_path) as folder:
        changes = pl.read_parquet(folder / "changes.parquet")
    with night.run.write("load") as step:
        write_zip(rows_of(numbered(changes)), step.folder / "import.zip")
        read, amiss = linted(step.folder / "import.zip")
        counts = {**_row_counts(night, {}), "kept_back": 0, "missed": False, "import_id": None}
        content: dict[str, Any] = {
            **_NO_IMPORT,
            "outcome": "read, not sent: there is no test environment",
            "read": read,
            "amiss": amiss,
            "counts": counts,
            "doubts": [],
            "problems": [],
            "imports": [],
        }
        pl.DataFrame(schema=answers.PROBLEMS).write_parquet(step.folder / "problems.parquet")
        write_json(step.folder, "load.json", content)
    return {"path": step.path, "counts": counts}


def rows_of(sent: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The rows of an import by CSV, in their order, as columns of text."""
    tables = {}
    for (name,), rows in sent.group_by(csv().alias("csv"), maintain_order=True):
        columns = dict.fromkeys(name for names in rows["columns"].unique().sort() for name in names.split(","))
        if name == "users.csv":
            columns.pop(WHOSE, None)
        texts = rows["new"].str.json_decode(pl.Struct(dict.fromkeys(columns, pl.String)))
        tables[str(name)] = texts.struct.unnest()
    return tables


def over_budget(newly_refused: int, rows: int, safety: SafetySettings) -> bool:
    """True where Canvas newly refused more rows of a load than the tenant allows."""
    return newly_refused > safety.at_least and newly_refused > rows * safety.refused


_NO_IMPORT: dict[str, Any] = {
    "outcome": "nothing to send",
    **dict.fromkeys(("import_id", "identifier", "version", "workflow_state")),
    "statistics": {},
}


def _import_of(settled: Settled) -> dict[str, Any]:
    """What load.json says of one import."""
    return {
        "outcome": settled.outcome,
        "import_id": settled.import_id,
        "identifier": settled.identifier,
        "version": settled.version,
        "workflow_state": settled.facts.get("workflow_state"),
        "statistics": settled.facts.get("statistics", {}),
    }


def _together(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of several imports as those of one: sums, and all doubts."""
    names = ("rows", "sent", "refused", "newly_refused", "doubt")
    sums = {name: sum(one.get(name, 0) for one in facts) for name in names}
    amiss: Counter[str] = sum((Counter(one.get("amiss", {})) for one in facts), Counter())
    return {**sums, "doubts": [doubt for one in facts for doubt in one.get("doubts", [])], "amiss": dict(amiss)}


def _row_counts(night: Night, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of an import by what became of them, and whether more were newly refused than the tenant allows."""
    counts = {name: facts.get(name, 0) for name in ("rows", "sent", "refused", "newly_refused", "doubt")}
    return {**counts, "over_budget": over_budget(counts["newly_refused"], counts["rows"], night.tenant.safety)}
