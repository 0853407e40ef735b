"""Rules about schools."""

from __future__ import annotations

from roster.checks.orgs import org_name_missing, org_unknown_parent
from tests.roster.builders import a_night, a_roster, an_org, found


def test_a_school_without_a_name_is_found() -> None:
    orgs = [an_org("north"), an_org("south", name=None)]
    assert found(org_name_missing(a_night(a_roster(orgs=orgs)))) == ["south"]


def test_a_school_below_something_unknown_is_found() -> None:
    orgs = [an_org("north", parent_id="district"), an_org("south", parent_id="nowhere"), an_org("district")]
    assert found(org_unknown_parent(a_night(a_roster(orgs=orgs)))) == ["south"]
