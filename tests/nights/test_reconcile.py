"""Canvas compared with its ledger: what differs, and what report, adopt and repair make of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roster.canvas.wanted import SEPARATOR
from roster.errors import CanvasNotEmpty, CanvasRefused, CanvasUnreachable, ImportOpen, LedgerMoved
from roster.reconciling.outcome import Then
from roster.steps import Done
from roster_airflow.reconciling import begin, finish, wait_for
from tests.nights.disturbed import Nights
from tests.nights.small import School, school


def reconciled(nights: Nights, then: Then = "report") -> Done:
    loading, night = nights.loading, nights.night()
    underway = begin(loading)
    return wait_for(lambda: finish(loading, night, underway, "test", then), lambda: None)
