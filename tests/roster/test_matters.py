"""One message per matter, however many nights it lasts and however many tell of it."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.errors import RunFolderBroken
from roster.matters import DAILY, KEPT, WEEKLY, Kind, Matter, Message, alike, decide, due, untold
from roster.store import Store

DAY = date(2026, 3, 2)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "home"))


def night(number: int) -> date:
    return DAY + timedelta(days=number)


def a_failure(*reasons: str, stands: bool = True) -> Matter:
    return Matter("failure", "fern_canvas_test", "fern_canvas_test failed", stands, reasons, mark=alike(reasons))


def a_request(mark: str = "hash-1", event: str = "", *, stands: bool = True) -> Matter:
    return Matter("request", "production", "45 changes wait", stands, mark=mark, event=event, counts={"users": 45})


def told(store: Store, *nights: list[Matter], remind: timedelta = DAILY) -> list[list[str]]:
    """What is told each night."""
    return [
        [message.state for message in due(store, "fern", matters, night(number), remind)]
        for number, matters in enumerate(nights)
    ]


def test_a_failure_is_told_once_until_it_is_over(store: Store) -> None:
    failed, well = [a_failure("source clever failed")], [a_failure(stands=False)]
    assert told(store, failed, failed, failed, well, well, failed) == [["new"], [], [], ["over"], [], ["new"]]


def test_a_failure_for_other_reasons_is_told_at_once_but_not_for_other_numbers(store: Store) -> None:
    first = [a_failure("Canvas newly refused 31 of 1000 rows")]
    second = [a_failure("Canvas newly refused 32 of 1,001 rows")]
    third = [a_failure("Canvas does not know the token")]
    assert told(store, first, second, third) == [["new"], [], ["changed"]]


def test_what_lasts_is_told_again_after_a_week(store: Store) -> None:
    assert told(store, *[[a_failure("x")]] * 15) == [["new"], *[[]] * 6, ["still"], *[[]] * 6, ["still"]]


def test_ten_nights_of_one_unanswered_request_are_ten_messages(store: Store) -> None:
    """One a day: the night that asks again and the request that timed out are one matter."""
    for number in range(10):
        asked = due(store, "fern", [a_request()], night(number))
        unanswered = due(store, "fern", [a_request()], night(number))
        assert [[m.state for m in asked], unanswered] == [["new" if number == 0 else "still"], []]


def test_in_review_ten_nights_of_it_are_two(store: Store) -> None:
    assert told(store, *[[a_request()]] * 10, remind=WEEKLY) == [["new"], *[[]] * 6, ["still"], [], []]


def test_a_changed_hash_is_told_with_the_reminder(store: Store) -> None:
    due(store, "fern", [a_request("hash-1")], DAY)
    assert due(store, "fern", [a_request("hash-2")], DAY) == []
    [again] = due(store, "fern", [a_request("hash-2")], night(1))
    assert again.title == "45 changes wait, still"
    assert again.lines == ["users 45", "Since 2026-03-02.", "It is not what it was when you were last told."]
    [unchanged] = due(store, "fern", [a_request("hash-2")], night(2))
    assert unchanged.lines == ["users 45", "Since 2026-03-02."]


def test_what_a_person_did_to_a_request_is_told_at_once_each_time(store: Store) -> None:
    due(store, "fern", [a_request()], DAY)
    [rejected] = due(store, "fern", [a_request(event="rejected")], DAY)
    assert rejected.state == "changed"
    assert due(store, "fern", [a_request(event="rejected")], DAY) == []
    assert due(store, "fern", [a_request()], DAY) == []  # the next night asks again
    assert [message.state for message in due(store, "fern", [a_request(event="rejected")], DAY)] == ["changed"]
    [loaded] = due(store, "fern", [a_request(stands=False)], DAY)
    assert loaded.state == "over"


def test_what_happens_and_does_not_last_is_told_once_and_the_next_of_its_kind_is_new(store: Store) -> None:
    first, second = ([Matter("undo", "test", "Import 4 was undone", mark=run)] for run in ("run-1", "run-2"))
    assert told(store, first, first, *[[]] * 8, first, second) == [["new"], [], *[[]] * 8, [], ["new"]]
    (message,) = due(store, "fern", first, night(20))
    assert message.since == night(20)


def test_what_never_stood_is_not_told_to_be_over(store: Store) -> None:
    assert due(store, "fern", [a_failure(stands=False), a_request(stands=False)], DAY) == []
    assert store.names("matters/fern") == []


def test_a_run_leaves_what_it_does_not_speak_of(store: Store) -> None:
    due(store, "fern", [a_failure("x"), a_request()], DAY)
    assert due(store, "fern", [], night(30)) == []
    assert [m.state for m in due(store, "fern", [a_failure(stands=False)], night(31))] == ["over"]
    assert [m.state for m in due(store, "fern", [a_request()], night(31))] == ["still"]


def test_tenants_do_not_share_what_was_told(store: Store) -> None:
    assert len(due(store, "fern", [a_failure("x")], DAY)) == len(due(store, "gum", [a_failure("x")], DAY)) == 1


def test_what_nobody_could_be_told_of_is_due_again(store: Store) -> None:
    for matter in (a_failure("x"), a_failure("y"), a_failure(stands=False)):
        messages = due(store, "fern", [matter], DAY)
        assert len(messages) == 1
        untold(store, "fern", messages)
        assert due(store, "fern", [matter], DAY) == messages
    untold(store, "fern", [])
    assert due(store, "fern", [a_failure(stands=False)], DAY) == []


def test_of_many_who_tell_one_tells(store: Store) -> None:
    found: list[Message] = []
    start = threading.Barrier(8)

    def tell() -> None:
        start.wait()
        found.extend(due(store, "fern", [a_failure("x"), a_request()], DAY))

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(message.matter.kind for message in found) == ["failure", "request"]


@pytest.mark.parametrize("content", [b"{", b'{"failure:x": {"so": 1}}', b"[]"])
def test_a_damaged_memory_tells_once_more(store: Store, content: bytes) -> None:
    due(store, "fern", [a_request()], DAY)
    store.write("matters/fern/00000001.json", content)
    assert [[message.state for message in due(store, "fern", [a_request()], DAY)] for _ in range(2)] == [["new"], []]


def test_few_versions_are_kept(store: Store) -> None:
    for number in range(KEPT + 9):
        due(store, "fern", [a_request()], night(number))
    assert len(store.names("matters/fern")) == KEPT


class NeverFirst(Store):
    """A store in which another writer always was there first."""

    def create(self, path: str, content: bytes) -> bool:
        super().create(path, b"{}")
        return False


def test_who_is_never_first_says_so(tmp_path: Path) -> None:
    store = NeverFirst(str(tmp_path))
    with pytest.raises(RunFolderBroken, match="another writer"):
        due(store, "fern", [a_request()], DAY)
    untold(store, "fern", [Message(a_request(), "new", DAY, None)])


KINDS: list[Kind] = ["failure", "late", "missed", "unreachable", "held", "request"]
matter = st.builds(
    Matter,
    kind=st.sampled_from(KINDS),
    subject=st.sampled_from(["test", "production"]),
    title=st.just("x"),
    stands=st.booleans(),
    mark=st.sampled_from(["one", "two"]),
    event=st.sampled_from(["", "rejected"]),
)


@given(st.lists(st.lists(matter, max_size=4), max_size=12))
def test_between_new_and_over_a_matter_is_never_new(nights: list[list[Matter]]) -> None:
    told, opened = {}, set()
    for number, matters in enumerate(nights):
        messages, told = decide(told, matters, night(number))
        for message in messages:
            assert (message.matter.key in opened) == (message.state != "new")
            (opened.discard if message.state == "over" else opened.add)(message.matter.key)
        assert told.keys() == opened
