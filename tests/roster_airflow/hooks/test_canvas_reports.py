"""Reports over real sockets: where the token goes and where not, and what is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from roster.errors import CanvasGone, CanvasRefused, CanvasUnreachable, CanvasWrongHost
from roster.reconciling.reports import KINDS, read_report
from roster_airflow.hooks.canvas import CanvasHook
from roster_airflow.hooks.canvas_reports import Attachment, Report, download_report, look_at_report, start_report
from roster_sandbox.canvas import Canvas, running_canvas
from tests.roster_airflow.scripted import Answer, scripted_server


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Canvas]:
    with running_canvas(tmp_path / "canvas") as running:
        yield running


@pytest.fixture
def hook(stand_in: Canvas, monkeypatch: pytest.MonkeyPatch) -> CanvasHook:
    connection = {"conn_type": "canvas", "host": stand_in.url, "password": stand_in.token}
    monkeypatch.setenv("AIRFLOW_CONN_CANVAS_TEST", json.dumps(connection))
    monkeypatch.setattr(CanvasHook, "retry_delays", ())
    return CanvasHook("canvas_test", "test", ("127.0.0.1",))


def at(url: str) -> Report:
    return Report(number=1, status="complete", attachment=Attachment(url))


def test_a_report_is_started_looked_at_and_fetched_from_the_host_that_refuses_the_token(
    hook: CanvasHook, tmp_path: Path
) -> None:
    found = look_at_report(hook, start_report(hook, KINDS).number)
    download_report(found, tmp_path / "report")
    assert read_report(tmp_path / "report")["users"].height == 1


def test_no_netrc_of_the_machine_signs_the_download(
    hook: CanvasHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    download_report(look_at_report(hook, start_report(hook, KINDS).number), tmp_path / "report")


@pytest.mark.parametrize("state", ["error", "aborted"])
def test_a_report_that_ended_badly_is_refused(hook: CanvasHook, stand_in: Canvas, state: str) -> None:
    stand_in.fault("report_ends", state=state)
    with pytest.raises(CanvasRefused, match=state):
        look_at_report(hook, start_report(hook, KINDS).number)


def test_a_report_that_is_deleted_meanwhile_is_gone(hook: CanvasHook, stand_in: Canvas) -> None:
    stand_in.fault("report_ends", state="deleted")
    with pytest.raises(CanvasGone):
        look_at_report(hook, start_report(hook, KINDS).number)


@pytest.mark.parametrize("url", ["http://files.example.org/x?signature=s3cret", "ftp://127.0.0.1/x", "nonsense", ""])
def test_only_https_is_followed_but_on_this_machine(url: str, tmp_path: Path) -> None:
    with pytest.raises(CanvasWrongHost) as refusal:
        download_report(at(url), tmp_path / "report")
    assert "s3cret" not in str(refusal.value)


def test_redirects_are_checked_and_do_not_go_on_for_ever(tmp_path: Path) -> None:
    with scripted_server() as script:
        script.answers = [Answer({}, 302, {"Location": "http://files.example.org/x"})]
        with pytest.raises(CanvasWrongHost):
            download_report(at(f"{script.url}/file"), tmp_path / "report")
        script.answers = [Answer({}, 302, {"Location": "/again"})]
        with pytest.raises(CanvasRefused, match="from host to host"):
            download_report(at(f"{script.url}/file"), tmp_path / "report")


def test_a_host_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with scripted_server() as script:
        url = script.url
    with pytest.raises(CanvasUnreachable) as refusal:
        download_report(at(f"{url}/file?signature=s3cret"), tmp_path / "report")
    assert "s3cret" not in str(refusal.value)
