"""Tenant files: what they say, and what is said of those that can't be read."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roster.errors import TenantFileWrong
from roster.settings.sync import by_kind
from roster.tenants import Tenant, find_tenant, read_tenant, tenant_files, tenants_folder

WHOLE = """\
id: banksia
name: Banksia Schools
timezone: Australia/Brisbane
sources:
  - {name: clever, system: clever_csv, connection: clever_banksia}
canvas:
  test: {connection: canvas_banksia_test}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROSTER_TENANTS", str(tmp_path))
    return tmp_path


def a_file(folder: Path, text: str, name: str = "banksia") -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(TenantFileWrong) as caught:
        read_tenant(a_file(folder, text))
    return str(caught.value).splitlines()


def test_the_shortest_file_has_the_defaults_that_are_promised(folder: Path) -> None:
    tenant = read_tenant(a_file(folder, WHOLE))
    assert (tenant.safety.deleted, tenant.safety.updated, tenant.safety.refused) == (0.10, 0.75, 0.02)
    assert (tenant.safety.per_school, tenant.safety.at_least) == (True, 10)
    policy = tenant.sync.on_drop
    assert (policy.users, policy.enrollments, policy.sections, policy.courses) == (
        "suspended",
        "inactive",
        "keep",
        "keep",
    )
    assert (tenant.sync.people, tenant.sync.course_memberships, tenant.sync.term_opens) == (True, True, 14)
    assert tenant.sync.authentication_provider is None
    assert tenant.sync.observers.relationships == ()
    assert (tenant.sources[0].shrink, tenant.retention) == (0.02, timedelta(days=30))
    assert tenant.source_names == ("clever",)
    assert str(tenant.zone) == "Australia/Brisbane"
    assert tenant.environment("test").connection == "canvas_banksia_test"
    with pytest.raises(TenantFileWrong, match="has no Canvas environment production"):
        tenant.environment("production")


def test_every_kind_of_value_is_read(folder: Path) -> None:
    more = """\
schedule: null
retention: 2 days
deadline: 90 minutes
safety: {deleted: 7.5%, updated: 100%, per_school: false, at_least: 0}
rules: {class-without-students: note}
sync:
  login_id: {student: username, staff: email, guardian: "{email_name}.parent"}
  ids: {user: "{kind}-{sourced_id}"}
  on_drop: {users: deleted, enrollments: completed, sections: deleted, courses: completed}
"""
    tenant = read_tenant(a_file(folder, WHOLE + more))
    assert (tenant.schedule, tenant.retention, tenant.deadline) == (None, timedelta(days=2), timedelta(minutes=90))
    assert (tenant.safety.deleted, tenant.safety.updated, tenant.safety.at_least) == (0.075, 1.0, 0)
    assert by_kind(tenant.sync.login_id) == {
        "student": "{username}",
        "staff": "{email}",
        "guardian": "{email_name}.parent",
    }
    assert by_kind(tenant.sync.ids.user) == dict.fromkeys(("student", "staff", "guardian"), "{kind}-{sourced_id}")
    assert by_kind(None) == {"student": None, "staff": None, "guardian": None}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("tiemzone: x", "8: tiemzone: is not a key; allowed are: id, name, timezone, schedule, sources"),
        ("sync: {peple: true}", "8: sync.peple: is not a key; allowed are: people, course_memberships"),
        (
            "sync:\n  on_drop:\n    user: deleted",
            "10: sync.on_drop.user: is not a key; allowed are: users, enrollments",
        ),
        ("sync: {on_drop: {users: gone}}", "8: sync.on_drop.users: Input should be 'suspended' or 'deleted'"),
        ("sync:\n  names: nick", "9: sync.names: Input should be 'preferred' or 'legal'"),
        ('sync: {login_id: "{nobody}"}', "8: sync.login_id: names {nobody}; allowed are {sourced_id}"),
        ("sync: {login_id: {student: phone}}", "8: sync.login_id.student: names {phone}; allowed are"),
        ('sync: {ids: {section: "s"}}', "8: sync.ids.section: must name at least one of {class_id}"),
        ('sync: {ids: {section: "{"}}', "8: sync.ids.section: is not a template"),
        ("safety: {updated: 750%}", "8: safety.updated: must be a percentage such as 10%, at most 100%"),
        ("safety: {deleted: 10}", "8: safety.deleted: must be a percentage such as 10%, at most 100%"),
        ("safety: {deleted: many}", "8: safety.deleted: must be a percentage such as 10%, at most 100%"),
        ("safety: {at_least: -1}", "8: safety.at_least: Input should be greater than or equal to 0"),
        ("deadline: 3 fortnights", "8: deadline: must be a time span such as 30 days, 4 hours"),
        ("deadline: 4", "8: deadline: must be a time span"),
        ("deadline: 99999999999 days", "8: deadline: must be a time span"),
        ("rules: {some-rule: maybe}", "8: rules.some-rule: Input should be 'note', 'warn', 'quarantine' or 'stop'"),
        ("schedule: every night", "8: schedule: must be a cron expression"),
    ],
)
def test_a_fault_is_told_with_file_line_key_and_what_is_allowed(folder: Path, more: str, fault: str) -> None:
    (line,) = faults(folder, f"{WHOLE}{more}\n")
    assert line.startswith(f"banksia.yaml:{fault}")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("name: Banksia Schools\n", "", "banksia.yaml:1: name: is missing"),
        ("Australia/Brisbane", "Mars/Base", "banksia.yaml:3: timezone: must be a time zone of the IANA list"),
        ("clever_csv", "clevr", "banksia.yaml:5: sources.0.system: Input should be 'clever'"),
        ("connection: clever_banksia", "conection: x", "banksia.yaml:5: sources.0.c"),
        ("id: banksia", "id: wattle", "banksia.yaml:1: id: must be banksia, the name of the file"),
        ("id: banksia", "id: Banksia-1", "banksia.yaml:1: id: "),
        ("{connection: canvas_banksia_test}", "{}", "banksia.yaml:7: canvas.test.connection: is missing"),
    ],
)
def test_a_fault_in_what_must_be_there_is_told(folder: Path, old: str, new: str, fault: str) -> None:
    assert old in WHOLE
    assert all(line.startswith(fault) for line in faults(folder, WHOLE.replace(old, new)))


def test_every_fault_is_told_at_once(folder: Path) -> None:
    told = faults(folder, WHOLE.replace("Australia/Brisbane", "x") + "safety: {deleted: 1}\nsync:\n  people: perhaps\n")
    assert [line.split(": ")[:2] for line in told] == [
        ["banksia.yaml:3", "timezone"],
        ["banksia.yaml:10", "sync.people"],
        ["banksia.yaml:8", "safety.deleted"],
    ]


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n", "sync: {\n", "a: b: c\n", "\t\n"])
def test_what_is_no_mapping_or_no_yaml_is_told_by_file_and_line(folder: Path, text: str) -> None:
    (line,) = faults(folder, text)
    assert line.startswith("banksia.yaml:")
    assert "must be a mapping of keys" in line or "is not YAML" in line


def test_a_file_that_is_not_utf8_or_not_there_is_told(folder: Path) -> None:
    (folder / "banksia.yaml").write_bytes("name: Ecole Élémentaire".encode("latin-1"))
    with pytest.raises(TenantFileWrong, match=r"banksia\.yaml: is not UTF-8"):
        read_tenant(folder / "banksia.yaml")
    with pytest.raises(TenantFileWrong, match=r"wattle\.yaml: can't be read"):
        read_tenant(folder / "wattle.yaml")


def test_sources_have_different_names(folder: Path) -> None:
    twice = WHOLE.replace("canvas:", "  - {name: clever, system: clever_csv, connection: other}\ncanvas:")
    assert "sources must have different names" in faults(folder, twice)[0]


def test_a_key_that_stands_twice_is_told(folder: Path) -> None:
    assert any("name" in line and "twice" in line for line in faults(folder, f"{WHOLE}name: Other\n"))


def test_a_bad_file_harms_no_other_and_a_tenant_is_found_by_its_id(folder: Path) -> None:
    a_file(folder, WHOLE)
    a_file(folder, "sync: {\n", "wattle")
    (folder / "notes.txt").write_text("no tenant", encoding="utf-8")
    assert [name for name, _ in tenant_files()] == ["banksia", "wattle"]
    assert find_tenant("banksia").name == "Banksia Schools"
    with pytest.raises(TenantFileWrong, match=r"wattle\.yaml:2: is not YAML|wattle\.yaml:1: is not YAML"):
        find_tenant("wattle")
    with pytest.raises(TenantFileWrong, match=r"acacia.* in ROSTER_TENANTS.*: banksia, wattle$"):
        find_tenant("acacia")


def test_the_folder_of_tenants_is_the_environments_or_the_one_beside_the_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    assert tenants_folder() == folder
    monkeypatch.delenv("ROSTER_TENANTS")
    assert tenants_folder() == repository / "include" / "tenants"


def test_a_tenant_is_its_own_after_json(folder: Path) -> None:
    tenant = read_tenant(a_file(folder, WHOLE))
    assert tenant.model_dump(mode="json")["safety"]["deleted"] == 0.10
    with pytest.raises(Exception, match="frozen"):
        tenant.name = "Other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("chat", [("chat", ())]),
        ("null", []),
        ("[]", []),
        ("[chat, slack]", [("chat", ()), ("slack", ())]),
        ("{connection: mail, to: [a@b.example]}", [("mail", ("a@b.example",))]),
        (
            "[chat, {connection: mail, to: [a@b.example, c@d.example]}]",
            [("chat", ()), ("mail", ("a@b.example", "c@d.example"))],
        ),
    ],
)
def test_who_is_told(folder: Path, said: str, told: list[tuple[str, tuple[str, ...]]]) -> None:
    tenant = read_tenant(a_file(folder, f"{WHOLE}notify: {said}\n"))
    assert [(one.connection, one.to) for one in tenant.notify] == told
    assert tenant.ping is None


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("7", "notify: must be the id of a connection, or a list of such ids and of mappings (connection, to)"),
        ("[chat, 7]", "notify: must be the id of a connection, or a list of such ids and of mappings (connection, to)"),
        ("[{connection: mail, too: [x]}]", "notify.0.too: is not a key; allowed are: connection, to"),
        ("[{to: [x]}]", "notify.0.connection: is missing"),
    ],
)
def test_who_is_told_in_another_form(folder: Path, said: str, fault: str) -> None:
    assert faults(folder, f"{WHOLE}notify: {said}\n") == [f"banksia.yaml:8: {fault}"]


@pytest.mark.parametrize("where", ["", ", path: ids.csv, query: SELECT 1"])
def test_a_mapping_of_ids_is_a_file_or_a_query(folder: Path, where: str) -> None:
    said = faults(folder, WHOLE + f"id_changes: {{connection: moves{where}}}\n")
    assert said == ["banksia.yaml:8: id_changes: must have either path or query"]
    file = a_file(folder, WHOLE + "id_changes: {connection: moves, path: ids.csv}\n")
    settings = read_tenant(file).id_changes
    assert settings is not None
    assert (settings.connection, settings.path, settings.query) == ("moves", "ids.csv", None)
    assert faults(folder, WHOLE + "id_changes: {connection: moves, file: ids.csv}\n")[0] == (
        "banksia.yaml:8: id_changes.file: is not a key; allowed are: connection, path, query"
    )


PRODUCTION = "rollout: {approvers: [principal, registrar]}\n"
BOTH = WHOLE + "  production: {connection: canvas_banksia}\n" + PRODUCTION


def aware(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_a_tenant_of_two_environments_is_in_review_until_it_says_otherwise(folder: Path) -> None:
    tenant = read_tenant(a_file(folder, BOTH))
    assert tenant.environment("production").connection == "canvas_banksia"
    assert (tenant.rollout.phase, tenant.rollout.approvers) == ("review", ("principal", "registrar"))
    assert (tenant.is_rehearsed, tenant.load_window, tenant.rollout.answer_within) == (True, None, None)
    assert read_tenant(a_file(folder, BOTH.replace("{approvers", "{phase: live, approvers"))).rollout.phase == "live"


def test_a_tenant_without_a_test_environment_says_so(folder: Path) -> None:
    none = BOTH.replace("test: {connection: canvas_banksia_test}", "test: none")
    tenant = read_tenant(a_file(folder, none))
    assert (tenant.canvas.test, tenant.is_rehearsed) == (None, False)
    with pytest.raises(TenantFileWrong, match="tenant banksia has no Canvas environment test"):
        tenant.environment("test")


@pytest.mark.parametrize("blank", ["", "null", "~", "nothing", '""'])
def test_a_blank_is_no_decision_to_go_without_a_test_environment(folder: Path, blank: str) -> None:
    (line,) = faults(folder, BOTH.replace("{connection: canvas_banksia_test}", blank))
    assert line.startswith(
        "banksia.yaml:7: canvas.test: must be a mapping with connection, or none where there is no test environment"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            BOTH.replace(PRODUCTION, ""),
            "banksia.yaml:1: (file): canvas.production needs somebody who may release: name at least one under",
        ),
        (
            WHOLE.replace("{connection: canvas_banksia_test}", "none"),
            "banksia.yaml:1: (file): canvas has no environment: give canvas.test, canvas.production or both",
        ),
        (BOTH.replace("test: {connection: canvas_banksia_test}\n  ", ""), "banksia.yaml:6: canvas.test: is missing"),
        (
            BOTH.replace("approvers:", "aprovers:"),
            "banksia.yaml:9: rollout.aprovers: is not a key; allowed are: phase,",
        ),
        (
            BOTH.replace("{approvers", "{phase: alive, approvers"),
            "banksia.yaml:9: rollout.phase: Input should be 'review'",
        ),
        (
            BOTH.replace("{approvers", "{answer_within: soon, approvers"),
            "banksia.yaml:9: rollout.answer_within: must be",
        ),
        (BOTH + "load_window: {}\n", "banksia.yaml:10: load_window.not_between: is missing"),
        (
            BOTH + 'load_window: {not_between: ["07:00", "25:00"]}\n',
            "banksia.yaml:10: load_window.not_between.1: must be a time of day such as 07:00",
        ),
        (BOTH + "load_window: {not_between: [noon, '17:00']}\n", "banksia.yaml:10: load_window.not_between.0: must be"),
        (BOTH + "load_window: {not_between: [-1, 1440]}\n", "banksia.yaml:10: load_window.not_between.0: must be"),
        (
            BOTH + 'load_window: {not_between: ["07:00", "07:00"]}\n',
            "banksia.yaml:10: load_window: not_between must be two different times of day",
        ),
    ],
)
def test_a_fault_in_the_roll_out_is_told_by_file_line_and_key(folder: Path, text: str, fault: str) -> None:
    assert any(line.startswith(fault) for line in faults(folder, text)), faults(folder, text)


def test_a_time_of_day_needs_no_quotes(folder: Path) -> None:
    window = read_tenant(a_file(folder, BOTH + "load_window: {not_between: [10:30, 17:00]}\n")).load_window
    assert window is not None
    assert window.not_between == (time(10, 30), time(17))
    quoted = read_tenant(a_file(folder, BOTH + 'load_window: {not_between: ["07:00:00", 17:00]}\n')).load_window
    assert quoted is not None
    assert quoted.not_between == (time(7), time(17))


@pytest.mark.parametrize(
    ("window", "moment", "opens"),
    [
        ("07:00 17:00", "2026-03-02T06:59:59", None),
        ("07:00 17:00", "2026-03-02T07:00:00", "2026-03-02T17:00"),
        ("07:00 17:00", "2026-03-02T16:59:59", "2026-03-02T17:00"),
        ("07:00 17:00", "2026-03-02T17:00:00", None),
        ("22:00 06:00", "2026-03-02T21:59:59", None),
        ("22:00 06:00", "2026-03-02T22:00:00", "2026-03-03T06:00"),
        ("22:00 06:00", "2026-03-03T00:00:00", "2026-03-03T06:00"),
        ("22:00 06:00", "2026-03-03T05:59:59", "2026-03-03T06:00"),
        ("22:00 06:00", "2026-03-03T06:00:00", None),
        ("00:00 06:00", "2026-03-03T00:00:00", "2026-03-03T06:00"),
        ("20:00 00:00", "2026-03-03T23:59:00", "2026-03-04T00:00"),
        # The clock is put forward from 02:00 to 03:00, and back from 03:00 to 02:00.
        ("01:00 05:00", "2026-03-29T01:30:00", "2026-03-29T05:00"),
        ("22:00 05:00", "2026-10-24T23:00:00", "2026-10-25T05:00"),
    ],
)
def test_the_load_window_is_of_the_tenants_day(folder: Path, window: str, moment: str, opens: str | None) -> None:
    begins, ends = window.split()
    text = (
        BOTH.replace("Australia/Brisbane", "Europe/Berlin") + f"load_window: {{not_between: ['{begins}', '{ends}']}}\n"
    )
    found = read_tenant(a_file(folder, text)).opens(aware(moment, "Europe/Berlin").astimezone(UTC))
    assert found == (aware(opens, "Europe/Berlin") if opens else None)


def test_without_a_load_window_it_is_always_open(folder: Path) -> None:
    assert read_tenant(a_file(folder, BOTH)).opens(datetime(2026, 3, 2, 12, tzinfo=UTC)) is None


@given(minutes=st.integers(0, 366 * 24 * 60), begins=st.integers(0, 1439), ends=st.integers(0, 1439))
def test_the_window_opens_later_and_is_open_then(minutes: int, begins: int, ends: int) -> None:
    """All year round, whatever the clock does: who waits until it opens finds it open."""
    if begins == ends:
        return
    tenant = berlin(load_window={"not_between": [begins, ends]})
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    if opens := tenant.opens(moment):
        assert opens.astimezone(UTC) > moment
        assert opens.astimezone(UTC) - moment <= timedelta(days=1, hours=1)
        assert tenant.opens(opens.astimezone(UTC)) is None


def berlin(**keys: Any) -> Tenant:
    return Tenant.model_validate(
        {
            "id": "banksia",
            "name": "Banksia Schools",
            "timezone": "Europe/Berlin",
            "sources": [{"name": "clever", "system": "clever_csv", "connection": "clever_banksia"}],
            "canvas": {"test": {"connection": "t"}, "production": {"connection": "p"}},
            "rollout": {"approvers": ["principal"]},
            **keys,
        }
    )


@pytest.mark.parametrize(
    ("keys", "moment", "until"),
    [
        ({"schedule": "0 2 * * *"}, "2026-03-02T03:00", "2026-03-03T01:30+01:00"),
        ({"schedule": "0 2 * * *"}, "2026-03-02T01:00", "2026-03-02T01:30+01:00"),
        ({"schedule": "0 2 * * *"}, "2026-03-02T01:58", "2026-03-02T02:03+01:00"),  # five minutes at least
        ({"schedule": "0 2 * * 1-5"}, "2026-03-06T03:00", "2026-03-09T01:30+01:00"),
        ({"schedule": None}, "2026-03-02T03:00", "2026-03-02T23:00+01:00"),
        ({"rollout": {"approvers": ["p"], "answer_within": "4 hours"}}, "2026-03-02T03:00", "2026-03-02T07:00+01:00"),
        (
            {"schedule": None, "rollout": {"approvers": ["p"], "answer_within": "3 days"}},
            "2026-03-28T03:00",
            "2026-03-31T04:00+02:00",
        ),
        # The clock is put forward: there is no 02:30, and half an hour before 03:00 it is 01:30.
        ({"schedule": "0 3 * * *"}, "2026-03-28T12:00", "2026-03-29T01:30+01:00"),
        ({"schedule": "0 5 * * *"}, "2026-03-28T12:00", "2026-03-29T04:30+02:00"),
        # It is put back: 02:30 comes twice.
        ({"schedule": "0 3 * * *"}, "2026-10-24T12:00", "2026-10-25T02:30+01:00"),
        ({"schedule": None}, "2026-10-24T12:00", "2026-10-25T07:00+01:00"),
    ],
)
def test_a_request_is_answered_before_the_next_night(keys: dict[str, Any], moment: str, until: str) -> None:
    found = berlin(**keys).answer_until(aware(moment, "Europe/Berlin").astimezone(UTC))
    assert found.astimezone(UTC) == datetime.fromisoformat(until).astimezone(UTC)
