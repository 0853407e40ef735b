"""How long the linter takes over a large set, and how much memory, beside Polars that only reads the files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FOUR_MILLION = 4_000_000
PEOPLE, SECTIONS = 400_000, 60_000
# In a process of its own: what it has held at most is a number of the process.
TAKE = """
import json, resource, sys, time
from pathlib import Path
import polars as pl
from roster.lint.linting import lint

files = [Path(file) for file in sys.argv[2:]]
began = time.perf_counter()
if sys.argv[1] == "lint":
    report = lint(files)
    assert report.findings == [], [one.rule.id for one in report.findings]
else:
    for file in files:
        pl.read_csv(file, infer_schema=False)
took = time.perf_counter() - began
print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def measured(folder: Path, enrolments: int) -> dict[str, float]:
    """Seconds and megabytes of the linter, and how many times as long as Polars it takes."""
    files = [str(file) for file in written(folder, enrolments)]
    seconds, peak = _taken("lint", files)
    return {"seconds": seconds, "peak": peak, "ratio": seconds / _taken("read", files)[0]}


def written(folder: Path, enrolments: int) -> list[Path]:
    """Users (some with quotes in their names), courses, sections and enrolments without a fault."""
    lines = {
        "users": (
            "user_id,login_id,first_name,last_name,email,status",
            (f'u{n},user{n}@d.example,"First, {n}",Last {n},user{n}@d.example,active' for n in range(PEOPLE)),
        ),
        "courses": (
            "course_id,short_name,long_name,status",
            (f"c{n},C{n},Course {n},active" for n in range(SECTIONS // 2)),
        ),
        "sections": (
            "section_id,course_id,name,status",
            (f"section-{n},c{n // 2},Section {n},active" for n in range(SECTIONS)),
        ),
        "enrollments": (
            "section_id,user_id,role,status",
            (f"section-{(n * 7 + n // PEOPLE) % SECTIONS},u{n % PEOPLE},student,active" for n in range(enrolments)),
        ),
    }
    files = []
    for name, (header, rows) in lines.items():
        file = folder / f"{name}.csv"
        with file.open("w", encoding="utf-8") as content:
            content.write(f"{header}\n")
            content.writelines(f"{row}\n" for row in rows)
        files.append(file)
    return files


def _taken(what: str, files: list[str]) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-c", TAKE, what, *files], capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak
