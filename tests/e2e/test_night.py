"""Three nights through a real `airflow standalone`: from nothing, after twelve moves, and with nothing new."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from roster_sandbox.demo import comparison
from roster_sandbox.demo.nights import Nights
from roster_sandbox.demo.settings import ZONE
from roster_sandbox.demo.stage import Played, Stage, play, run_night
from roster_sandbox.district import after, implied
from tests.e2e import derived


def report_day(played: Played) -> date:
    assert played.report is not None
    return played.report.day


@pytest.mark.night
@pytest.mark.timeout(900)
def test_nights_send_what_the_exports_imply_and_nothing_else(stage: Stage, nights: Nights, tmp_path: Path) -> None:
    began = play(stage, nights, print)
    assert began.wrong == []
    first = implied(nights.district(1), today=report_day(began))
    assert comparison.differences(stage.canvas.state(), first, ZONE) == []
    assert (len(first.users), len(first.enrollments), len(first.links)) > (1400, 6000, 800)
    shutil.copytree(stage.places.delivery, tmp_path / "one")

    moved = play(stage, nights, print)
    assert moved.wrong == []
    second = after(first, implied(nights.district(2), today=report_day(moved)))
    assert comparison.differences(stage.canvas.state(), second, ZONE) == []
    shutil.copytree(stage.places.delivery, tmp_path / "two")
    sent, rows = derived.unzipped(stage.canvas.upload(2))
    assert sent == derived.sent_between(tmp_path / "one", tmp_path / "two", report_day(moved))
    assert rows == sum(len(table) for table in sent.values()) > 30

    # The same delivery once more: nothing is planned, nothing posted.
    again = run_night(stage, print)
    assert again.report is not None
    assert again.wrong == []
    assert again.report.changes("free") == again.report.changes("held") == {}
    assert again.report.content["load"]["outcome"] == "nothing to send"
    assert [one["state"] for one in stage.canvas.imports()] == ["imported", "imported"]
    assert set(stage.canvas.posts_by_identifier().values()) == {1}
    assert comparison.differences(stage.canvas.state(), second, ZONE) == []
