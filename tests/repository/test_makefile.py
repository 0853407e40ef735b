"""`make setup` on a machine that is not ours: shims that do not run, versions that do not fit, a plain message."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Stands for an interpreter: fits, makes a venv of itself, and writes down what it was asked.
FITS = """#!/bin/sh
echo "{name} $*" >> "{log}"
case "$1" in
-m) if [ "$2" = venv ]; then mkdir -p .venv/bin && cp "$0" .venv/bin/python; fi ;;
esac
"""
# pyenv's shim for a version that is not set: there, executable, and no Python.
BROKEN = "#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n"


@pytest.fixture
def machine(tmp_path: Path, repository: Path) -> Path:
    """A checkout of the Makefile alone beside a PATH of our own, where every Python is a broken shim."""
    if shutil.which("make") is None:
        pytest.skip("no make on PATH")
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(repository / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("mkdir", "cp", "touch", "sh"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        write(tmp_path / "bin" / name, BROKEN)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def fits(machine: Path, name: str) -> None:
    write(machine / "bin" / name, FITS.format(name=name, log=machine / "log"))


def make(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("make") or "make", *arguments]
    path = {"PATH": str(machine / "bin"), "HOME": str(machine)}
    return subprocess.run(command, cwd=machine, env=path, capture_output=True, text=True, check=False)


def asked(machine: Path) -> list[str]:
    return (machine / "log").read_text(encoding="utf-8").splitlines()


def test_without_a_python_it_says_which_would_do(machine: Path) -> None:
    said = make(machine, "setup")
    assert said.returncode != 0
    assert "No Python 3.11, 3.12 or 3.13" in said.stderr
    assert "PYTHON=" in said.stderr
    assert not (machine / ".venv").exists()


def test_a_shim_that_does_not_run_is_passed_over(machine: Path) -> None:
    fits(machine, "python3.12")
    said = make(machine, "setup")
    assert said.returncode == 0, said.stderr
    assert any(line.startswith("python3.12 -m venv") for line in asked(machine))


def test_a_python_too_old_or_too_new_is_passed_over(machine: Path) -> None:
    # Exits as the real check does in 3.10 or 3.14.
    write(machine / "bin" / "python3.13", "#!/bin/sh\nexit 1\n")
    fits(machine, "python3")
    assert make(machine, "setup").returncode == 0
    assert any(line.startswith("python3 -m venv") for line in asked(machine))


def test_the_python_that_is_named_comes_first(machine: Path) -> None:
    fits(machine, "python3.13")
    fits(machine, "python3.11")
    assert make(machine, "setup", "PYTHON=python3.11").returncode == 0
    assert any(line.startswith("python3.11 -m venv") for line in asked(machine))


def test_it_installs_the_lock_then_the_project_without_an_index(machine: Path) -> None:
    fits(machine, "python3.13")
    make(machine, "setup")
    installs = [line for line in asked(machine) if " pip install " in line]
    assert len(installs) == 2
    assert installs[0].endswith("-r requirements.txt")
    assert "--no-deps --no-build-isolation --editable ." in installs[1]


def test_it_installs_again_only_when_lock_or_project_change(machine: Path) -> None:
    fits(machine, "python3.13")
    make(machine, "setup")
    once = asked(machine)
    make(machine, "setup")
    assert asked(machine) == once
    later = (machine / ".venv" / ".ready").stat().st_mtime + 5
    os.utime(machine / "requirements.txt", (later, later))
    make(machine, "setup")
    again = asked(machine)[len(once) :]
    assert any(line.endswith("-r requirements.txt") for line in again)
    assert not any(" -m venv" in line for line in again)


def test_the_fit_that_make_asks_for_is_met_by_this_python(repository: Path) -> None:
    line = next(line for line in (repository / "Makefile").read_text(encoding="utf-8").splitlines() if "@fit='" in line)
    check = line.split("'")[1]
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
    too_new = check.replace("sys.version_info", "(3, 14, 0)")
    too_old = check.replace("sys.version_info", "(3, 10, 9)")
    assert subprocess.run([sys.executable, "-c", too_new], check=False).returncode == 1
    assert subprocess.run([sys.executable, "-c", too_old], check=False).returncode == 1


def test_help_names_every_target(repository: Path) -> None:
    command = ["make", "--no-print-directory", "help"]  # the tests themselves may run under make
    said = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    named = [line.split()[1] for line in said.splitlines()]
    assert " ".join(named) == "help setup run test e2e night lint types check coverage bench docs lock clean"
