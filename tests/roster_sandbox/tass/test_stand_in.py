"""The stand-in answers as TASS is documented, to whoever asks as TASS documents it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from roster_sandbox.district import generate
from roster_sandbox.tass import CODES, DEFAULT_KEYS, Settings, TassServer, apps, running_tass, write_api
from tests.few import few


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    write_api(few(), folder)
    return folder


@pytest.fixture
def tass(served: Path) -> Iterator[TassServer]:
    with running_tass(served) as running:
        yield running


def fields(method: str, product: str = "lms", **more: Any) -> dict[str, str]:
    """As a client of the vendor's documents writes them."""
    parameters = json.dumps(more.pop("parameters", {"codeonly": "false"})).encode()
    padding = 16 - len(parameters) % 16
    key = base64.b64decode(DEFAULT_KEYS[product])
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - as TASS has it
    token = base64.b64encode(encryptor.update(parameters + bytes([padding]) * padding)).decode()
    return {"method": method, "appcode": CODES[product], "company": "10", "v": "3", "token": token, **more}


def ask(tass: TassServer, given: dict[str, str], *, post: bool = True) -> tuple[int, bytes]:
    data = urllib.parse.urlencode(given)
    address = f"{tass.url}/tassweb/api/" if post else f"{tass.url}/tassweb/api/index.cfm?{data}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, data.encode() if post else None, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


@pytest.mark.parametrize("post", [True, False], ids=["POST", "GET"])
def test_a_method_is_asked_either_way_and_in_any_case(tass: TassServer, post: bool) -> None:
    status, body = ask(tass, fields("GetCampuses"), post=post)
    found = json.loads(body)
    assert (status, [one["code"] for one in found["campuses"]]) == (200, ["0071", "0072"])
    assert found["token"]["codeonly"] == "false"
    assert found["token"]["timestamp"].startswith("{ts '")


def test_codes_are_text_or_numbers_by_how_they_look(tass: TassServer) -> None:
    current = {"currentstatus": "current"}
    pupils = json.loads(ask(tass, fields("getStudents", parameters=current))[1])["students"]
    codes = [one["general_details"]["student_code"] for one in pupils]
    assert {type(code) for code in codes} == {int, str}
    assert all(code.startswith("0") for code in codes if isinstance(code, str))
    subjects = json.loads(ask(tass, fields("getStudentSubjects", parameters={"code": "all"}))[1])
    rows = [row for key, several in subjects.items() if key not in ("__tassversion", "token") for row in several]
    assert {row["year_num"] for row in rows} == {2026}
    assert {len(row["sub_code"]) for row in rows} == {4}


@pytest.mark.parametrize(("version", "kind"), [("2", str), ("3", int)])
def test_employee_codes_differ_by_version(served: Path, version: str, kind: type) -> None:
    with running_tass(served, Settings(apps=apps(version))) as tass:
        given = fields("getTeachers", parameters={"currentstatus": "current"}, v=version)
        teachers = json.loads(ask(tass, given)[1])["teachers"]
        assert {type(one["employee_code"]) for one in teachers} == {kind}


@pytest.mark.parametrize(
    "more", [{"appcode": "NONE"}, {"company": "99"}, {"v": "2"}, {"appcode": CODES["idm"], "v": "1"}]
)
def test_who_is_not_let_in(tass: TassServer, more: dict[str, str]) -> None:
    assert ask(tass, fields("getCampuses", **more))[0] == 401
    assert tass.app.asked == []


@pytest.mark.parametrize("token", ["", "%%%", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA=="])
def test_a_token_that_is_none_is_answered_with_a_page(tass: TassServer, token: str) -> None:
    status, body = ask(tass, fields("getCampuses", token=token))
    assert (status, body[:9]) == (500, b"<!DOCTYPE")


def test_a_parameter_that_is_missing_is_invalid(tass: TassServer) -> None:
    status, body = ask(tass, fields("getStudents", parameters={}))
    assert (status, json.loads(body)) == (200, {"__invalid": {"currentstatus": "field is required"}})


def test_split_families_are_a_list_and_others_an_object(tmp_path: Path) -> None:
    write_api(generate(schools=2, pupils=200, teachers=12), tmp_path)
    parents = json.loads((tmp_path / "records.json").read_bytes())["10"]["idm.getparents"]
    kinds = [type(household) for family in parents for household in family.values()]
    assert set(kinds) == {list, dict}
    split = next(household for family in parents for household in family.values() if isinstance(household, list))
    assert [one["sfa_num"] for one in split] == [1, 2]
    assert split[0]["person1"] == split[1]["person1"]
    assert (tmp_path / "records.json").stat().st_mode & 0o077 == 0


def test_codes_last_from_night_to_night(tmp_path: Path) -> None:
    before = write_api(few(7), tmp_path).to_export()
    assert before.items() <= write_api(few(12), tmp_path).to_export().items()


def test_the_command_serves_with_keys_made_from_its_secret(tmp_path: Path, served: Path, repository: Path) -> None:
    command = [sys.executable, "-m", "roster_sandbox.tass", "--state", str(served)]
    environment = {"PYTHONPATH": str(repository / "include"), "ROSTER_SANDBOX_TOKENS": "secret"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("TASS listens at http://127.0.0.1:")
            running = TassServer(line.split()[-1], app=None)  # type: ignore[arg-type]
            until = time.monotonic() + 10
            while True:
                try:
                    status, _ = ask(running, fields("getCampuses"))
                    break
                except urllib.error.URLError:  # it tells its address a moment before it listens
                    assert time.monotonic() < until
            assert status == 500  # the usual key is not its key
        finally:
            process.terminate()
