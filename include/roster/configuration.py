"""What a tenant's set-up decided: a hash that says whether it is still the one that was approved, and it in words."""

from __future__ import annotations

import hashlib
import json

from roster.tenants import Tenant


def configuration_hash(tenant: Tenant) -> str:
    """SHA-256 (hex) over what decides which rows Canvas is to have: sources, canvas.account and sync.

    A key that is left out counts as one that says the default, so that a key which a release brings changes no hash.
    """
    content = {
        "sources": [source.model_dump(mode="json", exclude_defaults=True) for source in tenant.sources],
        "account": tenant.canvas.account,
        "sync": tenant.sync.model_dump(mode="json", exclude_defaults=True),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
