"""How a message reaches people, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk import Connection

from roster.tenants import NotifyTarget
from roster_airflow.notifications.channels import Letter, ping, send, webhook
from tests.roster_airflow.mail import Postbox, mail_server
from tests.roster_airflow.scripted import Answer, Scripted

LINK = "http://airflow.example/dags/fern?a=1&b=2"
LETTER = Letter(
    "Fern Schools: 45 changes wait",
    ("60 of 258 <users> & more", "users 45", "Look {{ at }} them."),
    LINK,
    {"said": "x"},
)


def connect(monkeypatch: pytest.MonkeyPatch, name: str, **fields: Any) -> NotifyTarget:
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))
    return NotifyTarget(connection=name)


@pytest.fixture
def hook(canvas: Scripted, monkeypatch: pytest.MonkeyPatch) -> NotifyTarget:
    canvas.says(Answer("ok"))
    host = f"{canvas.url}/services/hook-secret"
    return connect(monkeypatch, "hook", conn_type="http", host=host, login="roster", password="pw-1")


@pytest.fixture
def slack(canvas: Scripted, monkeypatch: pytest.MonkeyPatch) -> NotifyTarget:
    canvas.says(Answer("ok"))
    return connect(
        monkeypatch, "slack", conn_type="slackwebhook", host=f"{canvas.url}/services", password="T0/B0/hook-secret"
    )


@pytest.fixture
def postbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postbox]:
    with mail_server() as box:
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", box.connection())
        yield box


MAIL = NotifyTarget(connection="mail", to=("data@fern.example", "head@fern.example"))


def test_a_webhook_gets_text_and_facts(canvas: Scripted, hook: NotifyTarget) -> None:
    assert send([hook], LETTER)
    [asked] = canvas.asked
    assert (asked.method, asked.path) == ("POST", "/services/hook-secret")
    assert asked.headers["Authorization"].startswith("Basic ")
    assert json.loads(asked.body) == {
        "text": f"Fern Schools: 45 changes wait\n60 of 258 <users> & more\nusers 45\nLook {{{{ at }}}} them.\n{LINK}",
        "said": "x",
    }


def test_slack_gets_a_text_of_its_own_marks(canvas: Scripted, slack: NotifyTarget) -> None:
    assert send([slack], LETTER)
    [asked] = canvas.asked
    assert (asked.method, asked.path) == ("POST", "/services/T0/B0/hook-secret")
    assert json.loads(asked.body) == {
        "text": "*Fern Schools: 45 changes wait*\n60 of 258 &lt;users&gt; &amp; more\nusers 45\nLook {{ at }} them.\n"
        f"<{LINK}>",
        "unfurl_links": False,
    }


def test_mail_goes_to_all_that_are_named(postbox: Postbox) -> None:
    assert send([MAIL], LETTER)
    [mail] = postbox.mails
    assert (mail["Subject"], mail["From"]) == ("Fern Schools: 45 changes wait", "roster@fern.example")
    assert mail["To"] == "data@fern.example, head@fern.example"
    [part] = [one for one in mail.walk() if one.get_content_type() == "text/html"]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    page = content.decode()
    assert "<p>60 of 258 &lt;users&gt; &amp; more</p>" in page
    assert "Look {{ at }} them." in page
    assert 'href="http://airflow.example/dags/fern?a=1&amp;b=2"' in page


def test_a_letter_without_a_link(canvas: Scripted, slack: NotifyTarget, postbox: Postbox) -> None:
    assert send([slack, MAIL], Letter("title", ("line",), ""))
    assert json.loads(canvas.asked[0].body)["text"] == "*title*\nline"
    assert "href" not in postbox.mails[0].as_string()


def test_one_that_fails_keeps_no_other_from_being_told(canvas: Scripted, hook: NotifyTarget, postbox: Postbox) -> None:
    canvas.says(Answer("no", 500))
    assert send([hook, MAIL], LETTER)
    assert len(postbox.mails) == 1


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("hook", Answer("hook-secret is not known", 404), "connection hook answered 404"),
        ("hook", Answer("", 302, {"Location": "http://elsewhere.example"}), "connection hook answered 302"),
        ("hook", Answer("x", cut=True), "connection hook could not be used (ChunkedEncodingError)"),
        ("slack", Answer("hook-secret: no_service", 404), "connection slack could not be used (AirflowException)"),
        ("slack", Answer("x", cut=True), "connection slack could not be used (IncompleteRead)"),
    ],
)
@pytest.mark.usefixtures("hook", "slack")
def test_a_channel_that_fails_is_logged_without_its_secrets(
    canvas: Scripted, caplog: pytest.LogCaptureFixture, name: str, answer: Answer, said: str
) -> None:
    canvas.says(answer)
    assert not send([NotifyTarget(connection=name)], LETTER)
    assert caplog.messages[-1] == f"Not told: {said}"
    for secret in ("hook-secret", "pw-1", "elsewhere"):
        assert secret not in caplog.text


def test_mail_that_is_refused_or_goes_to_nobody(
    postbox: Postbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    postbox.refuses = True
    assert not send([MAIL], LETTER)
    assert not send([NotifyTarget(connection="mail")], LETTER)
    assert "hook-secret" not in caplog.text
    assert "`to` names nobody" in caplog.messages[-1]
    with mail_server() as gone:
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", gone.connection())
    assert not send([MAIL], LETTER)


def test_connections_that_are_not_there_or_of_another_kind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = connect(monkeypatch, "other", conn_type="sftp", host="sftp.example")
    assert not send([NotifyTarget(connection="nowhere"), other], LETTER)
    assert "nowhere" in caplog.messages[0]
    assert "none of http, slackwebhook, smtp" in caplog.messages[1]


def test_without_a_target_nobody_is_missed() -> None:
    assert send([], LETTER)


@pytest.mark.usefixtures("hook")
def test_a_ping_says_nothing_but_that_it_is_there(canvas: Scripted) -> None:
    assert ping("hook")
    [asked] = canvas.asked
    assert (asked.method, asked.path, asked.body) == ("GET", "/services/hook-secret", b"")


@pytest.mark.parametrize(("name", "answer"), [("hook", Answer("", 404)), ("hook", Answer("", cut=True)), ("no", None)])
@pytest.mark.usefixtures("hook")
def test_a_ping_that_fails_is_logged(
    canvas: Scripted, caplog: pytest.LogCaptureFixture, name: str, answer: Answer | None
) -> None:
    canvas.says(answer or Answer("ok"))
    assert not ping(name)
    assert len(caplog.messages) == 1
    assert "hook-secret" not in caplog.text


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"host": "https://hooks.example/a/b"}, "https://hooks.example/a/b"),
        ({"host": "hooks.example/a"}, "https://hooks.example/a"),
        ({"host": "hooks.example", "schema": "http", "port": 8080}, "http://hooks.example:8080"),
        ({"host": "http://hooks.example/a?b=c", "port": 8080}, "http://hooks.example:8080/a?b=c"),
    ],
)
def test_the_webhooks_address(fields: dict[str, Any], address: str) -> None:
    assert webhook(Connection(conn_id="channel", conn_type="http", **fields)) == address
