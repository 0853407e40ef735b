"""Which query answers for which table, and what of a tenant's queries is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from roster.configuration import configuration_hash
from roster.errors import TenantFileWrong
from roster.settings import SisDb
from roster.sources.sis_db.asking import asked
from tests.roster.builders import a_tenant
from tests.roster.sources.sis_db.answering import settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That of the tenant files, with queries for two tables."""
    (tmp_path / "own" / "sql").mkdir(parents=True)
    (tmp_path / "own" / "sql" / "users.sql").write_text("SELECT 'own' FROM people WHERE y = :year AND d = :as_of;")
    (tmp_path / "own" / "sql" / "orgs.sql").write_text("SELECT 'own' FROM places")
    return tmp_path


def own(**more: Any) -> SisDb:
    return settings(pack=None, queries="own/sql", **more)


def test_a_pack_asks_for_every_table(tmp_path: Path) -> None:
    for pack in ("generic", "powerschool", "synergetic"):
        found = asked(settings(pack=pack).on(date(2026, 2, 2)), tmp_path)
        assert set(found) >= {"orgs", "academic_sessions", "courses", "classes", "users", "enrollments"}, pack


def test_views_go_before_queries_and_queries_before_the_pack(folder: Path) -> None:
    mixed = settings(queries="own/sql", views={"users": "dbo.uvUsers"}, parameters={"year": 2026})
    found = asked(mixed.on(date(2026, 2, 2)), folder)
    assert found["users"].text == "SELECT * FROM dbo.uvUsers"
    assert found["users"].name == "dbo.uvUsers"
    assert found["orgs"].text == "SELECT 'own' FROM places"
    assert "FROM section s" in found["classes"].text


def test_only_what_is_asked_for_is_read(folder: Path) -> None:
    assert set(asked(own(parameters={"year": 1}).on(date(2026, 2, 2)), folder)) == {"orgs", "users"}


def test_parameters_are_those_that_a_query_names(folder: Path) -> None:
    found = asked(own(parameters={"year": 2026, "other": "x"}).on(date(2026, 2, 3)), folder)
    assert found["users"].parameters == {"year": 2026, "as_of": date(2026, 2, 3)}
    assert found["orgs"].parameters == {}


def test_a_parameter_that_nobody_gives(folder: Path) -> None:
    with pytest.raises(TenantFileWrong, match=r"users\.sql asks for :year: give it under parameters; known are :as_of"):
        asked(own().on(date(2026, 2, 3)), folder)


def test_a_tenant_can_fix_the_day(folder: Path) -> None:
    fixed = own(parameters={"year": 1, "as_of": date(2020, 1, 1)}).on(date(2026, 2, 3))
    assert asked(fixed, folder)["users"].parameters["as_of"] == date(2020, 1, 1)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("pupils.sql", b"SELECT 1", r"pupils\.sql: no such table; there are orgs, academic_sessions"),
        ("classes.sql", b"SELECT '\xe4'", r"classes\.sql is not UTF-8"),
        ("classes.sql", b"-- later", r"classes\.sql holds no query"),
        ("classes.sql", b"SELECT 1; SELECT 2", r"classes\.sql holds more than one statement"),
    ],
)
def test_files_that_are_not_taken(folder: Path, name: str, content: bytes, says: str) -> None:
    (folder / "own" / "sql" / name).write_bytes(content)
    with pytest.raises(TenantFileWrong, match=f"^source sis: {says}"):
        asked(own(parameters={"year": 1}).on(date(2026, 2, 2)), folder)


def test_a_folder_without_queries(tmp_path: Path) -> None:
    with pytest.raises(TenantFileWrong, match=r"no \.sql file in own/sql"):
        asked(own(), tmp_path)


def test_links_lead_nowhere_else(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "classes.sql").write_text("SELECT 1")
    (folder / "own" / "sql" / "classes.sql").symlink_to(elsewhere / "classes.sql")
    with pytest.raises(TenantFileWrong, match=r"classes\.sql leads out of the folder"):
        asked(own(), folder)
    (folder / "away").symlink_to(elsewhere)
    with pytest.raises(TenantFileWrong, match="queries leads out of the folder"):
        asked(settings(pack=None, queries="away"), folder)


def test_columns_of_a_table_that_is_not_asked_for(folder: Path) -> None:
    with pytest.raises(TenantFileWrong, match="columns names classes, for which there is no query"):
        asked(own(parameters={"year": 1}, columns={"classes": {"title": "name"}}).on(date(2026, 2, 2)), folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"queries": "/etc"},
        {"queries": "../secrets"},
        {"queries": "a/../../b"},
        {"queries": "a\\b"},
        {"queries": ""},
        {"views": {"users": "users; DROP TABLE x"}},
        {"views": {"users": 'a."b"'}},
        {"views": {"users": "a.b.c.d"}},
        {"views": {"users": "1users"}},
        {"views": {"pupils": "pupils"}},
        {"columns": {"users": {"password": "pw"}}},
        {"parameters": {"As-Of": 1}},
        {"pack": "banner"},
        {"pack": None},
    ],
)
def test_settings_that_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_another_query_is_another_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTER_TENANTS", str(folder))
    tenant = a_tenant().model_copy(update={"sources": (own(),)})
    before = configuration_hash(tenant)
    assert configuration_hash(tenant) == before
    (folder / "own" / "sql" / "orgs.sql").write_text("SELECT 'other' FROM places")
    changed = configuration_hash(tenant)
    assert changed != before
    (folder / "own" / "sql" / "orgs.sql").rename(folder / "own" / "sql" / "classes.sql")
    assert configuration_hash(tenant) not in {before, changed}
    assert configuration_hash(a_tenant()) == configuration_hash(a_tenant())


def test_a_statement_may_not_take_for_ever() -> None:
    with pytest.raises(ValueError, match="PostgreSQL takes 0 for no limit at all"):
        SisDb(name="db", system="sis_db", connection="db", pack="generic", timeout="0 seconds")  # type: ignore[arg-type]
