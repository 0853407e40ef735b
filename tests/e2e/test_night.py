"""Three nights through a real `airflow standalone`: from nothing in review, live after twelve moves, nothing new."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from roster_sandbox.clever import IdTable
from roster_sandbox.demo import comparison
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.settings import ZONE
from roster_sandbox.demo.stage import PRODUCTION, RELEASE, Played, Stage, play, run_night
from roster_sandbox.district import after, write_clever
from tests.e2e import derived


def report_day(played: Played) -> date:
    assert played.report is not None
    return played.report.day


@pytest.mark.night
@pytest.mark.timeout(1200)
def test_nights_send_what_the_exports_imply_and_nothing_else(stage: Stage, nights: Nights, tmp_path: Path) -> None:
    # Night 1, in review: production is asked for as a whole, and filled when the approver has answered.
    began = play(stage, nights, print)
    assert began.wrong == []
    first = nights.implied(nights.district(1), report_day(began))
    for canvas in (stage.test, stage.production):
        assert comparison.differences(canvas.state(), first, ZONE) == []
    assert (len(first.users), len(first.enrollments), len(first.links)) > (1400, 6000, 800)
    production, release = began.part(PRODUCTION), began.part(RELEASE)
    assert production is not None
    assert release is not None
    assert production.report is not None
    assert release.report is not None
    assert production.report.changes("free") == {}
    assert release.report.changes("free") == production.report.changes("held")
    assert stage.production.upload(1) == stage.test.upload(1)

    # Night 2, live: the twelve moves go by themselves; the school that lost a fifth of its pupils waits.
    moved = play(stage, nights, print)
    assert moved.wrong == []
    assert moved.waits
    second = after(first, nights.implied(nights.district(2), report_day(moved)))
    for number in (1, 2):
        write_clever(nights.district(number), tmp_path / str(number), delivered=datetime.now(UTC))
    contacts = IdTable.read(stage.places.delivery).ids["contacts"]
    expected = derived.sent_between(tmp_path / "1", tmp_path / "2", report_day(moved), contacts)
    for canvas in (stage.test, stage.production):
        assert comparison.differences(canvas.state(), second, ZONE) == []
        sent, rows = derived.unzipped(canvas.upload(2))
        assert sent == expected
        assert rows == sum(len(table) for table in sent.values()) > 30

    # The same delivery once more: nothing is planned but what is held, nothing posted, and nobody asked twice.
    again = run_night(stage, print)
    assert again.wrong == []
    assert again.part(RELEASE) is None
    for part in (again.parts[0], again.part(PRODUCTION)):
        assert part is not None
        assert part.report is not None
        assert part.report.changes("free") == {}
        assert part.report.content["load"]["outcome"] == "nothing to send"
    earlier, now = (one.part(PRODUCTION) for one in (moved, again))
    assert earlier is not None
    assert now is not None
    assert earlier.report is not None
    assert now.report is not None
    assert earlier.report.content["plan"]["held_hash"] == now.report.content["plan"]["held_hash"] is not None
    for canvas in (stage.test, stage.production):
        assert [one["state"] for one in canvas.imports()] == ["imported", "imported"]
        assert set(canvas.posts_by_identifier().values()) == {1}
        assert comparison.differences(canvas.state(), second, ZONE) == []
