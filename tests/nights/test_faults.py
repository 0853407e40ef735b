"""Faults of Canvas and of the way there, each followed by a night without: then Canvas is what the source is."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from roster.errors import (
    CanvasBusy,
    CanvasFault,
    CanvasPermissionMissing,
    CanvasRefused,
    CanvasStuck,
    CanvasTokenDead,
    CanvasUnreachable,
)
from tests.nights.disturbed import Nights
from tests.nights.small import School, live, school

BEFORE = school()
TONIGHT = (
    BEFORE.renamed("p01", "Newname")
    .with_pupil("p13", "algebra", "biology")
    .without("p04")
    .leaving("biology", "p02")
    .retitled("drawing", "Drawing and more")
)
THEN = TONIGHT.joining("drawing", "p13").renamed("t1", "Other").leaving("chemistry", "p03")

PLACES = {
    "users": {"method": "GET", "path": "/users$"},
    "post": {"method": "POST", "path": "/sis_imports$"},
    "list": {"method": "GET", "path": "/sis_imports$"},
    "errors": {"method": "GET", "path": "/errors$"},
}
ANSWERS: dict[str, tuple[str, dict[str, Any], type[CanvasFault]]] = {
    "throttled-403": ("throttle", {"status": 403}, CanvasBusy),
    "throttled-429": ("throttle", {"status": 429}, CanvasBusy),
    "500": ("server_error", {}, CanvasBusy),
    "502-html": ("bad_gateway", {"status": 502}, CanvasBusy),
    "503-html": ("bad_gateway", {"status": 503}, CanvasBusy),
    "200-html": ("html_page", {}, CanvasBusy),
    "token-dead": ("token_dead", {}, CanvasTokenDead),
    "no-permission-401": ("no_permission", {"status": 401}, CanvasPermissionMissing),
    "no-permission-403": ("no_permission", {"status": 403}, CanvasPermissionMissing),
    "sis-disabled": ("sis_disabled", {}, CanvasRefused),
    "no-answer": ("answer_lost", {}, CanvasUnreachable),
}


def put_right(nights: Nights, source: School) -> None:
    """A night without faults, after which Canvas is right and nothing is left to do."""
    nights.canvas.clear_faults()
    nights.play(source)
    nights.assert_right(source)
    if nights.held():  # what Canvas may not even have yet trips a limit for small schools, once
        nights.play(source)
        nights.assert_right(source)
    _, plan = nights.plan(source)
    assert (plan["counts"]["free"], plan["counts"]["held"]) == (0, 0)


def test_undisturbed_nights(nights: Nights) -> None:
    first = nights.play(BEFORE)
    assert first["counts"]["sent"] == len(BEFORE.known())
    nights.assert_right(BEFORE)
    second = nights.play(TONIGHT)
    # a name, a title, a pupil with two places; a pupil gone with two places and a guardian's link; a place left
    assert second["counts"]["sent"] == 2 + 3 + 4 + 1
    nights.assert_right(TONIGHT)
    put_right(nights, THEN)
    posted = len(nights.canvas.imports())
    assert nights.play(THEN)["counts"]["rows"] == 0
    assert len(nights.canvas.imports()) == posted == 3


@pytest.mark.parametrize("answer", ["throttled-403", "503-html", "token-dead", "no-permission-401"])
def test_a_canvas_that_can_not_be_looked_at_gets_nothing(nights: Nights, answer: str) -> None:
    name, options, error = ANSWERS[answer]
    nights.canvas.fault(name, **options, **PLACES["users"])

    with pytest.raises(error):
        nights.play(BEFORE)

    assert nights.canvas.imports() == []
    assert nights.loading.ledger.versions() == (0, 0)
    put_right(nights, TONIGHT)


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        *((name, False) for name in ANSWERS if name not in ("502-html", "no-permission-401")),
        ("500", True),
        ("no-answer", True),
    ],
)
def test_a_post_that_fails_all_night(nights: Nights, answer: str, first: bool) -> None:
    name, options, error = ANSWERS[answer]
    if not first:
        nights.play(BEFORE)
    taken = len(nights.canvas.imports())
    nights.canvas.fault(name, **options, **PLACES["post"])

    if answer == "no-answer":  # Canvas's list tells that it was taken
        nights.play(TONIGHT)
        nights.assert_right(TONIGHT)
    else:
        unsure = error is CanvasBusy and not answer.startswith("throttled")
        with pytest.raises(CanvasUnreachable if unsure else error):
            nights.play(TONIGHT)
        assert len(nights.canvas.imports()) == taken
        _, _, rows = nights.loading.ledger.current()
        assert rows.height == (0 if first else len(BEFORE.known()))
        nights.assert_honest()
    put_right(nights, THEN)


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        *(("list", name) for name in ("throttled-429", "500", "token-dead")),
        *(("errors", name) for name in ("throttled-403", "200-html", "no-permission-401", "no-permission-403")),
    ],
)
def test_an_import_whose_end_can_not_be_read(nights: Nights, answer: str, place: str) -> None:
    name, options, error = ANSWERS[answer]
    nights.play(BEFORE)
    night, plan = nights.plan(TONIGHT)
    before_the_post = 1 if place == "list" else 0  # whether Canvas was refreshed
    nights.canvas.fault(name, **options, **PLACES[place], after=before_the_post)

    with pytest.raises(error):
        nights.load(night, plan)

    opened = nights.loading.ledger.open_intent()
    assert opened is not None
    assert nights.canvas.posts_by_identifier()[opened.identifier] == 1
    nights.assert_honest()
    with pytest.raises(error):  # nothing is planned before it is settled
        nights.plan(THEN)
    assert nights.loading.ledger.open_intent() == opened
    put_right(nights, THEN)


@pytest.mark.parametrize(
    ("place", "answer"),
    [
        *(("users", name) for name in ("throttled-403", "200-html")),
        *(("list", name) for name in ("throttled-429", "502-html")),
        *(("errors", name) for name in ("500", "503-html")),
        *(("post", name) for name in ("throttled-403", "503-html", "200-html")),
    ],
)
def test_what_passes_is_waited_out(nights: Nights, answer: str, place: str) -> None:
    name, options, _ = ANSWERS[answer]
    nights.canvas.fault(name, times=2, **options, **PLACES[place])
    nights.play(TONIGHT)
    assert len(nights.canvas.imports()) == 1
    nights.assert_right(TONIGHT)


@pytest.mark.parametrize("after", range(7))
def test_a_token_that_dies_in_the_middle(nights: Nights, after: int) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("token_dead", after=after)
    if after < 6:  # lists before the plan (two) and before the POST; POST, list, errors
        with pytest.raises(CanvasTokenDead):
            nights.play(TONIGHT)
    else:
        nights.play(TONIGHT)
    nights.assert_honest()
    put_right(nights, THEN)


@pytest.mark.parametrize(
    ("name", "options", "counts"),
    [
        ("slow_import", {"seconds": 0.3}, {"sent": 10}),
        ("queue", {"imports": 2, "seconds": 0.1}, {"sent": 10}),
        ("late_attachment", {"seconds": 60}, {"sent": 10}),
        ("refuse_file", {"file": "users"}, {"sent": 5, "refused": 5}),
        ("refuse_file", {"file": "enrollments"}, {"sent": 5, "refused": 5}),
        ("refuse_rows", {"file": "users", "pattern": "p01"}, {"sent": 9, "refused": 1}),
        ("refuse_rows", {"file": "enrollments", "every": 2}, {"sent": 8, "refused": 2}),
        ("refuse_rows", {"message": "Nobody has seen these words before"}, {"refused": 10}),
        ("fail_halfway", {"share": 0.5}, {"doubt": 10}),
        ("fail_halfway", {"share": 1}, {"doubt": 10}),
        ("fail_halfway", {"share": 0.5, "state": "failed_with_messages"}, {"doubt": 10}),
        ("abort_halfway", {"share": 0.3}, {"doubt": 10}),
        ("wrong_counts", {"counts": {"users": -1}}, {"sent": 7, "doubt": 3}),
        ("wrong_counts", {"counts": {"enrollments": 1}}, {"sent": 5, "doubt": 5}),
    ],
)
def test_an_import_that_goes_wrong(nights: Nights, name: str, options: dict[str, Any], counts: dict[str, int]) -> None:
    nights.play(BEFORE)
    nights.canvas.fault(name, **options)

    done = nights.play(TONIGHT)

    expected = {"rows": 10, "sent": 0, "refused": 0, "doubt": 0} | counts
    assert {word: done["counts"][word] for word in expected} == expected
    nights.assert_honest()
    put_right(nights, THEN)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("refuse_file", {"file": "sections"}),
        ("refuse_rows", {"every": 3}),
        ("fail_halfway", {"share": 0.6}),
        ("abort_halfway", {"share": 0.9}),
        ("wrong_counts", {"counts": {"enrollments": -1}}),
    ],
)
def test_a_first_import_that_goes_wrong(nights: Nights, name: str, options: dict[str, Any]) -> None:
    nights.canvas.fault(name, **options)
    nights.play(BEFORE)
    nights.assert_honest()
    put_right(nights, TONIGHT)


def test_all_messages_are_read_and_not_only_those_an_import_shows(nights: Nights) -> None:
    nights.canvas.fault("hidden_messages", keep=0)
    nights.canvas.fault("refuse_rows", file="enrollments")
    done = nights.play(BEFORE)
    assert done["counts"]["refused"] == len(BEFORE.places) > 24
    assert done["counts"]["doubt"] == 0
    assert nights.table(done, "problems.parquet").height == len(BEFORE.places)
    put_right(nights, TONIGHT)


def test_what_canvas_refuses_every_night_is_sent_once_a_night_and_is_new_once(nights: Nights) -> None:
    row = frozenset({("users.csv", "p01")})
    nights.canvas.fault("refuse_rows", file="users", pattern="p01@")
    counts = [nights.play(source)["counts"] for source in (BEFORE, BEFORE, TONIGHT)]
    # without the pupil there is no place and no guardian's link for them either
    assert [one["refused"] for one in counts] == [4, 4, 4]
    assert [one["newly_refused"] for one in counts] == [4, 0, 1]
    apart = row | {key for key in TONIGHT.known() if "p01" in key[1]}
    nights.assert_right(TONIGHT, but=apart)
    put_right(nights, TONIGHT)


@pytest.mark.parametrize("state", ["created", "importing"])
def test_an_import_that_is_stuck_keeps_the_next_night_from_planning(nights: Nights, state: str) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("stuck", state=state)
    nights.patience = 0.2
    with pytest.raises(CanvasStuck):
        nights.play(TONIGHT)
    opened = nights.loading.ledger.open_intent()
    with pytest.raises(CanvasStuck):
        nights.plan(THEN)
    assert nights.loading.ledger.open_intent() == opened is not None
    nights.assert_honest()
    nights.patience = 10
    put_right(nights, THEN)


def test_an_import_that_never_leaves_initializing_counts_as_lost_after_an_hour(nights: Nights) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("stuck", state="initializing", times=1)
    nights.patience = 0.2
    with pytest.raises(CanvasStuck):
        nights.play(TONIGHT)
    nights.clock.forward(minutes=59)
    with pytest.raises(CanvasStuck):
        nights.carry_through(nights.loading.settle_open)
    nights.clock.forward(minutes=2)
    assert nights.carry_through(nights.loading.settle_open) is None
    assert nights.loading.ledger.settled(2).outcome == "lost"
    nights.assert_honest()
    put_right(nights, THEN)


def test_a_lost_import_that_canvas_takes_up_after_all_is_in_doubt_again(nights: Nights, tmp_path: Path) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("stuck", state="initializing", times=1)
    nights.patience = 0
    with pytest.raises(CanvasStuck):
        nights.play(TONIGHT)
    nights.patience = 10
    nights.clock.forward(minutes=61)
    nights.carry_through(nights.loading.settle_open)
    later = TONIGHT.renamed("p01", "Newest")
    put_right(nights, later)
    with sqlite3.connect(tmp_path / "canvas" / "canvas.sqlite") as db:
        db.execute("UPDATE imports SET state = 'created', stuck = NULL WHERE state = 'initializing'")
    db.close()

    nights.play(later)

    assert nights.loading.ledger.settled(4).outcome == "surfaced"
    nights.assert_right(later)
    put_right(nights, THEN)


def test_a_record_in_quarantine_is_left_as_it_is_whatever_goes_wrong(nights: Nights) -> None:
    nights.play(BEFORE)
    nights.canvas.fault("fail_halfway", share=0.5)
    kept = frozenset({("users.csv", "p01")})
    nights.play(TONIGHT, quarantined=kept)
    nights.canvas.clear_faults()
    nights.play(THEN, quarantined=kept)
    nights.assert_right(THEN, but=kept)
    assert live(nights.canvas.state())["users.csv", "p01"] == BEFORE.known()["users.csv", "p01"]
