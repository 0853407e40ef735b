"""A school of five pupils as a Clever export, written by hand, with a control file: what is absent from it is gone."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

SCHOOL = "sch1"
FAMILY, PARENT = "Quillfeather", "Vanterpool"
"""Family names that stand in nothing but records."""
PUPILS = {"p1": "Aoife", "p2": "Bashir", "p3": "Chidi", "p4": "Dagny", "p5": "Emeka"}
TEACHERS = {"t1": "Thandiwe", "t2": "Ulrika"}
CLASSES = {"c1": "Maths", "c2": "Music"}
PERSONAL = (FAMILY, PARENT, *PUPILS.values(), *TEACHERS.values(), "@five.example")
"""What no log, report or XCom may hold, beside the ids of pupils and teachers."""

Rows = list[list[str]]


def tables(today: date) -> dict[str, Rows]:
    """The export by file, header first; its term runs sixty days either side of today."""
    begin, end = (f"{today + timedelta(days=days):%m/%d/%Y}" for days in (-60, 60))
    pupils = [
        [
            SCHOOL,
            id_,
            FAMILY,
            name,
            f"{name.lower()}@five.example",
            f"{PARENT} {name}",
            f"pa.{name.lower()}@five.example",
        ]
        for id_, name in PUPILS.items()
    ]
    teachers = [[SCHOOL, id_, FAMILY, name, f"{name.lower()}@five.example"] for id_, name in TEACHERS.items()]
    classes = [
        [SCHOOL, id_, teacher, title, title, id_.upper(), "Spring", begin, end]
        for (id_, title), teacher in zip(CLASSES.items(), TEACHERS, strict=True)
    ]
    enrolled = [[SCHOOL, "c1", id_] for id_ in PUPILS] + [[SCHOOL, "c2", "p1"]]
    return {
        "schools.csv": [["School_id", "School_name"], [SCHOOL, "Fern Hill"]],
        "students.csv": [
            [
                *("School_id", "Student_id", "Last_name", "First_name", "Student_email", "Contact_name"),
                *("Contact_email", "Contact_relationship"),
            ],
            *([*row, "Mother"] for row in pupils),
        ],
        "teachers.csv": [["School_id", "Teacher_id", "Last_name", "First_name", "Teacher_email"], *teachers],
        "sections.csv": [
            [
                *("School_id", "Section_id", "Teacher_id", "Name", "Course_name", "Course_number", "Term_name"),
                *("Term_start", "Term_end"),
            ],
            *classes,
        ],
        "enrollments.csv": [["School_id", "Section_id", "Student_id"], *enrolled],
    }


def deliver(folder: Path, content: dict[str, Rows], *, delivered: datetime | None = None) -> Path:
    """Write the export and its control file; delivered an hour ago unless told otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    control = [["File", "Rows"], *([name, str(len(rows) - 1)] for name, rows in content.items())]
    moment = (delivered or datetime.now(UTC) - timedelta(hours=1)).timestamp()
    for name, rows in {**content, "control.csv": control}.items():
        (folder / name).write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
        os.utime(folder / name, (moment, moment))
    return folder


def without(content: dict[str, Rows], *ids: str) -> dict[str, Rows]:
    """The export without the rows that name one of these ids."""
    return {name: [row for row in rows if not set(ids) & set(row)] for name, rows in content.items()}


def changed(content: dict[str, Rows], file: str, id_: str, column: str, value: str) -> dict[str, Rows]:
    """The export with one cell of the rows that name this id."""
    header, *rows = content[file]
    place = header.index(column)
    edited = [[value if at == place and id_ in row else cell for at, cell in enumerate(row)] for row in rows]
    return {**content, file: [header, *edited]}


def tenant_file(folder: Path, id_: str = "fern", **more: Any) -> Path:
    """A tenant of this export, whose connections are `<id>_files` and `<id>_canvas`. more: keys of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "id": id_,
        "name": f"{id_.title()} Schools",
        "timezone": "Australia/Brisbane",
        "schedule": None,
        "sources": [
            {
                "name": "clever",
                "system": "clever_csv",
                "connection": f"{id_}_files",
                "control": "control.csv",
                "shrink": "90%",  # of five one is many
            },
        ],
        "canvas": {"test": {"connection": f"{id_}_canvas", "hosts": ["127.0.0.1"]}},
        "sync": {"observers": {"relationships": ["mother"]}},
        **more,
    }
    file = folder / f"{id_}.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    return file


def connections(url: str, token: str, export: Path, id_: str = "fern") -> dict[str, str]:
    """The connections of that tenant, as environment variables."""
    canvas = {"conn_type": "canvas", "host": url, "password": token}
    return {
        f"AIRFLOW_CONN_{id_.upper()}_FILES": json.dumps({"conn_type": "fs", "extra": {"path": str(export)}}),
        f"AIRFLOW_CONN_{id_.upper()}_CANVAS": json.dumps(canvas),
    }


def live(things: Sequence[dict[str, Any]], key: str) -> list[str]:
    """The SIS ids of what Canvas holds and has not deleted."""
    return sorted(one[key] for one in things if one[key] and one["state"] not in ("deleted", "inactive"))
