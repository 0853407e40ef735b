"""What people did in Canvas survives the nights after it: sections cross-listed, two accounts merged into one."""

from __future__ import annotations

from typing import Any

from tests.nights.disturbed import Nights
from tests.nights.small import School, school


def section(nights: Nights, name: str) -> dict[str, Any]:
    (found,) = [one for one in nights.canvas.state()["sections"] if one["section_id"] == name]
    return found


def course_of(nights: Nights, name: str) -> set[str]:
    """In which courses live enrolments of the section are found."""
    enrolled = nights.canvas.state()["enrollments"]
    return {one["course_id"] for one in enrolled if one["section_id"] == name and one["state"] == "active"}


def enrolled(nights: Nights, user: int) -> set[str]:
    """The sections in which Canvas's user is, by number."""
    state = nights.canvas.state()
    ids = {one["user_id"] for one in state["users"] if one["id"] == user}
    return {one["section_id"] for one in state["enrollments"] if one["user_id"] in ids and one["state"] == "active"}


def number_of(nights: Nights, user: str) -> int:
    (found,) = [one["id"] for one in nights.canvas.state()["users"] if one["user_id"] == user]
    return int(found)


def test_a_section_cross_listed_by_hand_stays_whatever_changes_in_it(nights: Nights) -> None:
    nights.play(school())
    nights.canvas.by_hand("cross_list", section="algebra", course="biology")
    tonight = school().retitled("algebra", "algebra anew").joining("algebra", "p02").leaving("algebra", "p01")
    nights.play(tonight)
    there = section(nights, "algebra")
    assert (there["course_id"], there["home_course_id"], there["name"]) == ("biology", "algebra", "algebra anew")
    nights.play(tonight, resync=True)
    assert section(nights, "algebra")["course_id"] == "biology"
    assert course_of(nights, "algebra") == {"biology"}


def merged(nights: Nights) -> tuple[School, int]:
    """p03 (chemistry, drawing) was merged into p01 (algebra, biology): one person with two SIS ids."""
    nights.play(school())
    nights.canvas.by_hand("merge", user="p03", into="p01")
    return school(), number_of(nights, "p01")


def test_two_people_merged_in_canvas_stay_one_and_lose_nothing(nights: Nights) -> None:
    before, person = merged(nights)
    assert enrolled(nights, person) == {"algebra", "biology", "chemistry", "drawing"}
    users = len(nights.canvas.state()["users"])
    nights.play(before)
    nights.play(before, resync=True)
    nights.play(before.renamed("p03", "Byron").joining("algebra", "p03"))
    assert (number_of(nights, "p03"), number_of(nights, "p01")) == (person, person)
    assert len(nights.canvas.state()["users"]) == users
    assert enrolled(nights, person) == {"algebra", "biology", "chemistry", "drawing"}


def test_who_of_two_merged_people_leaves_takes_only_their_own_classes(nights: Nights) -> None:
    before, person = merged(nights)
    nights.play(before.without("p03"))
    assert enrolled(nights, person) == {"algebra", "biology"}
    states = {one["user_id"]: one["state"] for one in nights.canvas.state()["users"] if one["id"] == person}
    assert states == {"p01": "active", "p03": "suspended"}


def test_a_class_that_both_had_goes_with_the_one_who_leaves_until_a_resync(nights: Nights) -> None:
    both = school().joining("algebra", "p03")
    nights.play(both)
    nights.canvas.by_hand("merge", user="p03", into="p01")
    person, after = number_of(nights, "p01"), both.without("p03")
    nights.play(after)
    assert enrolled(nights, person) == {"biology"}
    nights.play(after, resync=True)
    assert enrolled(nights, person) == {"algebra", "biology"}
