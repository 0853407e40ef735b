"""From a provider's lists to raw tables and what they prove, and from there to Canvas's files."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from roster.canvas.wanted import write
from roster.checks import judge
from roster.errors import SourceIncomplete, SourceUnreadable
from roster.evidence import Evidence
from roster.sources import Good, system
from roster.sources.oneroster.objects import LISTINGS, flag, keys, text
from roster.sources.oneroster.service import Answer
from roster.sources.oneroster.walking import BULK
from tests.roster.sources.oneroster.replies import LISTS, Object, Provider, as_1_2, body, settings, thing
from tests.roster.sources.oneroster.tenants import a_tenant

NOW = datetime(2026, 2, 2, 9, tzinfo=UTC)
TODAY = date(2026, 2, 2)
V1P2 = {**LISTS, "users": [as_1_2(user) for user in LISTS["users"]]}


def extract(provider: Provider, folder: Path, *, last_good: Evidence | None = None, **more: Any) -> Evidence:
    folder.mkdir(exist_ok=True)
    good = Good(last_good, lambda: nullcontext(folder)) if last_good else None
    return system("oneroster").extract(provider, settings(**more), folder, last_good=good, now=NOW)


def raw(folder: Path, name: str, *columns: str) -> list[Any]:
    return pl.read_parquet(folder / f"{name}.parquet").select(columns).rows()


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_lists_become_raw_tables_and_what_is_counted_is_proven(tmp_path: Path, limit: int) -> None:
    evidence = extract(Provider(), tmp_path / "raw", limit=limit)
    assert (evidence.complete, evidence.proven, evidence.reasons, evidence.silent) == (True, True, (), ())
    assert evidence.rows == {
        "orgs": 2, "academic_sessions": 3, "courses": 2, "classes": 2, "users": 4, "roles": 0, "enrollments": 3,
    }  # fmt: skip
    assert raw(tmp_path / "raw", "users", "sourced_id", "status", "file", "row")[:2] == [
        ("u-ann", "active", "users", 1),
        ("u-bo", "active", "users", 2),
    ]


def test_only_these_lists_are_asked_for(tmp_path: Path) -> None:
    provider = Provider()
    extract(provider, tmp_path / "raw")
    assert {path.split("?")[0] for path in provider.asked} == {f"/{name}" for name in BULK}


def test_passwords_phones_and_other_ids_are_nowhere(tmp_path: Path) -> None:
    extract(Provider(), tmp_path / "raw")
    kept = {
        str(value)
        for file in (tmp_path / "raw").glob("*.parquet")
        for row in pl.read_parquet(file).rows()
        for value in row
    }
    assert not kept & {"pw-ann", "555-1", "ldap-ann", "['07']"}


def files(folder: Path, out: Path, **more: Any) -> dict[str, list[str]]:
    """The lines of Canvas's files."""
    roster = system("oneroster").to_roster(folder, settings(**more))
    tenant = a_tenant(**more, sync={"courses": {"per": "school_term_course"}})
    judged = judge(roster, {"sis": folder}, tenant, TODAY, last_good_rows=None, docs=None)
    out.mkdir()
    write(judged.roster, judged.quarantine, tenant, TODAY, out)
    return {file.stem: file.read_text(encoding="utf-8").splitlines() for file in (out / "csv").iterdir()}


GOLDEN = {
    "accounts": ["account_id,parent_account_id,name,status", "o-1,,Fern Hill,active"],
    "terms": [
        "term_id,name,status,start_date,end_date",
        "s-2,Spring,active,2026-01-31T14:00:00Z,2026-06-29T13:59:59Z",
        "s-y,Year 2026,active,2025-09-30T14:00:00Z,2026-06-30T13:59:59Z",
    ],
    "courses": [
        "course_id,short_name,long_name,account_id,term_id,status",
        "o-1-s-2-c-a,ART8,Art,o-1,s-2,active",
        "o-1-s-y-c-m,MAT7,Mathematics,o-1,s-y,active",
    ],
    "sections": [
        "section_id,course_id,name,status",
        "k-1,o-1-s-y-c-m,Maths 7A,active",
        "k-2,o-1-s-2-c-a,Art 8B,active",
    ],
    "users": [
        "user_id,login_id,first_name,last_name,email,status",
        "u-ann,ann@pupils.example,Ann,Ode,ann@pupils.example,active",
        "u-bo,bo@pupils.example,Bo,Bell,bo@pupils.example,active",
        "u-mia,mia@home.example,Mia,Osei,mia@home.example,active",
        "u-tess,tess@staff.example,Tess,Vaux,tess@staff.example,active",
    ],
    "enrollments": [
        "section_id,user_id,role,status",
        "k-1,u-ann,student,active",
        "k-1,u-tess,teacher,active",
        "k-2,u-bo,student,active",
    ],
    "user_observers": ["observer_id,student_id,status", "u-mia,u-ann,active"],
}


@pytest.mark.usefixtures("rules_only")
@pytest.mark.parametrize(("lists", "version"), [(LISTS, "1.1"), (V1P2, "1.2")])
def test_golden(lists: Any, version: str, tmp_path: Path) -> None:
    assert extract(Provider(lists), tmp_path / "raw", version=version).proven
    assert files(tmp_path / "raw", tmp_path / "out", version=version) == GOLDEN


def test_lineage_names_the_list_and_the_number_in_its_walk(tmp_path: Path) -> None:
    extract(Provider(), tmp_path / "raw", limit=2)
    lineage = system("oneroster").to_roster(tmp_path / "raw", settings()).lineage.collect()
    found = lineage.filter(pl.col("record").is_in(["u-tess", "e-2"])).select("table", "record", "source", "file", "row")
    assert sorted(found.rows()) == [
        ("enrollments", "e-2", "sis", "enrollments", 2),
        ("users", "u-tess", "sis", "users", 5),
    ]


def test_by_school_the_lists_of_each_are_read_and_nobody_twice(tmp_path: Path) -> None:
    """No guardians are in them, so nothing is said of guardians."""
    both = [thing("o-1", type="school", name="Fern Hill"), thing("o-3", type="School", name="Myrtle")]
    users = [
        user | {"orgs": [{"sourcedId": "o-1"}, {"sourcedId": "o-3"}]} if user["sourcedId"] == "u-tess" else user
        for user in LISTS["users"]
    ]
    provider = Provider({**LISTS, "orgs": [*LISTS["orgs"][:1], *both], "users": users})
    evidence = extract(provider, tmp_path / "raw", endpoints="schools")
    assert (evidence.proven, evidence.silent, evidence.rows["users"]) == (True, ("guardians",), 3)
    assert {path.split("?")[0] for path in provider.asked} == {"/orgs", "/academicSessions"} | {
        f"/schools/{school}/{name}"
        for school in ("o-1", "o-3")
        for name in ("courses", "classes", "students", "teachers", "enrollments")
    }
    ids = [row[0] for row in raw(tmp_path / "raw", "users", "sourced_id")]
    assert sorted(ids) == ["u-ann", "u-bo", "u-old", "u-tess"]
    roster = system("oneroster").to_roster(tmp_path / "raw", settings())
    assert roster.guardians.collect().is_empty()


def test_a_school_that_is_gone_is_not_asked_for(tmp_path: Path) -> None:
    provider = Provider()
    extract(provider, tmp_path / "raw", endpoints="schools")
    assert not [path for path in provider.asked if "/schools/o-2/" in path]


def test_the_same_lists_without_totals_are_proven_by_closed_references(tmp_path: Path) -> None:
    assert extract(Provider(totals=False), tmp_path / "raw").proven
    missing = {**LISTS, "users": LISTS["users"][1:]}
    evidence = extract(Provider(missing, totals=False), tmp_path / "open")
    assert (evidence.complete, evidence.proven) == (True, False)
    assert evidence.reasons == ("sis: 1 enrollments name a user that is not in users",)
    assert extract(Provider(missing), tmp_path / "counted").proven


@pytest.mark.parametrize("name", ["orgs", "academicSessions", "courses", "classes", "users", "enrollments"])
def test_a_list_without_records_proves_nothing(tmp_path: Path, name: str) -> None:
    evidence = extract(Provider({**LISTS, name: []}), tmp_path / "raw")
    assert (evidence.complete, evidence.proven) == (False, False)
    assert any("is empty" in reason for reason in evidence.reasons)


def test_a_list_that_was_there_and_is_not_any_more_says_so(tmp_path: Path) -> None:
    good = extract(Provider(V1P2), tmp_path / "good")
    evidence = extract(Provider(), tmp_path / "raw", last_good=good)
    assert evidence.reasons == (
        "sis: roles is empty, the last good night had 4",
        "sis: roles has 4 of 4 less than the last good night (100.0%; 2% is allowed)",
    )


@pytest.mark.parametrize(("lists", "version"), [(LISTS, "1.1"), (V1P2, "1.2")])
def test_who_has_lost_their_role_is_no_proof_that_they_left(lists: Any, version: str, tmp_path: Path) -> None:
    bare = [{name: value for name, value in lists["users"][1].items() if name not in ("role", "roles")}]
    spoilt = {**lists, "users": [lists["users"][0], *bare, *lists["users"][2:]]}
    evidence = extract(Provider(spoilt), tmp_path / "raw", version=version)
    assert (evidence.complete, evidence.proven) == (True, False)
    assert "1 users have no role" in str(evidence.reasons)


def test_all_that_is_marked_as_gone_is_a_shrinkage_like_any_other(tmp_path: Path) -> None:
    good = extract(Provider(), tmp_path / "good")
    gone = [one | {"status": "tobedeleted"} for one in LISTS["enrollments"][:1]] + LISTS["enrollments"][1:]
    evidence = extract(Provider({**LISTS, "enrollments": gone}), tmp_path / "raw", last_good=good)
    assert (evidence.complete, evidence.proven) == (True, False)
    assert "enrollments has 1 of 3 less" in evidence.reasons[0]
    assert extract(Provider({**LISTS, "enrollments": gone}), tmp_path / "raw", last_good=good, shrink="40%").proven


def shifting(times: int, name: str = "users") -> Callable[[int, str, Answer], Answer]:
    """The first answers about a list tell another total than the others."""
    left = [times]

    def spoil(_number: int, path: str, answer: Answer) -> Answer:
        if path.startswith(f"/{name}?") and "offset=0" in path and left[0]:
            left[0] -= 1
            return replace(answer, total=(answer.total or 0) + 1)
        return answer

    return spoil


@pytest.mark.parametrize(("times", "walks"), [(1, 2), (2, 3)])
def test_what_shifts_is_read_again_whole(tmp_path: Path, times: int, walks: int) -> None:
    provider = Provider(spoil=shifting(times))
    evidence = extract(provider, tmp_path / "raw", limit=2)
    assert sum(path.startswith("/orgs?") and "offset=0" in path for path in provider.asked) == walks
    assert evidence.rows["users"] == 4
    assert (evidence.complete, evidence.proven) == (True, walks < 3)
    assert any("comparing its pages" in reason for reason in evidence.reasons) is (walks == 3)


def test_what_shifts_three_times_is_no_delivery(tmp_path: Path) -> None:
    provider = Provider(spoil=shifting(3))
    with pytest.raises(SourceIncomplete, match=r"sis: users had 6 records in all on one page .* read 3 times") as fault:
        extract(provider, tmp_path / "raw", limit=2)
    assert "u-" not in str(fault.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"[]", "page 1 of orgs is not as OneRoster describes it: Expected `object`, got `array`"),
        (b'{"org": {}}', "page 1 of orgs has no list orgs"),
        (b'{"orgs": [{"name": "No Id"}]}', "Object missing required field `sourcedId`"),
        (b'{"orgs": [', "page 1 of orgs .10 bytes. is no whole JSON"),
        (b"\xff\xfe", "is no whole JSON"),
    ],
)
def test_what_is_no_page_says_where_and_repeats_nothing(tmp_path: Path, answer: bytes, said: str) -> None:
    provider = Provider(spoil=lambda _number, _path, _answer: Answer(answer))
    with pytest.raises(SourceUnreadable, match=said) as fault:
        extract(provider, tmp_path / "raw")
    assert "No Id" not in str(fault.value)


def test_what_1_1_left_to_taste_is_taken_as_it_comes() -> None:
    quirky: list[Object] = [
        {
            "sourcedId": 17,
            "enabledUser": 1,
            "givenName": " Zoe\u0308 ",
            "familyName": "",
            "orgs": {"sourcedId": "o-1"},
            "agents": ["u-1", {"sourcedId": 2}, None, "u-1"],
            "roles": {"roleType": "primary", "role": "teacher", "org": "o-9"},
            "identifier": 42,
        },
    ]
    [user] = LISTINGS["users"].decode(body("users", quirky), "page 1")
    row = LISTINGS["users"].row(user)
    assert (row["sourced_id"], row["enabled"], row["given_name"], row["family_name"]) == ("17", True, "Zo\xeb", None)
    assert (row["org_ids"], row["agent_ids"], row["identifier"]) == (["o-1"], ["u-1", "2"], "42")
    assert [flag(word) for word in ("TRUE", False, "0", "perhaps", None)] == [True, False, False, None, None]
    assert (text(None), text("  "), keys(None)) == (None, None, [])
    students = LISTINGS["students"]
    assert students.decode(json.dumps({"students": quirky}).encode(), "page 1")[0].sourced_id == 17


def test_settings() -> None:
    assert settings(version=1.2).version == "1.2"
    for wrong in ({"version": "1.0"}, {"endpoints": "all"}, {"limit": 0}):
        with pytest.raises(ValidationError):
            settings(**wrong)
