"""When a delivery counts as whole, what is noted of it, and how it goes to its archive."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.settings.grammar import FileSource
from roster.sources import DeliveredFile, Delivery
from roster.sources.deliveries import Looked, named, noted, require_there, taken
from roster.sources.files import Archive, Folder, free_name

NOW = datetime(2026, 2, 3, 4, 0, tzinfo=UTC)
WANTED = {"one.csv": "one", "two.csv": "two"}


def settings(**more: object) -> FileSource:
    return FileSource.model_validate({"name": "files", "system": "files", "connection": "export", **more})


def lay(folder: Path, name: str, minutes: float, content: str = "x") -> Path:
    """A file that was written that many minutes ago."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content)
    then = (NOW - timedelta(minutes=minutes)).timestamp()
    os.utime(folder / name, (then, then))
    return folder / name


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    lay(tmp_path / "inbox", "one.csv", 0.5, "first")
    lay(tmp_path / "inbox", "two.csv", 30, "second one")
    return tmp_path / "inbox"


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    (tmp_path / "extract").mkdir()
    return tmp_path / "extract"


def choose(there: Mapping[str, DeliveredFile], how: FileSource) -> Looked:
    looked = named(there, WANTED)
    require_there(looked, WANTED, how)
    return looked


def take(delivery: Delivery, how: FileSource, folder: Path) -> dict[str, str]:
    with taken(delivery, how, partial(choose, how=how), folder, NOW) as (_, copies):
        return {file: copy.read_text() for file, copy in copies.items()}


def test_without_a_marker_it_is_waited_until_nothing_changes(inbox: Path, extract: Path) -> None:
    with pytest.raises(SourceIncomplete, match=r"files: one\.csv changed 30 s ago"):
        take(Folder(inbox), settings(), extract)
    lay(inbox, "one.csv", 2, "first")
    assert take(Folder(inbox), settings(), extract) == {"one": "first", "two": "second one"}


@pytest.mark.parametrize("marker", ["done.txt", "DONE.*", "*.txt"])
def test_with_a_marker_it_is_read_at_once(inbox: Path, extract: Path, marker: str) -> None:
    with pytest.raises(SourceIncomplete, match=r"files: no \S+ there yet"):
        take(Folder(inbox), settings(marker=marker), extract)
    lay(inbox, "done.txt", 0.5)
    assert take(Folder(inbox), settings(marker=marker), extract) == {"one": "first", "two": "second one"}


def test_a_marker_of_an_earlier_delivery_is_none(inbox: Path, extract: Path) -> None:
    lay(inbox, "done.txt", 0.6)
    with pytest.raises(SourceIncomplete, match=r"one\.csv changed after done\.txt was written"):
        take(Folder(inbox), settings(marker="done.txt"), extract)
    lay(inbox, "mine.ok", 3)
    lay(inbox, "newer.ok", 0)
    assert take(Folder(inbox), settings(marker="*.ok"), extract)


def test_a_marker_lies_beside_a_zip_file(inbox: Path, extract: Path) -> None:
    with zipfile.ZipFile(inbox / "export.zip", "w") as packed:
        packed.writestr("night/one.csv", "packed")
        packed.writestr("night/two.csv", "too")
        packed.writestr("night/done.txt", "a marker in it says nothing of it")
    then = (NOW - timedelta(seconds=5)).timestamp()
    os.utime(inbox / "export.zip", (then, then))
    how = settings(marker="done.txt", path="export.zip")
    with pytest.raises(SourceIncomplete, match=r"no done\.txt there yet"):
        take(Archive(Folder(inbox), "export.zip", "done.txt"), how, extract)
    lay(inbox, "done.txt", 0)
    assert take(Archive(Folder(inbox), "export.zip", "done.txt"), how, extract) == {"one": "packed", "two": "too"}
    assert set(noted(extract)) == {"export.zip", "done.txt"}
    assert noted(extract)["export.zip"].size == (inbox / "export.zip").stat().st_size


def test_what_was_read_is_noted_as_it_lay(inbox: Path, extract: Path) -> None:
    assert noted(extract) == {}
    lay(inbox, "readme.txt", 0)
    lay(inbox, "all.ok", 0)
    take(Folder(inbox), settings(marker="*.ok"), extract)
    assert noted(extract) == {name: Folder(inbox).files()[name] for name in ("all.ok", "one.csv", "two.csv")}


def test_an_empty_inbox_with_an_archive_is_no_new_delivery(tmp_path: Path, extract: Path) -> None:
    (tmp_path / "inbox").mkdir()
    with pytest.raises(SourceIncomplete, match=r"files: no one\.csv, two\.csv in the delivery"):
        take(Folder(tmp_path / "inbox"), settings(), extract)
    with pytest.raises(SourceIncomplete, match="files: nothing was delivered since the last delivery was moved to old"):
        take(Folder(tmp_path / "inbox"), settings(archive="old"), extract)
    lay(tmp_path / "inbox", "two.csv", 9)
    with pytest.raises(SourceIncomplete, match=r"files: no one\.csv in the delivery"):
        take(Folder(tmp_path / "inbox"), settings(archive="old"), extract)


@pytest.mark.parametrize("wrong", [{"marker": "a/b"}, {"marker": ""}, {"archive": "/old"}, {"archive": ""}])
def test_markers_are_names_and_archives_lie_below(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_what_was_read_is_moved_and_nothing_is_written_over(inbox: Path, tmp_path: Path) -> None:
    read, day = Folder(inbox).files(), tmp_path / "old" / "2026-02-03"
    assert Folder(inbox).put_away(read, day) == []
    lay(inbox, "one.csv", 1, "of the next run")
    lay(inbox, "unread.csv", 1)
    assert Folder(inbox).put_away({"one.csv": Folder(inbox).files()["one.csv"]}, day) == []
    lay(inbox, "one.csv", 1, "and the next")
    assert Folder(inbox).put_away({"one.csv": Folder(inbox).files()["one.csv"]}, day) == []
    assert {file.name: file.read_text() for file in day.iterdir()} == {
        "one.csv": "first",
        "one-2.csv": "of the next run",
        "one-3.csv": "and the next",
        "two.csv": "second one",
    }
    assert [file.name for file in inbox.iterdir()] == ["unread.csv"]


def size_differs(inbox: Path) -> None:
    lay(inbox, "one.csv", 0.5, "longer than the first")


def time_differs(inbox: Path) -> None:
    lay(inbox, "one.csv", 0.4, "first")


def is_a_link(inbox: Path) -> None:
    (inbox / "one.csv").rename(inbox / "elsewhere.csv")
    (inbox / "one.csv").symlink_to("elsewhere.csv")


@pytest.mark.parametrize("happens", [size_differs, time_differs, is_a_link])
def test_what_is_not_as_it_was_read_stays(inbox: Path, tmp_path: Path, happens: Callable[[Path], None]) -> None:
    read = Folder(inbox).files()
    happens(inbox)
    before = (inbox / "one.csv").read_text()
    assert Folder(inbox).put_away(read, tmp_path / "old") == ["one.csv"]
    assert (inbox / "one.csv").read_text() == before
    assert [file.name for file in (tmp_path / "old").iterdir()] == ["two.csv"]


def test_what_is_gone_already_is_not_missed(inbox: Path, tmp_path: Path) -> None:
    read = Folder(inbox).files()
    assert Folder(inbox).put_away(read, tmp_path / "old") == []
    assert Folder(inbox).put_away(read, tmp_path / "old") == []


def test_an_archive_that_cannot_be_made_is_told(inbox: Path, tmp_path: Path) -> None:
    lay(tmp_path, "old", 1)
    with pytest.raises(SourceUnreadable, match="can't be moved to its archive: "):
        Folder(inbox).put_away(Folder(inbox).files(), tmp_path / "old" / "2026-02-03")
    assert len(list(inbox.iterdir())) == 2


def test_the_first_free_name() -> None:
    assert free_name("a.csv", ()) == "a.csv"
    assert free_name("a.csv", {"a.csv", "a-2.csv"}) == "a-3.csv"
    assert free_name("no-suffix", {"no-suffix"}) == "no-suffix-2"
