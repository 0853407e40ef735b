"""`make bench`: medians of seconds, and the ratios that a test or a page of the docs goes by."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

USERS = 50_000


def main() -> None:
    """Measure, and print a line for each as it is done."""
    with tempfile.TemporaryDirectory(prefix="roster-bench-") as scratch:
        os.environ |= {
            "AIRFLOW_HOME": f"{scratch}/airflow",
            "ROSTER_HOME": f"{scratch}/home",
            "GX_ANALYTICS_ENABLED": "false",
        }
        _parsing(Path(scratch))
        _steps(Path(scratch))
        _clever()
        _sis_db()
        _lint(Path(scratch))


def _lint(folder: Path) -> None:
    from tests.benchmarks.lint import FOUR_MILLION, measured

    found = measured(folder, FOUR_MILLION)
    more = f"{found['peak']:.0f} MB at most, {found['ratio']:.1f} × reading the bytes with Polars"
    _say(f"lint {FOUR_MILLION:,} enrolments", found["seconds"], more)


def _sis_db() -> None:
    from tests.benchmarks.sis_db import TEN_MILLION, measured

    try:
        found = measured(TEN_MILLION)
    except pytest.skip.Exception as why:
        print(why)
        return
    _say("read 10 million enrolments of PostgreSQL (cpu)", found["cpu"], f"{found['peak']:.0f} MB at most")


def _clever() -> None:
    from tests.benchmarks.clever import MILLION, decoding, measured

    ours, theirs = decoding()
    _say("decode 10,000 pupils (processor time)", ours, f"{ours / theirs:.2f} × json of the standard library")
    found = measured(MILLION)
    _say("walk a million pupils (processor time)", found["cpu"], f"{found['peak']:.0f} MB at most")


def _parsing(folder: Path) -> None:
    from tests.benchmarks.parsing import COPIES, measure

    for production, name in ((False, "test alone"), (True, "both environments")):
        (folder / name).mkdir()
        found = measure(folder / name, repeats=5, production=production)
        more = f"{found.ratio:.2f} × as many empty DAGs, of calls {found.ratio_of_calls:.2f} ×; 2 × at most"
        _say(f"parse {COPIES} tenants, {name} (processor time)", found.seconds, more)


def _steps(folder: Path) -> None:
    import polars as pl

    from roster.absence import Proof
    from roster.canvas import FILES, wanted
    from roster.canvas.bundle import write_zip
    from roster.checks import judge
    from roster.journal import in_doubt
    from roster.ledger_rows import LEDGER, moved
    from roster.model import Roster
    from roster.plan import Wanted, plan
    from roster.steps.load import rows_of
    from roster.steps.plan import numbered
    from tests.benchmarks.district import TODAY, district, tenant

    settings, empty, run_date = tenant(), pl.DataFrame(schema=LEDGER), datetime(2026, 3, 3, 2, tzinfo=UTC)
    for name in ("roster", "rows"):
        (folder / name).mkdir()
    counts = district(USERS).write(folder / "roster")
    roster = Roster.read(folder / "roster")
    print(f"\n{counts['users']:,} users, {counts['enrollments']:,} enrolments")
    quarantine = pl.DataFrame(schema={"table": pl.String, "record": pl.String})

    def transform() -> Any:
        return wanted.write(roster, quarantine, settings, TODAY, folder / "rows")

    every = Proof(frozenset(one.FILE for one in FILES))

    def planned(ledger: pl.DataFrame) -> Callable[[], Any]:
        read = Wanted.read(folder / "rows")
        return lambda: plan(read, ledger, settings, run_date=run_date, sequence=1, proof=every)

    _, seconds = _timed(transform, 3)
    _say("transform", seconds)
    first, seconds = _timed(planned(empty), 3)
    _say("plan of a first night", seconds, f"{first.free.height:,} rows")
    sent = numbered(first.free)
    ledger = moved(empty, sent, in_doubt(sent).with_columns(outcome=pl.lit("sent")), 1)
    second, seconds = _timed(planned(ledger), 3)
    _say("plan of a night without change", seconds, f"{second.free.height:,} rows")
    with _shrunken(folder / "rows" / "enrollments.parquet"):
        third, seconds = _timed(planned(ledger), 3)
    _say("plan of a night with drops", seconds, f"{third.changes.height:,} rows")
    _, seconds = _timed(lambda: write_zip(rows_of(sent), folder / "import.zip"), 3)
    _say("bundle", seconds, f"{(folder / 'import.zip').stat().st_size / 1e6:.1f} MB")
    judged, seconds = _timed(lambda: judge(roster, {}, settings, TODAY, last_good_rows=None, docs=None), 1)
    _say("check, Great Expectations' imports included", seconds, f"{judged.findings.height:,} findings")


@contextmanager
def _shrunken(file: Path) -> Iterator[None]:
    """Without every fiftieth row."""
    import polars as pl

    whole = file.read_bytes()
    rows = pl.read_parquet(file)
    rows.filter(pl.int_range(pl.len()) % 50 != 0).write_parquet(file)
    yield
    file.write_bytes(whole)


def _timed(act: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        answer = act()
        took.append(time.perf_counter() - began)
    return answer, statistics.median(took)


def _say(what: str, seconds: float, more: str = "") -> None:
    print(f"{what:<45} {seconds:8.2f} s   {more}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
