from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from roster.evidence import APART, Evidence, Standing

NIGHT = datetime(2026, 3, 2, 16, tzinfo=UTC)


def an_evidence(
    source: str = "clever", delivery: str = "d1", *, complete: bool = True, proven: bool = True
) -> Evidence:
    return Evidence(
        source=source,
        system="clever_csv",
        delivery=delivery,
        delivered=NIGHT - timedelta(hours=3),
        rows={"students": 17},
        complete=complete,
        proven=proven,
        reasons=() if proven else ("17 rows where there were 80",),
    )


def a_standing(
    when: datetime = NIGHT, delivery: str = "d1", *, complete: bool = True, proven: bool = False
) -> Standing:
    return Standing.of(when, [an_evidence(delivery=delivery, complete=complete, proven=proven)])


def test_an_artefact_is_proven_only_if_every_source_is() -> None:
    both = Standing.of(NIGHT, [an_evidence("clever"), an_evidence("parents")])
    one = Standing.of(NIGHT, [an_evidence("clever"), an_evidence("parents", proven=False)])
    assert (both.complete, both.proven, both.reasons) == (True, True, ())
    assert (one.complete, one.proven, one.reasons) == (True, False, ("17 rows where there were 80",))


def test_a_source_that_was_not_read_whole_proves_nothing_whatever_it_says() -> None:
    standing = Standing.of(NIGHT, [an_evidence(complete=False, proven=True)])
    assert (standing.complete, standing.proven) == (False, False)


def test_no_source_proves_nothing() -> None:
    nothing = Standing.of(NIGHT, [])
    assert (nothing.complete, nothing.proven) == (False, False)
    assert not nothing.confirms(Standing.of(NIGHT + timedelta(days=1), []))


def test_a_stale_source_earns_no_drop_by_itself_or_as_one_of_two_nights() -> None:
    stale = Standing.of(NIGHT + timedelta(days=1), [an_evidence(delivery="d2").carried()])
    assert (stale.complete, stale.proven) == (False, False)
    assert "could not be read tonight" in stale.reasons[-1]
    assert not a_standing(NIGHT).confirms(stale)
    assert not stale.confirms(a_standing(NIGHT + timedelta(days=2), "d3"))


def test_evidence_that_is_marked_stale_but_complete_still_proves_nothing() -> None:
    marked = an_evidence().model_copy(update={"stale": True})
    assert not Standing.of(NIGHT, [marked]).proven


def test_carried_evidence_keeps_what_the_delivery_was() -> None:
    fresh = an_evidence()
    carried = fresh.carried()
    assert (carried.delivery, carried.delivered, carried.rows) == (fresh.delivery, fresh.delivered, fresh.rows)
    assert carried.stale
    assert Evidence.model_validate_json(carried.model_dump_json()) == carried


@pytest.mark.parametrize(
    ("hours", "delivery", "before", "tonight", "confirmed"),
    [
        (24, "d2", True, True, True),
        (12, "d2", True, True, True),
        (11.99, "d2", True, True, False),
        (0, "d2", True, True, False),
        (-24, "d2", True, True, False),
        (24, "d1", True, True, False),
        (24, "d2", False, True, False),
        (24, "d2", True, False, False),
    ],
)
def test_two_full_nights_are_apart_and_of_two_deliveries(
    hours: float, delivery: str, before: bool, tonight: bool, confirmed: bool
) -> None:
    first = a_standing(complete=before)
    second = a_standing(NIGHT + timedelta(hours=hours), delivery, complete=tonight)
    assert first.confirms(second) is confirmed


def test_each_source_has_to_deliver_anew() -> None:
    first = Standing.of(NIGHT, [an_evidence("clever", "c1"), an_evidence("parents", "p1")])
    later = NIGHT + timedelta(days=1)
    assert first.confirms(Standing.of(later, [an_evidence("clever", "c2"), an_evidence("parents", "p2")]))
    assert not first.confirms(Standing.of(later, [an_evidence("clever", "c2"), an_evidence("parents", "p1")]))
    assert not first.confirms(Standing.of(later, [an_evidence("clever", "c2")]))


def test_instants_without_a_zone_are_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        a_standing(NIGHT.replace(tzinfo=None))


standings = st.builds(
    a_standing,
    st.integers(0, 120).map(lambda hours: NIGHT + timedelta(hours=hours)),
    st.sampled_from(["d1", "d2", "d3"]),
    complete=st.booleans(),
    proven=st.booleans(),
)


@given(standings, standings)
def test_no_night_is_confirmed_by_itself_or_by_a_later_one(one: Standing, other: Standing) -> None:
    assert not one.confirms(one)
    assert not (one.confirms(other) and other.confirms(one))
    if one.confirms(other):
        assert other.run_date - one.run_date >= APART
        assert one.complete
        assert other.complete
        assert one.deliveries != other.deliveries


@given(standings)
def test_a_standing_survives_its_json(standing: Standing) -> None:
    assert Standing.model_validate_json(standing.model_dump_json()) == standing


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=4))
def test_proven_means_complete_and_every_source_proven(sources: list[tuple[bool, bool, bool]]) -> None:
    evidence = [
        an_evidence(f"s{number}", complete=complete, proven=proven).model_copy(update={"stale": stale})
        for number, (complete, proven, stale) in enumerate(sources)
    ]
    standing = Standing.of(NIGHT, evidence)
    every = all(complete and proven and not stale for complete, proven, stale in sources)
    assert standing.proven is (bool(sources) and every)
    assert standing.complete or not standing.proven
