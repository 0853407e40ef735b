"""Replies field by field: what becomes of a value, and which replies are errors."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from roster.errors import SourceUnreadable
from roster.sources.tass.replies import kept, listed, lists, opened, part, record, text
from roster.sources.tass.tables import TABLES

WHAT = "getStudents (lms) of company 10"


def value(written: str) -> str | None:
    return text(msgspec.Raw(written.encode()), WHAT, "student_code")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"0009130"', "0009130"),
        ("20073", "20073"),
        ("-1", "-1"),
        ("20073.0", "20073"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ('""', None),
        ('"' + " " * 30 + '"', None),
        ("null", None),
        ("true", "true"),
        ("false", "false"),
        ('" Zoe\\u0308 "', "Zoë"),
        ('"O\'Johnstone"', "O'Johnstone"),
    ],
)
def test_a_value_is_its_text(written: str, read: str | None) -> None:
    assert value(written) == read


@pytest.mark.parametrize("written", ["1.5", "1.0E7", "2E3", "{}", "[1]"])
def test_a_value_that_can_be_no_code_is_an_error(written: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"field student_code is .*, where a text was agreed"):
        value(written)


def test_names_of_fields_may_have_blanks_and_any_case() -> None:
    fields = record(msgspec.Raw(b'{"multipar_flg ": "Y", " SUB_CODE": "0080", "other": {"a": 1.5}}'), WHAT)
    assert kept(fields, ("multipar_flg", "sub_code", "gone"), WHAT) == {
        "multipar_flg": "Y",
        "sub_code": "0080",
        "gone": None,
    }


def test_codes_that_differ_in_case_are_two() -> None:
    parts = opened(b'{"AJ": [1], "aj": [2, 3], "__tassversion": "1", "token": {"code": "all"}}', WHAT, {"code": "ALL"})
    assert [len(listed(one, WHAT)) for one in lists(parts)] == [1, 2]


def test_the_name_of_a_list_may_be_in_any_case() -> None:
    assert listed(part(opened(b'{"STUDENTS": [1, 2]}', WHAT, {}), "students", WHAT), WHAT)


def refused(reply: Any, parameters: dict[str, str] | None = None) -> str:
    body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    with pytest.raises(SourceUnreadable) as raised:
        opened(body, WHAT, parameters or {})
    assert str(raised.value).startswith(WHAT)
    return str(raised.value).removeprefix(WHAT)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"__invalid": {"code": "Invalid Student Code"}}, "code “Invalid Student Code”"),
        ({"__invalid": {"currentstatus": "field is required"}, "students": []}, "currentstatus “field is required”"),
        (
            {"__invalid": {"includephoto": "Value is not a valid boolean."}},
            "includephoto “Value is not a valid boolean”",
        ),
        ({"__msg": "'codeonly' IS REQUIRED"}, "“'codeonly' IS REQUIRED”"),
        ({"__msg": "Communication Rules are not enabled", "token": {}}, "“Communication Rules are not enabled”"),
        ({"error": "invalid", "error_description": "code is required"}, "“code is required”"),
        ({"__invalid": {"Mary Nuñez": "0009130 is unknown"}}, "a parameter with a text that is not shown here"),
        ({"__msg": "Mary Nuñez may not"}, "with a text that is not shown here"),
        ({"error": "Mary"}, "with a text that is not shown here"),
    ],
)
def test_an_error_in_place_of_data_is_told_as_far_as_it_is_nobodys(reply: dict[str, Any], said: str) -> None:
    message = refused(reply)
    assert message.startswith(f": TASS answered with an error in place of data: {said}")
    assert not {"Mary", "0009130"} & set(message.replace(":", " ").split())


def test_an_empty_invalid_and_a_message_beside_data_are_no_errors() -> None:
    body = json.dumps({"__status": "success", "__invalid": {}, "__msg": "1 student", "students": []}).encode()
    assert listed(part(opened(body, WHAT, {}), "students", WHAT), WHAT) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"students": [\n  {"a": "Mary"\n   "b": 1}]}', ":3:4: no JSON any more: Expecting ',' delimiter"),
        (b"", ":1:1: no JSON any more: Expecting value"),
        (b"<html>Mary</html>", ":1:1: no JSON any more: Expecting value"),
        (b'{"students": []} Mary', ":1:18: no JSON any more: Extra data"),
        (b'{"a": "\xff"', ": byte 8 is not UTF-8"),
        (b"[1]", ": the reply is no JSON object"),
        (b'{"a": NaN}', ": the reply (10 bytes) is no JSON"),
    ],
)
def test_what_is_no_json_says_where_and_nothing_of_itself(body: bytes, said: str) -> None:
    message = refused(body)
    assert message.startswith(said)
    assert "Mary" not in message


def test_an_answer_to_something_else_is_an_error() -> None:
    asked = {"currentstatus": "current", "date": "02/03/2026"}
    told = refused({"students": [], "token": {"currentstatus": "past"}}, asked)
    assert "answered another currentstatus than was asked for" in told
    opened(b'{"students": [], "token": {"CURRENTSTATUS": "CURRENT", "date": "17/12/2024"}}', WHAT, asked)
    opened(b'{"students": [], "token": "none"}', WHAT, asked)


@pytest.mark.parametrize(
    ("table", "reply"),
    [
        ("students", {"students": [["Mary"]]}),
        ("students", {"students": {"1": "Mary"}}),
        ("students", {"students": [{"general_details": ["Mary"]}]}),
        ("students", {"students": [{"general_details": {"surname": ["Mary"]}}]}),
        ("student_subjects", {"0009130": ["Mary"]}),
        ("idm_parents", {"parents": ["Mary"]}),
        ("idm_parents", {"parents": [{"7": ["Mary"]}]}),
        ("idm_parents", {"parents": [{"7": {"students": "Mary"}}]}),
        ("idm_parents", {"parents": [{"7": {"students": [{"Mary": 1}]}}]}),
    ],
)
def test_another_shape_than_agreed_is_an_error_without_anybodys_data(table: str, reply: dict[str, Any]) -> None:
    parts = opened(json.dumps(reply).encode(), WHAT, {})
    with pytest.raises(SourceUnreadable) as raised:
        list(TABLES[table].rows(parts, TABLES[table], WHAT))
    assert "Mary" not in str(raised.value)


def test_a_kept_text_that_is_not_utf_8_is_an_error() -> None:
    parts = opened(b'{"students": [{"general_details": {"surname": "Nu\xf1ez", "religion": "\xff"}}]}', WHAT, {})
    with pytest.raises(SourceUnreadable, match="a part of the reply has another shape"):
        list(TABLES["students"].rows(parts, TABLES["students"], WHAT))
