"""A tenant whose roster is a OneRoster provider's."""

from __future__ import annotations

from typing import Any

from roster.tenants import Tenant


def a_tenant(sync: dict[str, Any] | None = None, **more: Any) -> Tenant:
    """more: settings of the source."""
    return Tenant.model_validate(
        {
            "id": "fern",
            "name": "Fern",
            "timezone": "Australia/Brisbane",
            "sources": [{"name": "sis", "system": "oneroster", "connection": "sis", **more}],
            "canvas": {"test": {"connection": "canvas_test", "hosts": ["127.0.0.1"]}},
            "sync": {"observers": {"relationships": ["parent", "guardian"]}, **(sync or {})},
        }
    )
