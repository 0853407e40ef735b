"""One list to its end, whatever a provider does with limit, offset, Link and X-Total-Count; what shifts is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from roster.sources.oneroster.objects import LISTINGS
from roster.sources.oneroster.paging import Pages, Shifted
from roster.sources.oneroster.service import Answer
from tests.roster.sources.oneroster.replies import Object, Provider, body, thing

ORGS = [thing(f"o-{number:02}", name=f"Org {number}") for number in range(7)]


def a_provider(**more: Any) -> Provider:
    return Provider({"orgs": list(ORGS)}, **more)


def read(provider: Provider, limit: int = 3, *, strict: bool = True) -> tuple[list[str], Pages]:
    pages = Pages(LISTINGS["orgs"], "/orgs", limit, strict)
    return [one.sourced_id for new in pages.read(provider) for one in new], pages


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("most", [1, 2, 5, 7, 1000])
@pytest.mark.parametrize("limit", [1, 3, 6, 7, 1000])
def test_a_list_is_read_whole_whatever_the_provider_tells(
    limit: int, most: int, totals: bool, links: bool, strict: bool
) -> None:
    """A cap, and links that count on by what was asked for, are no trap: a short page is no end."""
    found, pages = read(a_provider(most=most, totals=totals, links=links), limit, strict=strict)
    assert found == [one["sourcedId"] for one in ORGS]
    assert pages.total == (7 if totals else None)
    assert bool(pages.doubts) is not strict


@pytest.mark.parametrize("totals", [True, False])
def test_an_empty_list_is_asked_for_once(totals: bool) -> None:
    provider = Provider({"orgs": []}, totals=totals)
    assert read(provider)[0] == []
    assert len(provider.asked) == 1


def test_what_follows_the_last_record_is_asked_for() -> None:
    provider = a_provider()
    read(provider)
    assert [path.split("&")[1] for path in provider.asked] == ["offset=0", "offset=2", "offset=4", "offset=6"]
    assert all(path.endswith("&sort=sourcedId&orderBy=asc") for path in provider.asked)


def spoiling(at: int, change: Callable[[Answer], Answer]) -> Any:
    return lambda number, _path, answer: change(answer) if number == at else answer


def page(*records: Object) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, body=body("orgs", list(records)))


SHIFTS = {
    "another total": (spoiling(2, lambda answer: replace(answer, total=8)), "7 records in all on one page and 8 on an"),
    "a page again": (spoiling(2, page(*ORGS[:3])), "moved between two pages after 3 records"),
    "a record slipped past": (spoiling(2, page(*ORGS[3:6])), "moved between two pages"),
    "an empty page": (spoiling(3, page()), "moved between two pages after 5 records"),
    "a record within a page twice": (spoiling(1, page(ORGS[0], ORGS[1], ORGS[1])), "had 1 records that came twice"),
}


@pytest.mark.parametrize("what", SHIFTS)
def test_a_list_that_moves_is_told(what: str) -> None:
    spoil, said = SHIFTS[what]
    with pytest.raises(Shifted, match=said):
        read(a_provider(spoil=spoil))


def test_more_and_fewer_records_than_the_total_are_told() -> None:
    def telling(total: int) -> Provider:
        return a_provider(spoil=lambda _number, _path, answer: replace(answer, total=total))

    with pytest.raises(Shifted, match="ended after 7 records of 9"):
        read(telling(9))
    with pytest.raises(Shifted, match="gave 7 records of 6"):
        read(telling(6))
    with pytest.raises(Shifted, match="gave 5 records of 3"):  # the total of the page, not of the list
        read(telling(3))


def test_without_total_a_link_to_nothing_is_told_and_at_last_a_doubt() -> None:
    spoil = spoiling(2, lambda answer: replace(answer, body=body("orgs", []), following=None))
    with pytest.raises(Shifted, match="moved between two pages"):
        read(a_provider(totals=False, spoil=spoil))
    found, pages = read(a_provider(totals=False, spoil=spoil), strict=False)
    assert len(found) == 3
    assert any("its links alone say where it ends" in doubt for doubt in pages.doubts)


def test_a_provider_that_always_names_a_next_page_ends_all_the_same() -> None:
    def always(number: int, _path: str, answer: Answer) -> Answer:
        return replace(answer, following=f"/orgs?offset={number}")

    assert len(read(a_provider(spoil=always))[0]) == 7
    with pytest.raises(Shifted, match="had a link to more after 7 records, where nothing was"):
        read(a_provider(totals=False, spoil=always))
    found, pages = read(a_provider(totals=False, spoil=always), strict=False)
    assert (len(found), len(pages.doubts)) == (7, 2)


class ByCursor:
    """A provider whose links lead on by a word of its own."""

    def __init__(self, total: int | None, circle: bool = False) -> None:
        self._total, self._circle = total, circle

    def get(self, path: str) -> Answer:
        at = int(path.rpartition("cursor=")[2]) if "cursor=" in path else 0
        following = None if at + 2 >= len(ORGS) else f"/orgs?cursor={at if self._circle else at + 2}"
        return Answer(body("orgs", ORGS[at : at + 2]), self._total, following)


class Always:
    """A provider that has one answer."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def get(self, _path: str) -> Answer:
        return self._answer


def test_links_without_offset_are_followed_as_they_are() -> None:
    pages = Pages(LISTINGS["orgs"], "/orgs", 100)
    assert sum(len(new) for new in pages.read(ByCursor(7))) == 7
    assert pages.doubts == []
    pages = Pages(LISTINGS["orgs"], "/orgs", 100)
    assert sum(len(new) for new in pages.read(ByCursor(None))) == 7
    assert pages.doubts == ["orgs has no total, and its links alone say where it ends"]
    with pytest.raises(Shifted, match="ended after 7 records of 9"):
        list(Pages(LISTINGS["orgs"], "/orgs", 100).read(ByCursor(9)))
    empty = Answer(body("orgs", []), None, "/orgs?cursor=here")
    with pytest.raises(Shifted, match="led round in a circle after 0 records"):
        list(Pages(LISTINGS["orgs"], "/orgs", 100).read(Always(empty)))
    with pytest.raises(Shifted, match="2 records that came twice"):
        list(Pages(LISTINGS["orgs"], "/orgs", 100).read(ByCursor(None, circle=True)))
