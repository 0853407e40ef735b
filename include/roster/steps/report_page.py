"""A night's report as a page of Markdown: what happened, counts and reasons, no records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roster.canvas import FILE_NAMES, ID_CHANGES

FILES = (ID_CHANGES, *FILE_NAMES)
ACTIONS = ("create", "update", "drop", "resend", "rename", "park")
MOST_SCHOOLS = 30
"""More than these are told in the report only."""


def as_text(report: Mapping[str, Any]) -> str:
    """The page of a report as `verdict` makes it."""
    return "\n".join(
        [*_head(report), *_files(report), *_schools(report), *_findings(report), *_canvas(report), *_times(report)]
    )


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    outcome = "failed" if report["failed"] else "done"
    yield f"# {report['name']}, {report['date']}: {outcome}\n"
    yield f"Run folder: `{report['run']}`"
    if report["asked"]:
        yield "Asked for: " + ", ".join(f"{name} = {value}" for name, value in report["asked"].items())
    yield ""
    for title, name in (("What failed", "failed"), ("To know", "notices")):
        if report[name]:
            yield f"## {title}\n"
            yield from (f"- {line}" for line in report[name])
            yield ""


def _files(report: Mapping[str, Any]) -> Iterator[str]:
    if not (plan := report["plan"]):
        return
    free: Counter[tuple[str, str]] = Counter()
    besides: dict[str, Counter[str]] = {name: Counter() for name in ("held", "waiting", "left", "frozen")}
    for line in plan["counts"]["changes"]:
        if line["part"] == "free":
            free[line["file"], line["action"]] += line["rows"]
        else:
            besides["held"][line["file"]] += line["rows"]
    for name in ("waiting", "left", "frozen"):
        for line in plan["counts"][name]:
            besides[name][line["file"]] += line["rows"]
    yield "## Plan\n"
    yield "Rows that go, and rows that do not: held for a person, waiting for what they refer to, left although not"
    yield "wanted, frozen by quarantine, term, school or a shared log-in.\n"
    rows = [
        (file, *(free[file, action] for action in ACTIONS), *(counts[file] for counts in besides.values()))
        for file in FILES
    ]
    yield from table(("file", *ACTIONS, *besides), [row for row in rows if any(row[1:])])


def _schools(report: Mapping[str, Any]) -> Iterator[str]:
    if report["schools"]:
        columns = [*ACTIONS, "held", "quarantined", "refused"]
        yield "## By school\n"
        rows = [
            (line["school"] or "(none)", line["name"] or "", *(line[name] for name in columns))
            for line in report["schools"]
        ]
        yield from table(("school", "name", *columns), rows)


def _findings(report: Mapping[str, Any]) -> Iterator[str]:
    if report["check"] and (found := report["check"]["counts"]["findings"]):
        yield "## Findings\n"
        yield "docs/rules.md says what each means; quarantine.csv has the rows that were kept back.\n"
        yield from table(("rule", "records"), sorted(found.items()))


def _canvas(report: Mapping[str, Any]) -> Iterator[str]:
    if load := report["load"]:
        yield "## Canvas\n"
        for one in load["imports"] or [load]:
            yield f"Import {one['import_id'] or 'not needed'}: {one['outcome']}\n"
        yield from table(("", "rows"), [(name, load["counts"][name]) for name in ("rows", "sent", "refused", "doubt")])
        rows = [(line["rule"], line["outcome"], line["rows"], line["advice"]) for line in load["problems"]]
        yield from table(("what Canvas said", "outcome", "rows", "what to do"), rows)


def _times(report: Mapping[str, Any]) -> Iterator[str]:
    if report["seconds"]:
        yield "## Seconds\n"
        yield from table(("step", "seconds"), list(report["seconds"].items()))


def by_file(lines: Sequence[Mapping[str, Any]], words: Mapping[str, str] | None = None) -> Iterator[str]:
    """Rows by file and action, as a table of Markdown. lines: file, action, rows; words: for the actions."""
    totals: Counter[tuple[str, str]] = Counter()
    for line in lines:
        totals[line["file"], line["action"]] += line["rows"]
    actions = [action for action in ACTIONS if any(found == action for _, found in totals)]
    files = [file for file in FILES if any(found == file for found, _ in totals)]
    header = ("file", *((words or {}).get(action, action) for action in actions))
    yield from table(header, [(file, *(totals[file, action] for action in actions)) for file in files])


def by_school(
    lines: Sequence[Mapping[str, Any]], names: Mapping[str, str], words: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Rows by school and action, the schools with most of them first. lines: school, action, rows; words: as above."""
    schools: dict[str | None, Counter[str]] = defaultdict(Counter)
    for line in lines:
        schools[line["school"]][line["action"]] += line["rows"]
    largest = sorted(schools, key=lambda school: (-schools[school].total(), school or ""))
    actions = [action for action in ACTIONS if any(counts[action] for counts in schools.values())]
    header = ("school", "name", *((words or {}).get(action, action) for action in actions))
    rows = [
        (school or "(none)", names.get(school or "", ""), *(schools[school][action] for action in actions))
        for school in largest[:MOST_SCHOOLS]
    ]
    yield from table(header, rows)
    if len(largest) > MOST_SCHOOLS:
        yield f"And {len(largest) - MOST_SCHOOLS} more schools: see the report.\n"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    """A table of Markdown, numbers to the right, 0 as a dot; nothing where there are no rows."""
    if not rows:
        return
    numbers = [all(isinstance(row[place], int | float) for row in rows) for place in range(len(header))]
    yield "| " + " | ".join(header) + " |"
    yield "|" + "|".join("--:" if number else "---" for number in numbers) + "|"
    for row in rows:
        yield "| " + " | ".join("·" if cell == 0 else str(cell).replace("|", "\\|") for cell in row) + " |"
    yield ""
