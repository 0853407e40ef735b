from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest
import yaml

from roster_sandbox.demo.examples import example, names
from roster_sandbox.demo.keys import LOOPBACK, Keys, free_port, is_free, keys_in
from roster_sandbox.demo.places import Places
from roster_sandbox.demo.processes import StartFailed
from roster_sandbox.demo.settings import ZONE, environment, go_live, write_passwords, write_tenant
from roster_sandbox.demo.stage import account


def a_set(places: Places) -> Keys:
    return keys_in(places.keys, example(places.tenant).KEYS)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path / "work")
    found.make()
    return found


def test_keys_are_drawn_once_for_each_folder_and_the_owners(places: Places, tmp_path: Path) -> None:
    drawn = keys_in(places.keys, ("one", "two"))
    assert keys_in(places.keys, ("two", "one")) == drawn
    assert stat.S_IMODE(places.keys.stat().st_mode) == 0o600
    other = keys_in(tmp_path / "other.json", ("one",))
    secrets = {drawn.sources["one"].secret, drawn.sources["two"].secret, other.sources["one"].secret}
    assert len(secrets) == 3
    assert not {
        drawn.test_token,
        drawn.production_token,
        drawn.admin,
        drawn.approver,
        drawn.viewer,
        drawn.jwt_secret,
    } & {value for value in vars(other).values() if isinstance(value, str)}


def test_keys_of_another_make_run_are_refused(places: Places) -> None:
    keys_in(places.keys, ("one",))
    with pytest.raises(StartFailed, match="is of another make run: remove"):
        keys_in(places.keys, ("two",))
    places.keys.write_text('{"clever_port": 1}', encoding="utf-8")
    with pytest.raises(StartFailed, match="is of another make run: remove"):
        keys_in(places.keys)


def test_a_port_that_somebody_listens_at_is_not_free() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) != port
    assert is_free(port)
    assert free_port(port) == port


def test_nothing_of_the_shell_reaches_airflow(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW_CONN_CANVAS", "AIRFLOW__CORE__FERNET_KEY", "ROSTER_HOME", "AWS_PROFILE", "PYTHONPATH"):
        monkeypatch.setenv(name, "of the shell")
    monkeypatch.setenv("LANG", "C.UTF-8")
    found = environment(places, a_set(places), 8181)
    assert "of the shell" not in found.values()
    assert found["LANG"] == "C.UTF-8"
    assert "AWS_PROFILE" not in found


def test_airflow_is_told_one_address_and_stays_on_loopback(places: Places) -> None:
    found = environment(places, a_set(places), 8181, {"MORE": "too"})
    assert (found["AIRFLOW__API__HOST"], found["AIRFLOW__API__PORT"]) == (LOOPBACK, "8181")
    assert found["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8181"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8181/execution/"
    assert found["MORE"] == "too"
    below = [found[name] for name in ("AIRFLOW_HOME", "ROSTER_HOME", "ROSTER_TENANTS")]
    assert all(Path(folder).is_relative_to(places.work) for folder in below)


@pytest.mark.parametrize("tenant_id", names())
def test_the_tenant_file_names_the_connections_that_are_given(tmp_path: Path, tenant_id: str) -> None:
    places = Places(tmp_path / "work", tenant_id)
    places.make()
    keys = a_set(places)
    write_tenant(places, keys)
    found = environment(places, keys, 8181)
    tenant = yaml.safe_load((places.tenant_file).read_text(encoding="utf-8"))
    for name, port, token in (
        ("test", keys.test_port, keys.test_token),
        ("production", keys.production_port, keys.production_token),
    ):
        canvas = json.loads(found[f"AIRFLOW_CONN_{tenant['canvas'][name]['connection'].upper()}"])
        assert (canvas["host"], canvas["password"]) == (f"http://127.0.0.1:{port}", token)
        assert tenant["canvas"][name]["hosts"] == [f"127.0.0.1:{port}"]
    assert set(tenant["rollout"]["approvers"]) <= set(json.loads(passwords(places, keys)))
    named = {f"AIRFLOW_CONN_{source['connection'].upper()}" for source in tenant["sources"]}
    canvases = {"AIRFLOW_CONN_CANVAS_TEST", "AIRFLOW_CONN_CANVAS_PRODUCTION"}
    assert {name for name in found if name.startswith("AIRFLOW_CONN_")} == named | canvases
    assert all(json.loads(found[name])["conn_type"] for name in named)
    assert tenant["timezone"] == ZONE.key
    assert tenant["id"] == tenant_id
    assert tenant["name"] == account(tenant_id)


def passwords(places: Places, keys: Keys) -> str:
    write_passwords(places, keys)
    return places.passwords.read_text(encoding="utf-8")


def test_a_tenant_goes_live_once(places: Places) -> None:
    write_tenant(places, keys_in(places.keys))
    file = places.tenant_file
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["rollout"]["phase"] == "review"
    assert go_live(places)
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["rollout"]["phase"] == "live"
    assert not go_live(places)


def test_what_a_person_changed_in_the_tenant_file_stays(places: Places) -> None:
    (places.tenant_file).write_text("mine", encoding="utf-8")
    write_tenant(places, keys_in(places.keys))
    assert (places.tenant_file).read_text(encoding="utf-8") == "mine"


def test_the_passwords_are_the_owners(places: Places) -> None:
    keys = keys_in(places.keys)
    log_ins = {"admin": keys.admin, "approver": keys.approver, "viewer": keys.viewer}
    assert json.loads(passwords(places, keys)) == log_ins
    assert stat.S_IMODE(places.passwords.stat().st_mode) == 0o600
