from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.templates import by_user_kind, login, matches, text, user_fields, words

USERS = pl.DataFrame(
    {
        "kind": ["student", "staff", "guardian", None],
        "sourced_id": ["s1", "t1", "g1", "x1"],
        "identifier": ["001", None, "003", "004"],
        "username": ["su", "tu", "gu", "xu"],
        "email": ["s.one@a.org", "t@b.org", "g@c.org", "x"],
        "school_id": ["n", "n", None, "n"],
        "sis_id": ["S-1", "T-1", None, "X-1"],
    }
)


def _filled(expression: pl.Expr) -> list[Any]:
    return USERS.select(expression.alias("filled"))["filled"].to_list()


def test_a_template_is_null_where_a_field_is() -> None:
    assert _filled(text("{school_id}/{sourced_id}!", user_fields())) == ["n/s1!", "n/t1!", None, "n/x1!"]


def test_a_template_may_name_the_id_of_the_schools_own_system() -> None:
    assert _filled(text("{sis_id}", user_fields())) == ["S-1", "T-1", None, "X-1"]


def test_doubled_braces_are_braces() -> None:
    assert _filled(text("{{{username}}}", user_fields()))[0] == "{su}"


def test_email_name_is_what_stands_before_the_at() -> None:
    assert _filled(text("{email_name}", user_fields())) == ["s.one", "t", "g", None]


def test_words_leave_no_gap_where_a_field_is_null() -> None:
    assert _filled(words(" {school_id}  {identifier} {username}", user_fields())) == [
        "n 001 su",
        "n tu",
        "003 gu",
        "n 004 xu",
    ]


def test_a_template_by_kind_leaves_the_others_blank() -> None:
    assert _filled(by_user_kind({"student": "{identifier}", "staff": "T-{username}"})) == ["001", "T-tu", None, None]
    assert _filled(by_user_kind("{sourced_id}")) == ["s1", "t1", "g1", None]
    assert set(_filled(by_user_kind(None))) == {None}


def test_a_guardian_s_log_in_is_the_address_unless_a_map_says_else() -> None:
    assert _filled(login("{username}")) == ["su", "tu", "g@c.org", None]
    assert _filled(login({"student": "{username}", "staff": "{username}", "guardian": "{sourced_id}"}))[2] == "g1"


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ((), ""),
        (("S1",), "s1"),
        (("?1",), "s1 t1 g1 x1"),
        (("*1", "q"), "s1 t1 g1 x1"),
        (("t*", "G?"), "t1 g1"),
        (("1",), ""),
    ],
)
def test_patterns_fit_the_whole_text_in_any_case(patterns: tuple[str, ...], found: str) -> None:
    assert USERS.filter(matches("sourced_id", patterns))["sourced_id"].to_list() == found.split()


def test_null_fits_no_pattern() -> None:
    assert USERS.filter(matches("school_id", ("*",))).height == 3


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda drawn: not set(drawn) & set("*?")))
def test_all_but_star_and_question_mark_stand_for_themselves(drawn: str) -> None:
    column = pl.DataFrame({"text": [drawn, drawn + "x"]})

    assert column.select(matches("text", (drawn,)))["text"].to_list() == [True, False]
