"""Walks over lists that behave, and over those that do not."""

from __future__ import annotations

import gc
from pathlib import Path

import polars as pl
import pytest

from roster.errors import SourceUnreadable
from roster.sources.clever.objects import TABLES
from roster.sources.clever.walking import WALKS, Walked, walk
from tests.benchmarks.clever import decoding
from tests.roster.sources.clever.lists import Answer, Lists

SCHOOLS = [{"id": f"{number:024x}", "sis_id": f"S{number}", "name": f"School {number}"} for number in range(1, 8)]


def walked(lists: Lists, folder: Path, limit: int = 3) -> tuple[Walked, list[str]]:
    found = walk(lists, TABLES["schools"], limit, folder)
    return found, pl.read_parquet(folder / "schools.parquet")["sis_id"].to_list()


def schools() -> Lists:
    return Lists.of(schools=SCHOOLS)


EVERY = [f"S{number}" for number in range(1, 8)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_the_end_is_asked_for_and_the_rows_are_numbered(tmp_path: Path, limit: int) -> None:
    lists = schools()
    found, names = walked(lists, tmp_path, limit)
    assert (found.rows, found.counted, found.broken, found.doubts, names) == (7, 7, [], [], EVERY)
    assert pl.read_parquet(tmp_path / "schools.parquet")["row"].to_list() == list(range(1, 8))
    assert lists.asked[-2].endswith(f"limit={limit}&starting_after={SCHOOLS[-1]['id']}")
    assert len(lists.asked) == -(-7 // limit) + 2


def test_an_empty_list_is_asked_for_twice(tmp_path: Path) -> None:
    lists = Lists.of()
    found, names = walked(lists, tmp_path)
    assert (found.rows, found.broken, found.doubts, names) == (0, [], [], [])
    assert len(lists.asked) == 3


def test_a_page_that_forgets_its_next_link_ends_nothing(tmp_path: Path) -> None:
    lists = schools()
    lists.spoil = lambda _path, answer: answer | {"links": []}
    found, names = walked(lists, tmp_path)
    assert names == EVERY
    assert found.broken == []
    assert found.doubts == ["schools: a page named no next one, and there was one"]


def test_pages_that_go_round_are_no_whole_list(tmp_path: Path) -> None:
    lists = schools()
    lists.spoil = lambda path, answer: answer | {"links": [{"rel": "next", "uri": path}]}
    found, names = walked(lists, tmp_path)
    assert "schools: its pages go round in a circle after 1" in found.broken
    assert names == EVERY[:3]


def test_a_server_that_always_gives_its_first_page(tmp_path: Path) -> None:
    lists = schools()
    first = lists._answer("/v3.1/schools?limit=3") | {"links": []}
    lists.spoil = lambda _path, _answer: dict(first)
    found, names = walked(lists, tmp_path)
    assert "schools: its last page comes again and again" in found.broken
    assert "schools: 3 records came twice, its pages moved while they were read" in found.broken
    assert names == EVERY[:3]


def test_a_walk_that_went_wrong_once_is_made_again(tmp_path: Path) -> None:
    lists, spoiled = schools(), []

    def once(path: str, answer: Answer) -> Answer:
        if "starting_after" in path and not spoiled:
            spoiled.append(path)
            return answer | {"data": answer["data"][1:]}
        return answer

    lists.spoil = once
    found, names = walked(lists, tmp_path)
    assert (found.broken, found.doubts, names) == ([], [], EVERY)


def test_records_that_are_left_out_are_found_by_the_count(tmp_path: Path) -> None:
    lists = schools()
    lists.spoil = lambda _path, answer: (
        answer | {"data": [one for one in answer["data"] if one["data"]["sis_id"] != "S5"]}
    )
    found, _ = walked(lists, tmp_path)
    assert found.broken == ["schools: 6 records were read, Clever counts 7"]
    assert sum("count" in path for path in lists.asked) == WALKS


def test_another_order_loses_nobody_and_proves_nothing(tmp_path: Path) -> None:
    lists = schools()
    lists.spoil = lambda _path, answer: answer | {"data": answer["data"][::-1]}
    found, names = walked(lists, tmp_path, 10)
    assert sorted(names) == EVERY
    assert "schools: its pages are not in the order of their ids" in found.doubts


@pytest.mark.parametrize(
    ("count", "read"),
    [
        ({"count": 7}, 7),
        ({"count": "7"}, 7),
        ({"paging": {"count": 7}}, 7),
        ({"paging": {"total": 7}}, 7),
        ({"count": True}, None),
        ({"count": None, "paging": [7]}, None),
        ({}, None),
    ],
)
def test_a_count_is_taken_where_it_may_stand(tmp_path: Path, count: Answer, read: int | None) -> None:
    lists = schools()
    lists.spoil = lambda path, answer: {"data": answer["data"]} | count if "count" in path else answer
    assert walked(lists, tmp_path)[0].counted == read


def test_a_server_that_does_not_know_count_is_none_the_less_read(tmp_path: Path) -> None:
    lists = schools()

    def refuse(path: str, answer: Answer) -> Answer | bytes:
        return b"<html>" if "count" in path else answer

    lists.spoil = refuse
    found, names = walked(lists, tmp_path)
    assert (found.counted, names) == (None, EVERY)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"data":[', r"page 1 of schools \(9 bytes\) is no whole JSON"),
        (b"\xff\xfe", r"page 1 of schools \(2 bytes\) is no whole JSON"),
        (
            b'{"data":[{"data":{"name":"Secret"}}]}',
            "page 1 of schools is not as Clever's API 3.1 .*missing required field",
        ),
        (b'{"data":[{"data":{"id":"a","name":7}}]}', r"page 1 of schools .* Expected `str \| null`, got `int`"),
        (b"[]", "page 1 of schools is not as Clever's API 3.1 describes it"),
    ],
)
def test_what_is_no_page_is_told_by_its_number_and_never_repeated(tmp_path: Path, body: bytes, said: str) -> None:
    lists = schools()
    lists.spoil = lambda _path, _answer: body
    with pytest.raises(SourceUnreadable, match=said) as raised:
        walked(lists, tmp_path)
    assert "Secret" not in str(raised.value)
    assert gc.isenabled()


def test_a_collector_that_rests_already_is_left_to_rest(tmp_path: Path) -> None:
    gc.disable()
    try:
        walked(schools(), tmp_path)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_server_that_does_not_heed_the_role_gives_no_one_another(tmp_path: Path) -> None:
    users = [
        {"id": "01", "roles": {"student": {"sis_id": "s"}}},
        {"id": "02", "roles": {"teacher": {"sis_id": "t"}}},
    ]
    lists = Lists.of(users=users)
    everyone = lists._answer("/v3.1/users?limit=9")
    lists.spoil = lambda path, answer: everyone if "starting_after" not in path and "count" not in path else answer
    walk(lists, TABLES["students"], 9, tmp_path)
    assert pl.read_parquet(tmp_path / "students.parquet")["id"].to_list() == ["01"]


def test_decoding_takes_a_fraction_of_the_standard_librarys_time() -> None:
    ours, theirs = decoding()
    assert ours <= 0.6 * theirs
