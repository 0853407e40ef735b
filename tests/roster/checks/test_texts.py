"""Rules about text that Canvas shows."""

from __future__ import annotations

import pytest

from roster.checks.rule import Rule
from roster.checks.texts import (
    SHOWN,
    text_control_character,
    text_mojibake,
    text_replacement_character,
    text_too_long,
)
from tests.roster.builders import a_class, a_course, a_night, a_roster, a_session, a_tenant, a_user, an_org, found

BUILDERS = {"orgs": an_org, "academic_sessions": a_session, "courses": a_course, "classes": a_class, "users": a_user}
FAULTS = [
    (text_control_character, "Ada\x00"),
    (text_control_character, "Ada\nLee"),
    (text_control_character, "Ada\tLee"),
    (text_control_character, "Ada\x07"),
    (text_control_character, "Ada\x85"),
    (text_replacement_character, "Andr\ufffda"),
    (text_too_long, "a" * 256),
    (text_mojibake, "AndrÃ©a"),
    (text_mojibake, "Oâ€™Hara"),
    (text_mojibake, "NuÃ±ez"),
    (text_mojibake, "Â°C"),
]


@pytest.mark.parametrize(("rule", "text"), FAULTS)
@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, shown in SHOWN.items() for column in shown[1:]]
)
def test_text_that_does_not_go_to_canvas_as_it_is_is_found_in_every_column_shown(
    rule: Rule, text: str, table: str, column: str
) -> None:
    build = BUILDERS[table]
    night = a_night(a_roster(**{table: [build("x"), build("y", **{column: text})]}))
    assert found(rule(night, table)) == ["y"]
    assert rule(night, table).collect()["detail"].to_list() == [column]


def test_an_id_is_text_too() -> None:
    night = a_night(a_roster(users=[a_user("ada", given_name="Ada"), a_user("b\x0bb")]))
    assert found(text_control_character(night, "users")) == ["b\x0bb"]


@pytest.mark.parametrize("name", ["João", "SÃO PAULO", "Ångström", "Łucja", "O’Hara", "李雷", "Ñuñez", "a" * 255, "Â"])
@pytest.mark.parametrize("rule", [text_control_character, text_replacement_character, text_too_long, text_mojibake])
def test_a_name_of_any_script_is_no_fault(rule: Rule, name: str) -> None:
    assert found(rule(a_night(a_roster(users=[a_user("ada", given_name=name)])), "users")) == []


def test_a_preferred_name_counts_only_where_it_is_shown() -> None:
    roster = a_roster(users=[a_user("ada", preferred_given_name="Ad\x07")])
    assert found(text_control_character(a_night(roster, a_tenant(names="preferred")), "users")) == ["ada"]
    assert found(text_control_character(a_night(roster, a_tenant(names="legal")), "users")) == []


def test_what_is_not_shown_is_not_judged() -> None:
    roster = a_roster(users=[a_user("ada", middle_name="M\x07", username="u\x07", email="e\x07")])
    assert found(text_control_character(a_night(roster), "users")) == []
