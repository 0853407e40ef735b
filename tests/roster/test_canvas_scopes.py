"""The scopes are routes that Canvas publishes."""

from __future__ import annotations

import re

from roster.canvas_scopes import SCOPES, all_scopes


def test_every_scope_is_a_verb_and_a_route_and_each_is_asked_for_once() -> None:
    asked = all_scopes()
    assert len(asked) == len(set(asked))
    assert set(asked) == {scope for scopes in SCOPES.values() for scope in scopes}
    assert all(re.fullmatch(r"url:(GET|POST|PUT)\|/api/v1/[a-z_/:0-9]+", scope) for scope in asked)


def test_nothing_is_asked_that_could_delete() -> None:
    assert not [scope for scope in all_scopes() if scope.startswith("url:DELETE") or "/abort" in scope]
