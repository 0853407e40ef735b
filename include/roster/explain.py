"""Why a row is what it is: from the source's record to Canvas's answer.

What it answers holds personal data; it is made for the eyes of the person who asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from roster.answers import PROBLEMS
from roster.canvas import FILES, ID_CHANGES, KEPT_IN, module
from roster.canvas.change_sis_id import MEANS
from roster.canvas.logins import csv
from roster.errors import RequestUnknown
from roster.journal import Settled
from roster.ledger import Ledger
from roster.ledger_rows import decoded
from roster.runs import Run, read_step, reading
from roster.store import Store

KINDS = {
    "school": "accounts.csv",
    "term": "terms.csv",
    "course": "courses.csv",
    "class": "sections.csv",
    "user": "users.csv",
}


@dataclass(frozen=True)
class Explanation:
    """One record's way. id: in Canvas's ids. run: the folder of the run that was looked at.

    sources: where it comes from, as `source: file:row`, and what of it where that is not all. findings: what the checks
    said of it. wanted: the row that Canvas should have, None where there is none. frozen: why it is left as it is.
    ended: suspended or deleted, where the source says that of the person. planned: what the run planned of it. ledger:
    what Canvas has of it by the ledger, and what it refused or may have. related: rows that refer to it, counted by
    file and what the ledger says of them. messages: what Canvas said of it when it was last sent, be that in an earlier
    run, with what that means and what to do.
    """

    kind: str
    id: str
    run: str
    sources: tuple[str, ...]
    findings: tuple[dict[str, Any], ...]
    wanted: dict[str, Any] | None
    frozen: str | None
    ended: str | None
    planned: tuple[dict[str, Any], ...]
    ledger: dict[str, Any] | None
    related: tuple[dict[str, Any], ...]
    messages: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def newest_run(store: Store, tenant: str, ledger: Ledger) -> Run:
    """The newest run of the tenant that got as far as its plan against this ledger."""
    for name in reversed(store.names(f"runs/{tenant}")):
        run = Run(store, tenant, name)
        if path := run.latest("plan"):
            named = read_step(store, path, "plan.json")["ledger"]
            if (named["host"], named["account"]) == (ledger.host, ledger.account):
                return run
    message = f"no run of {tenant} in ROSTER_HOME has got as far as a plan for {ledger.host}"
    raise RequestUnknown(message)


def explain(run: Run, ledger: Ledger, kind: str, asked_id: str) -> Explanation:
    """What is known of one record, by its id in Canvas or, failing that, in the source. Raises RequestUnknown."""
    file = KINDS[kind]
    with ExitStack() as stack:
        folders = {step: stack.enter_context(reading(run.store, path)) for step, path in _folders(run).items()}
        rows = ledger.current()[2]
        key, record = _find(folders, file, asked_id)
        kept = rows.filter((pl.col("file") == file) & (pl.col("key") == key))
        wanted = _rows(folders["transform"], file).filter(pl.col("key") == key)
        frozen = _table(folders["transform"], "frozen").filter((pl.col("file") == file) & (pl.col("key") == key))
        found = Explanation(
            kind=kind,
            id=key,
            run=run.path,
            sources=_sources(folders["transform"], module(file).TABLE, record),
            findings=_findings(folders.get("check"), module(file).TABLE, record),
            wanted=_wanted(wanted),
            frozen=frozen["reason"][0] if frozen.height else None,
            ended=_ended(folders["transform"], file, key),
            planned=_planned(folders["plan"], file, key),
            ledger=_kept(kept),
            related=_related(rows, file, key),
            messages=_messages(ledger, kept, file, key),
        )
    if not (found.sources or found.findings or found.wanted or found.ledger or found.frozen or found.messages):
        message = f"no {kind} of that id, neither in the last run nor in the ledger"
        raise RequestUnknown(message)
    return found


def _folders(run: Run) -> dict[str, str]:
    """Where the steps lie that led to the run's plan; those before it may be those of a rehearsal."""
    found = {"plan": str(run.latest("plan"))}
    found["transform"] = str(read_step(run.store, found["plan"], "plan.json")["artefact"])
    check = read_step(run.store, found["transform"], "artefact.json")["check"]
    return found | ({"check": check} if run.store.exists(check) else {})


def _find(folders: dict[str, Path], file: str, asked: str) -> tuple[str, str]:
    """(key, record): the asked id as one of Canvas's, else as one of the source's."""
    rows = _rows(folders["transform"], file)
    for column in ("key", "record"):
        hit = rows.filter(pl.col(column) == asked)
        if hit.height:
            return hit["key"][0], hit["record"][0]
    return asked, asked


def _rows(folder: Path, file: str) -> pl.DataFrame:
    path = folder / file.replace(".csv", ".parquet")
    return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema={"key": pl.String, "record": pl.String})


def _ended(folder: Path, file: str, key: str) -> str | None:
    if not (folder / "ended.parquet").exists():  # an artefact of an earlier release
        return None
    said = _table(folder, "ended").filter((pl.col("file") == file) & (pl.col("key") == key))
    return said["status"][0] if said.height else None


def _table(folder: Path | None, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet") if folder else pl.DataFrame()


def _sources(folder: Path, table: str, record: str) -> tuple[str, ...]:
    lines = _table(folder, "lineage").filter((pl.col("table") == table) & (pl.col("record") == record))
    said = lines.select("source", "file", "row", "fields").iter_rows()
    return tuple(f"{source}: {file}:{row}" + _of_fields(fields) for source, file, row, fields in said)


def _of_fields(fields: list[str] | None) -> str:
    """What a source that is not the record's first gave to it."""
    if fields is None:
        return ""
    return f" ({', '.join(fields)})" if fields else " (matched, nothing taken)"


def _findings(folder: Path | None, table: str, record: str) -> tuple[dict[str, Any], ...]:
    if folder is None:
        return ()
    lines = _table(folder, "findings").filter((pl.col("table") == table) & (pl.col("record") == record))
    return tuple(lines.select("rule", "severity", "detail").to_dicts())


def _wanted(rows: pl.DataFrame) -> dict[str, Any] | None:
    if rows.is_empty():
        return None
    return {name: value for name, value in rows.row(0, named=True).items() if name not in ("key", "record", "school")}


def _planned(folder: Path, file: str, key: str) -> tuple[dict[str, Any], ...]:
    here = (pl.col("file") == file) & (pl.col("key") == key)
    changes = _table(folder, "changes").filter(here | _changes_id(file, key))
    changes = changes.select("action", "why", "part", "holds", "old", "new")
    planned = [
        {**line, "old": decoded(line["old"]), "new": decoded(line["new"])} for line in changes.iter_rows(named=True)
    ]
    for name in ("waiting", "left"):
        planned += [{"action": name, "why": reason} for reason in _table(folder, name).filter(here)["reason"]]
    return tuple(planned)


def _changes_id(file: str, key: str) -> pl.Expr:
    """Over CHANGES: True for the row that gives the record that id, or takes it away."""
    new = pl.col("new")
    of_type = new.str.json_path_match("$.type").replace_strict(MEANS, default=None, return_dtype=pl.String) == file
    either = [new.str.json_path_match(f"$.{name}") == key for name in ("old_id", "new_id")]
    return ((pl.col("file") == ID_CHANGES) & of_type & pl.any_horizontal(either)).fill_null(value=False)


def _kept(rows: pl.DataFrame) -> dict[str, Any] | None:
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    return {
        "state": _state(row),
        "has": decoded(row["row"]) or None,
        "may have": decoded(row["doubt"]) or None,
        "refused": decoded(row["refused"]) or None,
    }


def _state(row: dict[str, Any]) -> str:
    if row["doubt"]:
        return "in doubt"
    if row["row"] is None:
        return "refused"
    return "dropped" if row["dropped"] else "live"


def _related(ledger: pl.DataFrame, file: str, key: str) -> tuple[dict[str, Any], ...]:
    counted = []
    for other in FILES:
        for column, target in other.REFERS.items():
            if target != file:
                continue
            refers = pl.coalesce("row", "doubt", "refused").str.json_path_match(f"$.{column}") == key
            rows = ledger.filter((pl.col("file") == other.FILE) & refers)
            states = [_state(row) for row in rows.iter_rows(named=True)]
            counted += [
                {"file": other.FILE, "by": column, "state": state, "rows": states.count(state)}
                for state in sorted(set(states))
            ]
    return tuple(counted)


def _messages(ledger: Ledger, kept: pl.DataFrame, file: str, key: str) -> tuple[dict[str, Any], ...]:
    """What Canvas said in the imports of the newest run that sent the record. kept: its row in the ledger."""
    is_taken = kept.height > 0 and kept["refused"][0] is None and kept["doubt"][0] is None
    told, run = list[dict[str, Any]](), None
    for settled in _imports(ledger):
        if run is not None and settled.run != run:
            break
        if is_taken and not ledger.store.exists(settled.sent):
            break  # what was refused so long ago has been taken since
        if (lines := _said_in(ledger, settled, file, key)) is not None:
            run = settled.run
            about = {"import": settled.import_id, "at": settled.settled.isoformat(timespec="minutes")}
            told += [about | line for line in lines.select("outcome", "rule", "message", "advice").to_dicts()]
    return tuple(told)


def _imports(ledger: Ledger) -> Iterator[Settled]:
    """Those that Canvas ended since it was last written over, newest first, as far back as what it said is kept."""
    for version in range(ledger.versions()[0], 0, -1):
        settled = ledger.settled(version)
        if settled.outcome == "refreshed":
            return
        if settled.outcome == "taken":
            if not ledger.store.exists(str(settled.problems)):
                return
            yield settled


def _said_in(ledger: Ledger, settled: Settled, file: str, key: str) -> pl.DataFrame | None:
    """answers.PROBLEMS of the record in an import; None where it was not in it.

    What was sent is kept for a shorter time than what was said; then a message alone tells that the record was in it.
    """
    here = (pl.col("file").replace(KEPT_IN) == file) & (pl.col("key") == key)
    problems = pl.DataFrame(schema=PROBLEMS) if (said := ledger.problems(settled)) is None else said
    if not ledger.store.exists(settled.sent):
        lines = problems.filter(here)
        return lines if lines.height else None
    rows = ledger.sent(settled).filter(here | _changes_id(file, key)).select("row", file=csv())
    return problems.join(rows, on=["file", "row"], how="semi") if rows.height else None
