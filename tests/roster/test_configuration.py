"""The set-up's hash."""

from __future__ import annotations

from typing import Any

import pytest

from roster.configuration import configuration_hash
from roster.tenants import Tenant

SOURCE = {"name": "clever", "system": "clever_csv", "connection": "clever_banksia"}
WHOLE: dict[str, Any] = {
    "id": "banksia",
    "name": "Banksia Schools",
    "timezone": "Australia/Brisbane",
    "sources": [SOURCE],
    "canvas": {"test": {"connection": "canvas_banksia_test"}},
}


def hashed(**changed: Any) -> str:
    return configuration_hash(Tenant.model_validate({**WHOLE, **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"sources": [{**SOURCE, "connection": "another"}]},
        {"sources": [{**SOURCE, "shrink": "3%"}]},
        {"sources": [SOURCE, {**SOURCE, "name": "second"}]},
        {"canvas": {**WHOLE["canvas"], "account": "Banksia"}},
        {"sync": {"login_id": "username"}},
        {"sync": {"courses": {"per": "school_term_course"}}},
        {"sync": {"on_drop": {"users": "deleted"}}},
    ],
)
def test_what_decides_on_rows_changes_the_hash(changed: dict[str, Any]) -> None:
    assert hashed(**changed) != hashed()


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Banksia Group"},
        {"schedule": "0 3 * * *"},
        {"safety": {"deleted": "20%"}},
        {"retention": "60 days"},
        {"deadline": "2 hours"},
        {"canvas": {"test": {"connection": "another"}, "deadline": "1 hour"}},
        {"sync": {"login_id": "email"}},
    ],
)
def test_all_else_and_a_default_that_is_spelled_out_leave_it(changed: dict[str, Any]) -> None:
    assert hashed(**changed) == hashed()


def test_the_hash_is_kept_with_decisions_so_it_stays_the_same_from_release_to_release() -> None:
    assert hashed() == "bb2503b1869dc823a39a4f4b19026c60a54ccde60244597c26b4a7a1a1abedb9"
