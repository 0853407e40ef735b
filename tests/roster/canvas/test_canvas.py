"""What holds for every file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from roster import canvas
from roster.model import TABLES
from tests.roster.canvas.rosters import AS_OF, a_roster, a_tenant, school_year

OBSERVERS = {
    "observers": {"relationships": ["mother"]},
    "authentication_provider": "saml",
    "cross_list": {"alg1": ["alg2"]},
    "admins": {"AccountAdmin": ["tess"]},
    "logins": [{"suffix": "-google", "login_id": "email", "authentication_provider": "google"}],
}


def test_the_files_come_in_the_order_in_which_canvas_processes_them() -> None:
    assert tuple(file.FILE for file in canvas.FILES) == canvas.FILE_NAMES
    assert (
        *("accounts.csv", "terms.csv", "courses.csv", "sections.csv", "xlists.csv", "users.csv", "enrollments.csv"),
        *("admins.csv", "user_observers.csv"),
    ) == canvas.FILE_NAMES


@pytest.mark.parametrize("file", canvas.FILE_NAMES)
def test_a_file_keeps_its_contract(file: str) -> None:
    module = canvas.module(file)
    schema = module.rows(a_roster(school_year()), a_tenant(**OBSERVERS), AS_OF).collect_schema()

    assert schema.names()[: len(module.COLUMNS)] == list(module.COLUMNS)
    assert {"record", "school", "scope"} <= set(schema.names())
    assert {str(schema[name]) for name in (*module.COLUMNS, "record", "school", "scope")} == {"String"}
    assert set(module.KEY) | set(module.OPTIONAL) | set(module.REFERS) <= set(module.COLUMNS)
    assert module.TABLE in TABLES
    for target in module.REFERS.values():
        assert canvas.FILE_NAMES.index(target) < canvas.FILE_NAMES.index(file) or file == target == "users.csv"


def test_another_file_is_not_known() -> None:
    with pytest.raises(KeyError):
        canvas.module("../users.csv")
    with pytest.raises(AttributeError, match="FILE_NAME"):
        canvas.FILE_NAME  # noqa: B018


def test_reading_messages_loads_no_polars() -> None:
    check = "import sys, roster.canvas.messages; sys.exit('polars' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], env={"PYTHONPATH": "include"}, check=False).returncode == 0


def test_the_documentation_has_a_table_for_each_file_and_a_line_for_each_column(repository: Path) -> None:
    page = (repository / "docs" / "canvas-rows.md").read_text(encoding="utf-8")
    tables = {title: body for title, _, body in (part.partition("\n") for part in page.split("\n## ")[1:])}

    for module in (canvas.module(canvas.ID_CHANGES), canvas.module(canvas.LOGINS), *canvas.FILES):
        lines = re.findall(r"^\| `(\w+)`( \(key\))? \|", tables[module.FILE], re.MULTILINE)
        assert tuple(column for column, _ in lines) == module.COLUMNS
        assert {column for column, key in lines if key} == set(module.KEY)
