"""What a set says of itself, and sets that contradict it: refused with the file, the line and the rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from roster.errors import SourceFault, SourceIncomplete, SourceUnreadable
from tests.roster.sources.oneroster_csv.sets import FILES, MANIFEST, NEWER, extract, write


def refused(tmp_path: Path, fault: type[SourceFault], **changed: str | None) -> str:
    with pytest.raises(fault) as caught:
        extract(write(tmp_path / "set", **changed))
    assert not list((tmp_path / "set-raw").glob("*.parquet"))
    return str(caught.value)


@pytest.mark.parametrize("form", ["1.0", "1"])
def test_the_form_of_the_manifest_may_be_a_number(tmp_path: Path, form: str) -> None:
    manifest = MANIFEST.replace("manifest.version,1.0", f"manifest.version,{form}")
    assert extract(write(tmp_path / "set", manifest=manifest))[1].complete


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("manifest.version,1.0", "manifest.version,2.0", "manifest.csv:2: manifest.version must be 1.0 or 1"),
        ("oneroster.version,1.1", "oneroster.version,1.0", "manifest.csv:3: oneroster.version must be 1.1 or 1.2"),
        ("oneroster.version,1.1\n", "", "manifest.csv: does not say oneroster.version"),
        ("file.users,bulk", "file.users,full", "manifest.csv:8: file.users must be absent or bulk or delta"),
        ("file.users,bulk", "file.orgs,bulk", "manifest.csv:8: says once more what row 5 says"),
        ("file.users,bulk", "file.users,absent", "manifest.csv:8: says absent of users.csv, which is there"),
        ("file.users,bulk\n", "", "manifest.csv: says nothing of users.csv, which is there"),
        ("file.users,bulk", "file.users,bulk,now", "manifest.csv:8: must be a property and its value"),
        ("propertyName", "property", "manifest.csv:1: no column propertyname"),
    ],
)
def test_a_manifest_that_is_wrong_or_contradicted(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert refused(tmp_path, SourceUnreadable, manifest=MANIFEST.replace(before, after)).startswith(message)


def test_a_file_that_the_manifest_has_and_the_set_has_not_is_asked_for_again(tmp_path: Path) -> None:
    message = refused(tmp_path, SourceIncomplete, classes=None)
    assert message.startswith("manifest.csv:7: says that classes.csv is bulk, and it is not there")


def test_a_set_without_manifest_is_asked_for_again(tmp_path: Path) -> None:
    assert "no manifest.csv" in refused(tmp_path, SourceIncomplete, manifest=None)


def test_an_empty_folder_is_asked_for_again(tmp_path: Path) -> None:
    assert "no manifest.csv" in refused(tmp_path, SourceIncomplete, **dict.fromkeys(FILES))


def test_a_set_in_which_all_is_absent_is_asked_for_again(tmp_path: Path) -> None:
    nothing = dict.fromkeys(FILES) | {"manifest": MANIFEST.replace("bulk", "absent")}
    assert "there is nothing to read" in refused(tmp_path, SourceIncomplete, **nothing)


def test_roles_belong_to_1p2_and_come_with_users(tmp_path: Path) -> None:
    message = refused(tmp_path, SourceUnreadable, roles=NEWER["roles"])
    assert message.startswith("roles.csv: is there, and the manifest says 1.1")
    absent = {"manifest": NEWER["manifest"].replace("file.roles,bulk", "file.roles,absent"), "roles": None}
    message = refused(tmp_path, SourceUnreadable, **NEWER | absent)
    assert message.startswith("manifest.csv:12: says that roles.csv is absent, and users.csv is bulk")


@pytest.mark.parametrize(
    ("file", "now", "old"),
    [
        ("users", "agentSourcedIds", "agents"),
        ("users", "userIds", "userId"),
        ("classes", "termSourcedIds", "termSourcedId"),
        ("courses", "schoolYearSourcedId", "schoolYearId"),
    ],
)
@pytest.mark.parametrize("manifest", [MANIFEST, None], ids=["with", "without"])
def test_the_layout_of_1p0_is_refused(tmp_path: Path, file: str, now: str, old: str, manifest: str | None) -> None:
    content = FILES[file].replace(now, old)
    message = refused(tmp_path, SourceUnreadable, manifest=manifest, **{file: content})
    assert message.startswith(f"{file}.csv:1: has {old} as in OneRoster 1.0; 1.1 and 1.2 have {now}")


def test_files_that_are_never_read_are_not_compared(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("file.results,absent", "file.results,bulk")
    _, evidence = extract(write(tmp_path / "set", manifest=manifest, lineItems="what,ever\n1,2\n"))
    assert evidence.complete


@pytest.mark.parametrize("file", ["orgs", "academicSessions", "courses", "classes", "users", "enrollments"])
def test_a_column_that_a_record_needs_is_missed_by_name(tmp_path: Path, file: str) -> None:
    content = FILES[file].replace("sourcedId", "id", 1)
    assert refused(tmp_path, SourceUnreadable, **{file: content}).startswith(f"{file}.csv:1: no column sourcedid")
