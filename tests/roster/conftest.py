"""Property tests of the library: a machine that is busy is no fault of the code."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("roster", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("roster")
