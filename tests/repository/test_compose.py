"""docker-compose.yaml, read as it stands and held to what it promises: nothing here starts a container."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

REQUIRED = re.compile(r"\$\{(?P<name>[A-Z_]+):\?[^}]+\}")
WITH_DEFAULT = re.compile(r"\$\{(?P<name>[A-Z_]+):?-(?P<default>[^}]*)\}")
SECRET = re.compile(r"PASSWORD|SECRET|FERNET|TOKEN")

AIRFLOW = {"airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-worker"}
SECRETS = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "AIRFLOW_APPROVER_PASSWORD",
    "AIRFLOW_VIEWER_PASSWORD",
}


@pytest.fixture(scope="module")
def text(repository: Path) -> str:
    return (repository / "docker-compose.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"]


def always_on(services: dict[str, Any]) -> set[str]:
    return {name for name, service in services.items() if not service.get("profiles")}


def test_the_components_of_airflow_are_there(services: dict[str, Any]) -> None:
    assert always_on(services) == AIRFLOW | {"airflow-init", "postgres", "redis"}
    assert services["airflow-cli"]["profiles"] == ["debug"]
    assert services["sandbox-canvas"]["profiles"] == ["sandbox"]
    commands = {name: services[name]["command"][1:] for name in AIRFLOW}
    assert commands == {
        "airflow-apiserver": ["api-server"],
        "airflow-scheduler": ["scheduler"],
        "airflow-dag-processor": ["dag-processor"],
        "airflow-triggerer": ["triggerer"],
        "airflow-worker": ["celery", "worker"],
    }
    assert services["sandbox-canvas"]["command"][:2] == ["roster-sandbox", "canvas"]


def test_every_component_shares_image_folders_and_settings(services: dict[str, Any]) -> None:
    common = services["airflow-scheduler"]
    for name in AIRFLOW | {"airflow-init", "airflow-cli"}:
        assert services[name]["image"] == common["image"], name
        assert services[name]["volumes"] == common["volumes"], name
        assert services[name]["environment"].items() >= common["environment"].items(), name


def test_the_code_is_mounted_where_python_and_airflow_look(services: dict[str, Any], repository: Path) -> None:
    service = services["airflow-triggerer"]
    targets = {}
    for volume in service["volumes"]:
        source, target = WITH_DEFAULT.sub(lambda match: match["default"], volume).removesuffix(":ro").split(":")
        targets[target] = source
    environment = service["environment"]
    assert targets[environment["PYTHONPATH"]] == "./include"
    assert targets[environment["ROSTER_TENANTS"]] == "./include/tenants"
    assert targets[environment["ROSTER_HOME"]] == "roster-home"
    assert targets["/opt/airflow/dags"] == "./dags"
    assert targets["/opt/airflow/plugins"] == "./plugins"
    assert targets["/opt/airflow/logs"] == "airflow-logs"
    for source in targets.values():
        assert not source.startswith("./") or (repository / source).is_dir(), source


def test_code_and_tenant_files_are_mounted_read_only(services: dict[str, Any]) -> None:
    for name in [*AIRFLOW, "airflow-init", "airflow-cli", "sandbox-canvas"]:
        for volume in services[name]["volumes"]:
            assert volume.endswith(":ro") or not volume.startswith((".", "$")), f"{name}: {volume}"


def test_named_volumes_are_declared(compose: dict[str, Any], services: dict[str, Any]) -> None:
    named = {v.split(":")[0] for s in services.values() for v in s.get("volumes", []) if not v.startswith((".", "$"))}
    assert named == set(compose["volumes"])


def test_whatever_keeps_running_is_asked_for_its_health(services: dict[str, Any]) -> None:
    for name in (always_on(services) | {"sandbox-canvas"}) - {"airflow-init"}:
        assert services[name]["healthcheck"]["test"], name


def test_components_wait_for_the_migrated_database(services: dict[str, Any]) -> None:
    for name in AIRFLOW:
        waits = services[name]["depends_on"]
        assert waits["airflow-init"] == {"condition": "service_completed_successfully"}, name
        assert waits["postgres"] == waits["redis"] == {"condition": "service_healthy"}, name
    assert services["airflow-worker"]["depends_on"]["airflow-apiserver"] == {"condition": "service_healthy"}
    assert "airflow db migrate" in services["airflow-init"]["command"][-1]


def test_secrets_come_from_the_environment_and_from_nowhere_else(text: str, services: dict[str, Any]) -> None:
    assert {match["name"] for match in REQUIRED.finditer(text)} == SECRETS
    defaults = {match["name"] for match in WITH_DEFAULT.finditer(text)}
    assert not {name for name in defaults if SECRET.search(name)}
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key) or ("://" in value and "@" in value):
                assert REQUIRED.search(value), f"{name}: {key} has a value of its own"


def test_the_example_names_every_secret_and_fills_none(repository: Path) -> None:
    lines = (repository / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert given == dict.fromkeys(SECRETS, "")


def test_one_secret_signs_for_all_components(services: dict[str, Any]) -> None:
    signing = {services[name]["environment"]["AIRFLOW__API_AUTH__JWT_SECRET"] for name in AIRFLOW}
    assert len(signing) == 1
    api = {services[name]["environment"]["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] for name in AIRFLOW}
    assert api == {"http://airflow-apiserver:8080/execution/"}


def test_users_log_in_with_passwords(services: dict[str, Any]) -> None:
    """SimpleAuthManager keeps passwords in plain text, and says itself that it is not for this."""
    manager = services["airflow-apiserver"]["environment"]["AIRFLOW__CORE__AUTH_MANAGER"]
    assert manager == "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"


def test_images_are_pinned(services: dict[str, Any], repository: Path) -> None:
    base = re.findall(r"^FROM (\S+)", (repository / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    for image in [*(service["image"] for service in services.values()), *base]:
        _, _, tag = image.partition(":")
        assert re.match(r"\d", tag), image


def test_ports_are_offered_on_loopback_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert "ports" not in services["postgres"]
    assert "ports" not in services["redis"]


def test_nothing_of_ours_runs_as_root(services: dict[str, Any], repository: Path) -> None:
    users = re.findall(r"^USER (\S+)", (repository / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert users
    assert users[-1].split(":")[0] not in ("0", "root")
    assert [name for name, service in services.items() if "user" in service or service.get("privileged")] == []


def test_the_sandbox_is_given_no_secret(services: dict[str, Any]) -> None:
    sandbox = services["sandbox-canvas"]
    assert "env_file" not in sandbox
    assert "environment" not in sandbox
    assert not any("tenants" in volume or "roster-home" in volume for volume in sandbox["volumes"])


def test_the_sandbox_is_started_with_options_it_knows(services: dict[str, Any]) -> None:
    from roster_sandbox.cli import app

    _, name, *options = services["sandbox-canvas"]["command"]
    context = typer.main.get_command(app).commands[name].make_context(name, options)  # type: ignore[attr-defined]
    assert f":{context.params['port']}" in services["sandbox-canvas"]["ports"][0].removeprefix("127.0.0.1:$")
    assert str(context.params["state"]).startswith(services["sandbox-canvas"]["volumes"][-1].split(":")[1])


def test_the_first_start_migrates_and_makes_the_users_it_was_given(services: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "airflow").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n', encoding="utf-8")
    (tmp_path / "airflow").chmod(0o755)
    *command, script = services["airflow-init"]["command"]
    given = {"ADMIN_PASSWORD": "one two", "APPROVER_PASSWORD": "b", "VIEWER_PASSWORD": "c"}
    # Compose turns $$ into $.
    said = subprocess.run(
        [*command, script.replace("$$", "$")], env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **given}, check=False
    )
    assert said.returncode == 0
    first, *users = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert first == "db migrate"
    assert [user.partition(" --firstname")[0] for user in users] == [
        "users create --username admin --role Admin --password one two",
        "users create --username approver --role Op --password b",
        "users create --username viewer --role Viewer --password c",
    ]


def docker_compose(repository: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    # The client finds its plugins below the real home, which the tests hide.
    environment = {"PATH": os.environ["PATH"], "HOME": pwd.getpwuid(os.getuid()).pw_dir, **given}
    command = ["docker", "compose", "--env-file", "/dev/null", *arguments]
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def compose_client(repository: Path) -> None:
    if shutil.which("docker") is None:
        pytest.skip("no docker client on PATH: docker compose config was not asked")
    if docker_compose(repository, "version").returncode:
        pytest.skip("the docker client has no compose plugin: docker compose config was not asked")


@pytest.mark.usefixtures("compose_client")
def test_the_client_accepts_it_with_every_secret_given(repository: Path) -> None:
    said = docker_compose(repository, "config", "--quiet", **dict.fromkeys(SECRETS, "x"))
    assert said.returncode == 0, said.stderr


@pytest.mark.usefixtures("compose_client")
def test_the_client_refuses_it_when_one_secret_is_missing(repository: Path) -> None:
    for missing in sorted(SECRETS):
        said = docker_compose(repository, "config", "--quiet", **dict.fromkeys(SECRETS - {missing}, "x"))
        assert said.returncode != 0, missing
        assert missing in said.stderr
