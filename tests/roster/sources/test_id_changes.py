"""The mapping of ids: what is read of it, and every line that is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from roster.errors import SourceIncomplete, SourceUnreadable
from roster.sources import DeliveredFile
from roster.sources.files import Folder
from roster.sources.id_changes import ID_CHANGES, from_file, from_query

HEADER = "type,old_id,new_id\n"


def mapping(folder: Path, text: str) -> pl.DataFrame:
    (folder / "ids.csv").write_text(text, encoding="utf-8")
    return from_file(Folder(folder), "ids.csv")


def refused(folder: Path, *lines: str) -> str:
    with pytest.raises(SourceUnreadable) as fault:
        mapping(folder, HEADER + "\n".join(lines) + "\n")
    return str(fault.value)


def test_a_file_in_any_order_of_columns_and_with_others_is_read(tmp_path: Path) -> None:
    text = "Note,NEW_ID,old_id,Type\nx, n1 ,o1,User\n\ny,o1,n1,section\n"
    found = mapping(tmp_path, text)
    assert found.schema == ID_CHANGES
    assert found.rows() == [("user", "o1", "n1", "ids.csv", 2), ("section", "n1", "o1", "ids.csv", 4)]


def test_a_mapping_without_lines_changes_nothing(tmp_path: Path) -> None:
    assert mapping(tmp_path, HEADER).rows() == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["user,o1,"], "ids.csv:2: a cell is blank"),
        (["user,,n1"], "ids.csv:2: a cell is blank"),
        ([",o1,n1"], "ids.csv:2: a cell is blank"),
        (["group,o1,n1"], "ids.csv:2: type is none of account, term, course, section, user"),
        (["user,o\x07,n1"], "ids.csv:2: an id holds a control character"),
        (["user,o1,o1"], "ids.csv:2: old_id and new_id are the same"),
        (["user,o1,n1", "USER,o1,n2"], "ids.csv:2: another line has the same old_id; ids.csv:3: another line has"),
        (["user,o1,n1", "user,o2,n1"], "ids.csv:2: another line has the same new_id; ids.csv:3: another line has"),
        (["user,o1,n1", "user,n1,n2"], "ids.csv:2: one line's new_id is another's old_id"),
        (["user,o1,n1", "user,o0,o1", "user,o7,n7"], "ids.csv:3: one line's new_id is another's old_id"),
        (["user,o1,n1", "user,n1,o1"], "ids.csv:3: one line's new_id is another's old_id"),
        (["user,o1,n1,more"], "ids.csv:2: 4 fields where the header has 3"),
    ],
)
def test_a_line_that_can_not_be_right_is_named_by_its_row_alone(tmp_path: Path, lines: list[str], said: str) -> None:
    message = refused(tmp_path, *lines)
    assert said in message
    assert not any(one in message for one in ("o1", "n1", "o7"))


def test_the_same_ids_in_two_types_are_two_things(tmp_path: Path) -> None:
    text = HEADER + "user,o1,n1\nsection,o1,n1\ncourse,n1,n2\n"
    assert mapping(tmp_path, text).height == 3


def test_of_many_faults_ten_are_told(tmp_path: Path) -> None:
    message = refused(tmp_path, *(f"user,o{number}," for number in range(13)))
    assert message.count("a cell is blank") == 10
    assert "; and 3 more." in message


def test_a_file_without_one_of_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="no column new_id"):
        mapping(tmp_path, "type,old_id\nuser,o1\n")


def test_a_mapping_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SourceIncomplete, match=r"ids\.csv, which says which ids change, is not there"):
        from_file(Folder(tmp_path), "ids.csv")


def test_a_mapping_that_grows_while_it_is_read_is_asked_for_again(tmp_path: Path) -> None:
    class Growing(Folder):
        looks = 0

        def files(self) -> Mapping[str, DeliveredFile]:
            self.looks += 1
            return {"ids.csv": DeliveredFile(self.looks, datetime(2026, 3, 1, tzinfo=UTC))}

    (tmp_path / "ids.csv").write_text(HEADER)
    with pytest.raises(SourceIncomplete, match="changed while it was read"):
        from_file(Growing(tmp_path), "ids.csv")


def test_a_query_is_read_the_same_with_whole_numbers_as_text() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE moves (kind TEXT, was INTEGER, is_now TEXT)")
        database.execute("INSERT INTO moves VALUES ('User', 17, ' n1 '), ('course', 18, 'e\u0301')")
        answer = database.execute("SELECT is_now AS NEW_ID, was AS old_id, kind AS type FROM moves ORDER BY was")
        found = from_query([column[0] for column in answer.description], answer.fetchall())
    assert found.rows() == [("user", "17", "n1", "query", 1), ("course", "18", "\u00e9", "query", 2)]


def test_a_query_with_other_columns_is_refused() -> None:
    with pytest.raises(SourceUnreadable, match="one column old_id, new_id"):
        from_query(["type", "was", "new_id", "NEW_ID"], [])


@pytest.mark.parametrize("value", [1.0, Decimal(7), True, b"o1"])
def test_a_query_whose_ids_are_no_text_is_refused(value: object) -> None:
    with pytest.raises(SourceUnreadable, match="query:2: an id is neither text nor a whole number"):
        from_query(["type", "old_id", "new_id"], [("user", "o1", "n1"), ("user", value, "n2")])


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_of_a_query_is_refused(blank: object) -> None:
    with pytest.raises(SourceUnreadable, match="query:1: a cell is blank"):
        from_query(["type", "old_id", "new_id"], [("user", blank, "n1")])
