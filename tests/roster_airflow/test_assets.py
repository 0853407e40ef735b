"""The assets by which one DAG wakes the next: Airflow's own, but for what it costs to draw an arrow."""

from __future__ import annotations

from airflow.sdk import Asset
from airflow.serialization.encoders import encode_asset_like

from roster_airflow.assets import Woken


def test_it_is_written_down_as_airflows_own_and_told_apart_as_such() -> None:
    woken, own = (kind(name="fern_held", uri="roster://fern/held") for kind in (Woken, Asset))
    assert encode_asset_like(woken) == encode_asset_like(own)
    assert woken == own
    again, other = (Woken(name=f"{tenant}_held", uri=f"roster://{tenant}/held") for tenant in ("fern", "gum"))
    assert (hash(woken), woken) == (hash(again), again)
    assert hash(woken) != hash(other)
    assert woken != other
