"""What is asked and what was answered, as it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from roster.decisions import (
    Decision,
    Request,
    ask_for,
    cleared_in_a_row,
    conclude,
    decision,
    decisions,
    is_approved,
    is_same,
    keep,
    last_answer,
    nothing_held,
    open_request,
    since_of,
)
from roster.errors import RunFolderBroken
from roster.store import Store

AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
NOW = AT + timedelta(days=9)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def a_request(**fields: Any) -> Request:
    return Request(
        **{
            "name": "run-1",
            "host": "canvas.example",
            "account": "7",
            "held_hash": "a" * 64,
            "configuration": "c" * 64,
            "whole": True,
            "artefact": "runs/fern/run-0/transform/attempt-1",
            "number": 3,
            "plan": "runs/fern/run-1/plan/attempt-1",
            "rows": 31,
            "at": AT,
            "since": AT - timedelta(days=2),
            **fields,
        }
    )


def an_answer(store: Store, answer: str, request: Request | None = None, *, outcome: Any = None, days: int = 1) -> str:
    """The name of an answer that is kept."""
    one = Decision.model_validate(
        {
            "name": "release",
            "request": request or a_request(),
            "answer": answer,
            "by": "registrar",
            "at": AT + timedelta(days=days),
            "answered_hash": "a" * 64,
            "shown": "**31 changes**",
            "run": "runs/fern/release",
        }
    )
    name = keep(store, "fern", one).name
    if outcome:
        conclude(store, "fern", name, outcome, "88" if outcome == "loaded" else None)
    return name


def test_the_open_request_is_the_newest_and_goes_when_nothing_is_held(store: Store) -> None:
    assert open_request(store, "fern") is None
    ask_for(store, "fern", a_request(), "runs/fern/run-1/hold/attempt-1")
    ask_for(store, "fern", a_request(name="run-2"), "runs/fern/run-2/hold/attempt-1")
    assert open_request(store, "fern") == (a_request(name="run-2"), "runs/fern/run-2/hold/attempt-1")
    assert open_request(store, "gum") is None
    nothing_held(store, "fern")
    assert open_request(store, "fern") is None


def test_an_answer_is_kept_whole_and_its_end_beside_it(store: Store) -> None:
    name = an_answer(store, "approved")
    kept = decision(store, "fern", name)
    assert (kept.request, kept.by, kept.shown) == (a_request(), "registrar", "**31 changes**")
    assert (kept.outcome, kept.import_id) == (None, None)
    conclude(store, "fern", name, "not loaded", None)
    assert decision(store, "fern", name).outcome == "not loaded"
    conclude(store, "fern", name, "loaded", "88")  # its failed task was cleared
    assert decision(store, "fern", name) == kept.model_copy(update={"outcome": "loaded", "import_id": "88"})
    conclude(store, "fern", name, "not loaded", None)  # cleared once more: it stays loaded
    assert decision(store, "fern", name).outcome == "loaded"
    with pytest.raises(RunFolderBroken):
        decision(store, "fern", "nobody-1")
    with pytest.raises(ValidationError):
        an_answer(store, "perhaps")


def test_forms_that_were_cleared_are_counted_up_to_the_last_answer(store: Store) -> None:
    for day, answer in enumerate(("cleared", "rejected", "cleared", "cleared")):
        an_answer(store, answer, days=day)
    assert cleared_in_a_row(store, "fern", a_request()) == 2
    an_answer(store, "unanswered", days=4)
    assert cleared_in_a_row(store, "fern", a_request()) == 0


def test_answers_of_one_run_have_names_of_their_own_and_none_is_overwritten(store: Store) -> None:
    names = [an_answer(store, answer, days=day) for day, answer in enumerate(("cleared", "rejected", "approved"))]
    assert names == ["release-1", "release-2", "release-3"]
    assert [one.answer for one in decisions(store, "fern")] == ["approved", "rejected", "cleared"]
    assert [*decisions(store, "gum")] == []


@pytest.mark.parametrize(
    "other", [{"held_hash": "b" * 64}, {"host": "canvas.test.example"}, {"account": "8"}, {"configuration": "d" * 64}]
)
def test_an_answer_counts_for_what_shows_the_same(store: Store, other: dict[str, str]) -> None:
    an_answer(store, "rejected")
    an_answer(store, "unanswered", a_request(name="run-2"), days=2)
    found = last_answer(store, "fern", a_request(name="run-3", rows=1, at=NOW))
    assert found is not None
    assert found.answer == "unanswered"
    assert last_answer(store, "fern", a_request(**other)) is None
    assert not is_same(a_request(), a_request(**other))


def approved(store: Store, **asked: str) -> bool:
    return is_approved(
        store, "fern", asked.get("host", "canvas.example"), asked.get("account", "7"), asked.get("of", "c" * 64)
    )


def test_a_configuration_is_approved_by_a_whole_load_into_that_root_account(store: Store) -> None:
    assert not approved(store)
    an_answer(store, "approved", outcome="loaded")
    assert approved(store)
    assert not approved(store, of="d" * 64)
    assert not approved(store, host="canvas.test.example")
    assert not approved(store, account="8")


@pytest.mark.parametrize(
    ("answer", "outcome", "whole"),
    [
        ("approved", None, True),
        ("approved", "not loaded", True),
        ("approved", "outdated", True),
        ("approved", "loaded", False),
        ("rejected", None, True),
    ],
)
def test_nothing_else_approves_a_configuration(store: Store, answer: str, outcome: str | None, whole: bool) -> None:
    an_answer(store, answer, a_request(whole=whole), outcome=outcome)
    assert not approved(store)


def test_the_last_whole_load_decides(store: Store) -> None:
    an_answer(store, "approved", outcome="loaded", days=1)
    an_answer(store, "approved", a_request(configuration="d" * 64), outcome="loaded", days=2)
    an_answer(store, "approved", a_request(whole=False), outcome="loaded", days=3)
    assert not approved(store)
    assert approved(store, of="d" * 64)


def test_who_was_not_answered_waits_since_the_first_request(store: Store) -> None:
    assert since_of(store, "fern", NOW) == NOW
    ask_for(store, "fern", a_request(), "folder")
    assert since_of(store, "fern", NOW) == a_request().since
    nothing_held(store, "fern")
    assert since_of(store, "fern", NOW) == NOW


@pytest.mark.parametrize(
    ("answer", "outcome", "waits"),
    [
        ("unanswered", None, True),
        ("cleared", None, True),
        ("foreign", None, True),
        ("outdated", None, True),
        ("approved", "outdated", True),
        ("approved", "loaded", False),
        ("approved", "not loaded", False),
        ("rejected", None, False),
    ],
)
def test_only_an_answer_that_was_one_ends_the_waiting(
    store: Store, answer: str, outcome: str | None, waits: bool
) -> None:
    ask_for(store, "fern", a_request(), "folder")
    an_answer(store, answer, outcome=outcome)
    assert since_of(store, "fern", NOW) == (a_request().since if waits else NOW)
