"""Plan: the difference between an artefact and a ledger, what of it is free, and the import's rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from roster.canvas.logins import WHOSE, csv
from roster.errors import RequestUnknown
from roster.evidence import Standing
from roster.import_options import NONE, ImportOptions
from roster.journal import OVERRIDING, SENT
from roster.ledger import Ledger
from roster.ledger_rows import live
from roster.plan import Plan, Wanted, Wish, plan
from roster.runs import reading, write_json
from roster.safety import OPEN, Gate, plan_hash
from roster.steps import Done, Night
from roster.steps.standing import proof, read_standings

KINDS_ASKED = {"user": "users.csv", "class": "sections.csv"}


@dataclass(frozen=True)
class Asked:
    """What the run is asked for that concerns the plan. only: a school's id or the name of a request. release,
    released: as in roster.plan.Wish. options: of every import of the plan; a request of
    `roster claim` adds its own.
    """

    resync: bool = False
    only: str | None = None
    release: str | None = None
    released: pl.DataFrame | None = None
    options: ImportOptions = NONE


def make_plan(
    night: Night, transform_path: str, ledger: Ledger, asked: Asked, gate: Gate = OPEN, step_name: str = "plan"
) -> Done:
    """Plan the artefact against the ledger into `plan` (or the step of that name).

    Writes changes.parquet, sent.parquet (the free part, numbered as in the import), waiting.parquet, left.parquet,
    limits.parquet and plan.json (hashes, the ledger's version, counts).
    """
    version, state, rows = ledger.current()
    with reading(night.store, transform_path) as folder, night.run.write(step_name) as step:
        artefact = json.loads((folder / "artefact.json").read_text(encoding="utf-8"))
        wanted = Wanted.read(folder)
        standing = Standing.model_validate(artefact["standing"])
        wish = _wish(night, asked, wanted)
        options = options_of(night, asked)
        if options.update_sis_id_if_login_claimed and wish.only_keys:
            _nobody_known(wanted, rows, wish.only_keys)
        made = plan(
            wanted,
            rows,
            night.tenant,
            run_date=night.run_date,
            sequence=artefact["number"],
            proof=proof(night, read_standings(artefact), artefact["number"]),
            wish=wish,
            gate=gate,
            undone=ledger.undone(rows),
        )
        sent = numbered(made.free)
        for name, frame in (
            ("changes", made.changes),
            ("sent", sent),
            ("waiting", made.waiting),
            ("left", made.left),
            ("limits", made.limits),
        ):
            frame.write_parquet(step.folder / f"{name}.parquet")
        counts = _counts(made, wanted)
        content = {
            "artefact": transform_path,
            "number": artefact["number"],
            "ledger": {"host": ledger.host, "account": ledger.account, "version": version, "state": state},
            "free_hash": plan_hash(sent),
            "stages": [
                {
                    "stage": stage,
                    "hash": plan_hash(rows),
                    "rows": rows.height,
                    "options": _options(options, stage).model_dump(exclude_defaults=True),
                }
                for (stage,), rows in sent.group_by("stage", maintain_order=True)
            ],
            "options": options.model_dump(exclude_defaults=True),
            "held_hash": made.held_hash,
            "released": made.released,
            "narrowed": wish.narrowed,
            "gate": {"everything": list(gate.everything), "drops": list(gate.drops)},
            "standing": standing.model_dump(mode="json"),
            "counts": counts,
        }
        write_json(step.folder, "plan.json", content)
    more = {"held_hash": made.held_hash, "narrowed": wish.narrowed, "released": made.released}
    return {"path": step.path, "counts": counts["totals"] | more}


def _options(options: ImportOptions, stage: object) -> ImportOptions:
    """Of that import of the plan: what people changed by hand and is repaired is written over, and is the source's from
    now on; else Canvas would pass over what the source says of it next.
    """
    if stage != OVERRIDING:
        return options
    clear = not options.add_sis_stickiness
    return options.model_copy(update={"override_sis_stickiness": True, "clear_sis_stickiness": clear})


def numbered(free: pl.DataFrame) -> pl.DataFrame:
    """ledger.SENT of the free changes, in their order: rows of a CSV are numbered from 2, after its header."""
    rows = free.sort("stage", maintain_order=True).with_columns(row=pl.int_range(pl.len()).over("stage", csv()) + 2)
    return rows.select(*SENT).cast(SENT)


def _wish(night: Night, asked: Asked, wanted: Wanted) -> Wish:
    if asked.only is None:
        return Wish(resync=asked.resync, release=asked.release, released=asked.released)
    if content := _request(night, asked):
        keys = asked_keys(wanted, content["kind"], content["id"])
        if content.get("claim"):
            keys &= {("users.csv", content["id"])}
        return Wish(resync=asked.resync, only_keys=keys, release=asked.release)
    school = _school(asked.only, wanted)
    if not any(frame.filter(pl.col("school") == school).height for frame in wanted.rows.values()):
        message = "`only` names neither a school of tonight's roster nor a request that `roster only` wrote"
        raise RequestUnknown(message)
    return Wish(resync=asked.resync, only_school=school, release=asked.release)


def _request(night: Night, asked: Asked) -> dict[str, Any] | None:
    """What `roster only` or `roster claim` wrote under that name; None where it is none of theirs."""
    if asked.only is None:
        return None
    path = f"requests/{night.tenant.id}/{asked.only}.json"
    content: dict[str, Any] | None = night.store.read_json(path) if night.store.exists(path) else None
    return content


def options_of(night: Night, asked: Asked) -> ImportOptions:
    """What the imports of a run are posted with: a claimed log-in is passed on for the one row of its request."""
    claims = bool((_request(night, asked) or {}).get("claim"))
    return asked.options.model_copy(update={"update_sis_id_if_login_claimed": True}) if claims else asked.options


def _nobody_known(wanted: Wanted, ledger: pl.DataFrame, keys: frozenset[tuple[str, str]]) -> None:
    """Raises RequestUnknown where the log-in is that of somebody whom the sync itself has put into Canvas."""
    login = pl.col("row").str.json_path_match("$.login_id").str.to_lowercase()
    mine = [key for file, key in keys if file == "users.csv"]
    asked = wanted.rows["users.csv"].filter(pl.col("key").is_in(mine))["login_id"].str.to_lowercase()
    users = live(ledger).filter((pl.col("file") == "users.csv") & ~pl.col("key").is_in(mine))
    if users.filter(login.is_in(asked.implode())).height:
        message = (
            "the log-in is held by somebody whom this sync has put into Canvas under another id: "
            "if both are one person, write the change of ids into the mapping (docs/ids-that-change.md)"
        )
        raise RequestUnknown(message)


def _school(asked: str, wanted: Wanted) -> str:
    """The school's id in the roster, by that or by the SIS id of its account in Canvas."""
    accounts = wanted.rows.get("accounts.csv", pl.DataFrame(schema={"key": pl.String, "school": pl.String}))
    named = accounts.filter(pl.col("key") == asked)["school"].drop_nulls()
    return str(named[0]) if named.len() else asked


def asked_keys(wanted: Wanted, kind: str, asked_id: str) -> frozenset[tuple[str, str]]:
    """(file, key) of a user or class in Canvas's ids, with further log-ins, enrolments and links.

    Raises RequestUnknown where none of it is wanted.
    """
    file = KINDS_ASKED[kind]
    keys = {(file, asked_id)} if asked_id in wanted.rows.get(file, pl.DataFrame({"key": []}))["key"] else set()
    columns = {
        "users.csv": (WHOSE,),
        "enrollments.csv": ("user_id",),
        "admins.csv": ("user_id",),
        "user_observers.csv": ("observer_id", "student_id"),
    }
    if kind == "class":
        columns = {"xlists.csv": ("section_id",), "enrollments.csv": ("section_id",)}
    for other, names in columns.items():
        if other in wanted.rows:
            there = [pl.col(name) == asked_id for name in names if name in wanted.rows[other].columns]
            rows = wanted.rows[other].filter(pl.any_horizontal(pl.lit(value=False), *there))
            keys |= {(other, key) for key in rows["key"]}
    if not keys:
        message = f"the {kind} that the request names is not among tonight's rows"
        raise RequestUnknown(message)
    return frozenset(keys)


def _counts(made: Plan, wanted: Wanted) -> dict[str, Any]:
    by = made.changes.group_by("file", "school", "action", "why", "part").agg(rows=pl.len())
    held = made.held.explode("holds").group_by(why="holds").agg(rows=pl.len()).sort("why")
    reasons = {
        "waiting": made.waiting.group_by("file").agg(rows=pl.len()),
        "left": made.left.group_by("file", "reason").agg(rows=pl.len()),
        "frozen": wanted.frozen.group_by("file", "reason").agg(rows=pl.len()),
    }
    return {
        "totals": {
            "free": made.free.height,
            "held": made.held.height,
            "waiting": made.waiting.height,
            "left": made.left.height,
            "frozen": wanted.frozen.height,
            "limits": made.limits.filter("tripped").height,
        },
        "changes": by.sort(by.columns, nulls_last=True).to_dicts(),
        "holds": held.to_dicts(),
        "limits": made.limits.filter("tripped").to_dicts(),
        **{name: frame.sort(frame.columns).to_dicts() for name, frame in reasons.items()},
    }
