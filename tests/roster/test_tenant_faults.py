"""What a person is told who mistyped in a tenant file."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.errors import TenantFileWrong
from roster.tenants import read_tenant

WHOLE = """\
id: fern
name: Fern
timezone: Australia/Brisbane
sources:
  - {name: clever, system: clever_csv, connection: files}
canvas: {test: {connection: canvas}}
"""


def fault(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "fern.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TenantFileWrong) as raised:
        read_tenant(file)
    return str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("safety: {deleted: 10}", "7: safety.deleted: must be a percentage such as 10%, at most 100%"),
        ("safety: {deleted: ten}", "7: safety.deleted: must be a percentage such as 10%, at most 100%"),
        ("retention: 30", "7: retention: must be a time span such as 30 days, 4 hours, 90 minutes or 60 seconds"),
        ("schedule: 0 2 * *", "7: schedule: must be a cron expression of five fields, such as 0 2 * * *, or @daily"),
        ("schedule: 0 2 31 2 *", "7: schedule: must be a cron expression of five fields, such as 0 2 * * *, or @daily"),
        ("schedule: '@noon'", "7: schedule: must be a cron expression of five fields, such as 0 2 * * *, or @daily"),
        ("sync:\n  courses:\n    per: term", "9: sync.courses.per: Input should be 'section' or 'school_term_course'"),
        ("sync: {section_name: Maths}", "7: sync.section_name: must name at least one of {course}, {course_code},"),
        ("sync: {section_name: '{class'}", "7: sync.section_name: is not a template: "),
        ("sync: {ids: {term: '{class_id}'}}", "7: sync.ids.term: names {class_id}; allowed are {session_id}"),
        ("sync: {login_id: phone}", "7: sync.login_id: names {phone}; allowed are {sourced_id}, {kind},"),
        (
            "sync: {login_id: {pupil: email}}",
            "7: sync.login_id.pupil: Input should be 'student', 'staff' or 'guardian'",
        ),
        ("sync: {login_id: 3}", "7: sync.login_id: must be a text, or a mapping of keys to texts"),
        ("sync: {login_id: {staff: 3}}", "7: sync.login_id.staff: Input should be a valid string"),
        ("sync: {ids: {user: {staff: '{x}'}}}", "7: sync.ids.user.staff: names {x}; allowed are {sourced_id},"),
        ("sync: {orgs: {includes: []}}", "7: sync.orgs.includes: is not a key; allowed are: include, exclude"),
        ("rules: {a-rule: fatal}", "7: rules.a-rule: Input should be 'note', 'warn', 'quarantine' or 'stop'"),
        ("name: again", "7: name: is there twice"),
        ("1: 2", "1: 1: Keys should be strings"),
    ],
)
def test_one_fault_one_line(tmp_path: Path, added: str, said: str) -> None:
    [line] = fault(tmp_path, f"{WHOLE}{added}\n")
    assert line.startswith(f"fern.yaml:{said}")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("id: fern", "id: oak", "1: id: must be fern, the name of the file"),
        ("name: Fern\n", "", "1: name: is missing"),
        ("Australia/Brisbane", "Mars", "3: timezone: must be a time zone of the IANA list, such as Australia/Brisbane"),
        ("Australia/Brisbane", "../etc", "3: timezone: must be a time zone of the IANA list,"),
        ("name: clever,", "", "5: sources.0.name: is missing"),
        ("clever_csv", "fax", "5: sources.0.system: Input should be 'clever' or "),
        ("system: clever_csv, ", "", "5: sources.0.system: Input should be 'clever' or "),
        (
            "system: clever_csv,",
            "system: clever, path: x,",
            "5: sources.0.path: is not a key; allowed are: name, system, connection, ",
        ),
        (
            "system: clever_csv,",
            "system: clever, limit: 20000,",
            "5: sources.0.limit: Input should be less than or equal to 10000",
        ),
        (
            "connection: files",
            "conection: files, connection: x",
            "5: sources.0.conection: is not a key; allowed are: name,",
        ),
        (
            "canvas: {test: {connection: canvas}}",
            "canvas: {test: canvas}",
            "6: canvas.test: must be a mapping with connection, or none where there is no test environment",
        ),
        ("{name: clever, system: clever_csv, connection: files}", "3", "5: sources.0: Input should be a valid dict"),
        (
            "\n  - {name: clever, system: clever_csv, connection: files}",
            " []",
            "4: sources: Tuple should have",
        ),
    ],
)
def test_a_fault_in_what_must_be_there(tmp_path: Path, before: str, after: str, said: str) -> None:
    [line] = fault(tmp_path, WHOLE.replace(before, after))
    assert line.startswith(f"fern.yaml:{said}")


def test_every_fault_at_once(tmp_path: Path) -> None:
    assert [line.split(": ")[1] for line in fault(tmp_path, WHOLE + "retention: 3\nnotfy: x\nschedule: x\n")] == [
        *("schedule", "retention", "notfy"),
    ]


def test_two_sources_of_one_name(tmp_path: Path) -> None:
    twice = "  - {name: clever, system: clever_csv, connection: files}\n"
    assert fault(tmp_path, WHOLE.replace(twice, twice * 2)) == [
        "fern.yaml:1: (file): sources must have different names"
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "fern.yaml:1: must be a mapping of keys such as id, name, timezone, sources, canvas"),
        (b"- id", "fern.yaml:1: must be a mapping of keys such as id, name, timezone, sources, canvas"),
        (b"id: [\n", "fern.yaml:2: is not YAML: did not find expected node content"),
        (b"id: \x00\n", "fern.yaml: is not YAML: control characters are not allowed"),
        (b"id: \xff\n", "fern.yaml: is not UTF-8"),
        (b"id: 2026-13-45\n", "fern.yaml: holds a value that YAML can't make: month must be in 1..12"),
        (b"a: &a [*a]\n", "fern.yaml: holds a value that YAML can't make: maximum recursion depth exceeded"),
        (b"? [a]\n: 1\n", "fern.yaml:1: is not YAML: found unhashable key"),
    ],
)
def test_a_file_that_is_no_mapping(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "fern.yaml").write_bytes(content)
    with pytest.raises(TenantFileWrong) as raised:
        read_tenant(tmp_path / "fern.yaml")
    assert str(raised.value).startswith(said)


def test_a_file_of_a_name_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "\udcff.yaml"
    file.write_text("", encoding="utf-8")
    with pytest.raises(TenantFileWrong) as raised:
        read_tenant(file)
    assert str(raised.value).startswith("?.yaml:1: must be a mapping")
