from __future__ import annotations

import json

import pytest

from roster_airflow.hooks.clever import CleverHook
from roster_airflow.hooks.oneroster import OneRosterHook
from roster_airflow.hooks.tass import TassHook

KEY = "+TG1ZTqy0hTu5h0KMhCP0A=="


@pytest.mark.parametrize(
    ("hook", "host"),
    [
        (CleverHook, "http://127.0.0.1:9"),
        (OneRosterHook, "http://127.0.0.1:9/ims/oneroster/v1p1"),
        (TassHook, "http://127.0.0.1:9"),
    ],
)
def test_a_patience_that_is_no_number_is_told_by_connection_and_key(
    hook: type[CleverHook] | type[OneRosterHook] | type[TassHook], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"timeout": "soon", "company": "10", "auth": "oauth1"}
    fields = {"conn_type": hook.conn_type, "host": host, "password": KEY, "extra": extra}
    if hook is not CleverHook:
        fields["login"] = "app"
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", json.dumps(fields))
    works, said = hook("source").test_connection()
    assert not works
    assert said.startswith("connection source: timeout must be a number of seconds, such as ")
