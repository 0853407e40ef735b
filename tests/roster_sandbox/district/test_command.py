from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from roster_sandbox.cli import app


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.csv") if file.name != "control.csv"}


def test_a_district_is_drawn_and_moved_on(tmp_path: Path) -> None:
    folder = str(tmp_path / "clever")
    code, said = run("district", folder, "--today", "2026-02-02", "--pupils", "240", "--teachers", "18")
    assert code == 0, said
    first = contents(tmp_path / "clever")
    assert len(first) == 6
    assert run("move", folder, "--night", "2")[0] == 0
    second = contents(tmp_path / "clever")
    assert {name for name in first if first[name] != second[name]} == {"students.csv", "enrollments.csv"}
    assert run("move", folder, "--night", "1")[0] == 0
    assert contents(tmp_path / "clever") == first


def test_without_a_control_file(tmp_path: Path) -> None:
    run("district", str(tmp_path), "--pupils", "240", "--teachers", "18", "--no-control")
    assert not (tmp_path / "control.csv").exists()


def test_a_folder_without_a_district_is_told_what_to_do(tmp_path: Path) -> None:
    code, said = run("move", str(tmp_path), "--night", "2")
    assert code == 2
    assert "no district was drawn" in said


def test_a_district_too_small_is_told_the_least(tmp_path: Path) -> None:
    code, said = run("district", str(tmp_path), "--schools", "3", "--teachers", "12")
    assert code == 2
    assert "6 teachers" in said
    assert not list(tmp_path.iterdir())
