"""The report of a run by school: pages that a browser opens from the folder, and lists for a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl

from roster.answers import PROBLEMS
from roster.configuration import configuration_hash, setup_decisions
from roster.plan import FILE_ORDER
from roster.runs import reading
from roster.steps import Night
from roster.steps.census import DONE, PLACE, WANTED, by_school, census
from roster.steps.pages import page
from roster.steps.since import since
from roster.steps.usernames import USERNAMES, usernames
from roster.tenants import Environment

SHOWN = 100
"""Rows of one rule that a page shows; the CSV file has all."""
SINCE = ("school", "what", "before", "now", "difference")
LABELS = {
    "students": "students",
    "staff": "staff",
    "guardians": "guardians",
    "courses": "courses",
    "sections": "sections",
    "enrollments": "enrolments",
    "create": "created",
    "update": "changed",
    "drop": "dropped",
    "resend": "sent again",
    "held": "held",
    "quarantined": "in quarantine",
    "refused": "refused",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def counted(
    night: Night,
    environment: Environment,
    *,
    check: str | None,
    transform: str | None,
    plan: str | None,
    load: str | None,
) -> dict[str, Any]:
    """What the report has from here: environment, configuration (hash, decisions), census and since. Counts only."""
    with ExitStack() as stack:
        folders = {
            name: stack.enter_context(reading(night.store, path))
            for name, path in (("check", check), ("transform", transform), ("plan", plan), ("load", load))
            if path is not None
        }
        changes = pl.read_parquet(folders["plan"] / "changes.parquet") if "plan" in folders else None
        problems = pl.DataFrame(schema=PROBLEMS)
        if "load" in folders:
            problems = pl.read_parquet(folders["load"] / "problems.parquet")
        found = census(night.tenant, folders.get("check"), folders.get("transform"), changes, problems)
    decisions = [
        {"question": question, "answer": answer, "key": key} for question, answer, key in setup_decisions(night.tenant)
    ]
    return {
        "environment": environment,
        "configuration": {"hash": configuration_hash(night.tenant), "decisions": decisions},
        "safety": night.tenant.safety.model_dump(mode="json"),
        "census": found,
        "since": since(night, environment, found),
    }


def write_school_report(
    folder: Path, night: Night, report: Mapping[str, Any], check: str | None, advice: Callable[[str], str]
) -> None:
    """schools.csv, since.csv, usernames.csv, report.html and schools/<school>.html into the folder.

    It has quarantine.csv and messages.csv already, where there is something to tell. advice: what to do by rule.
    """
    names: Sequence[tuple[Any, ...]] = ()
    if check is not None:
        with reading(night.store, check) as checked:
            names = usernames(night.tenant, checked, advice)
    lines = (report["since"] or {}).get("lines", [])
    write_list(folder / "schools.csv", (*PLACE, *WANTED, *DONE), [tuple(line.values()) for line in report["census"]])
    write_list(folder / "since.csv", SINCE, [tuple(line[name] for name in SINCE) for line in lines])
    write_list(folder / "usernames.csv", USERNAMES, names)
    lists = {
        "usernames": [dict(zip(USERNAMES, row, strict=True)) for row in names],
        "quarantine": _read_list(folder / "quarantine.csv"),
        "messages": _read_list(folder / "messages.csv"),
    }
    _write_pages(folder, report, lists, _holds(night, report["folders"]["plan"]))


def page_of(school: str | None) -> str:
    """The file of a school's page, below the report's folder: safe and different for whatever ids there are."""
    if school is None:
        return "schools/none.html"
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", school)[:40].strip("-")
    return f"schools/{readable or 'school'}-{hashlib.sha256(school.encode()).hexdigest()[:8]}.html"


def write_list(target: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file for a spreadsheet."""
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([harmless(cell) for cell in row] for row in rows)


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula, marked as text; anything else as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _read_list(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as content:
        return list(csv.DictReader(content))


def _write_pages(
    folder: Path,
    report: Mapping[str, Any],
    lists: Mapping[str, list[dict[str, Any]]],
    holds: Mapping[str | None, list[tuple[str, int]]],
) -> None:
    schools = by_school(report["census"])
    names = {line["school"]: line["name"] for line in report["census"]}
    total = sum(schools.values(), Counter())
    known = {
        "report": report,
        "schools": schools,
        "names": names,
        "page_of": page_of,
        "labels": LABELS,
        "wanted": WANTED,
        "done": DONE,
        "total": total,
        "columns": [*WANTED, *(name for name in DONE if total[name])],
        "differences": _differences(report["since"]),
    }
    whole = page("report.html").render(known, plan=_plan(report), **_groups(lists))
    (folder / "report.html").write_text(whole, encoding="utf-8")
    (folder / "schools").mkdir()
    template = page("school.html")
    for school, counts in schools.items():
        own = {name: [row for row in rows if (row["school"] or None) == school] for name, rows in lists.items()}
        own_page = template.render(
            known,
            school=school,
            counts=counts,
            terms=[line for line in report["census"] if line["school"] == school],
            plan=_plan(report, school),
            held=holds.get(school, []),
            **_groups(own),
        )
        (folder / page_of(school)).write_text(own_page, encoding="utf-8")


def _groups(lists: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """The lists as a page shows them: by rule, what to do once, then the rows of the source."""

    def place(row: Mapping[str, Any], file: str = "file", number: str = "row") -> str:
        return f"{row[file]}:{row[number]}" if row[number] else str(row[file])

    shaped: dict[str, list[tuple[str, Mapping[str, Any], tuple[Any, ...]]]] = {
        "quarantine": [(row["rule"], row, (place(row), row["detail"])) for row in lists["quarantine"]],
        "usernames": [
            (row["problem"], row, (place(row), row["kind"], row["group"], row["kept back"]))
            for row in lists["usernames"]
        ],
        "messages": [
            (row["rule"], row, (place(row, "source file", "source row"), row["file"], row["outcome"]))
            for row in lists["messages"]
        ],
    }
    found: dict[str, list[Any]] = {}
    for name, rows in shaped.items():
        by_rule: dict[str, dict[str, Any]] = {}
        for rule, row, cells in rows:
            group = by_rule.setdefault(rule, {"rule": rule, "advice": "", "total": 0, "rows": [], "schools": Counter()})
            group["advice"] = group["advice"] or _sentence(row["what to do"])
            group["total"] += 1
            group["schools"][row["school"] or None] += 1
            if group["total"] <= SHOWN:
                group["rows"].append(cells)
        found[name] = list(by_rule.values())
    return found


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].replace("`", "")


def _differences(compared: Mapping[str, Any] | None) -> dict[tuple[Any, str], int]:
    """(school, what) → how many more than the last time; of all schools under the school "*"."""
    found: Counter[tuple[Any, str]] = Counter()
    for line in (compared or {}).get("lines", ()):
        found[line["school"], line["what"]] = line["difference"]
        found["*", line["what"]] += line["difference"]
    return dict(found)


def _plan(report: Mapping[str, Any], *only: str | None) -> list[tuple[str, str, int, int]]:
    """(file, action, rows that go, rows that are held) of the plan, in Canvas's order; of one school if it is given."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for line in report["plan"]["counts"]["changes"] if report["plan"] else ():
        if not only or line["school"] in only:
            found.setdefault((line["file"], line["action"]), Counter())[line["part"]] += line["rows"]
    order = sorted(found, key=lambda place: (FILE_ORDER[place[0]], place[1]))
    return [(*place, found[place]["free"], found[place]["held"]) for place in order]


def _holds(night: Night, plan: str | None) -> dict[str | None, list[tuple[str, int]]]:
    """Why rows of each school are held, and how many."""
    if plan is None:
        return {}
    with reading(night.store, plan) as folder:
        changes = pl.read_parquet(folder / "changes.parquet")
    held = changes.filter(pl.col("part") == "held").explode("holds").group_by("school", "holds").agg(rows=pl.len())
    found: dict[str | None, list[tuple[str, int]]] = {}
    for school, why, rows in held.sort("school", "holds").iter_rows():
        found.setdefault(school, []).append((why, rows))
    return found
