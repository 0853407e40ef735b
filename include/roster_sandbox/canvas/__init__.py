"""A stand-in for Canvas: its SIS imports, as far as a roster sync can tell it from the real one.

    with running_canvas(tmp_path) as canvas:
        canvas.fault("throttle", times=2)
        ...
        assert canvas.state()["users"] == []

`importers/` holds one module per SIS file, `faults` all that can be made to go wrong; `/sandbox/…` is no part of
Canvas.
"""

from __future__ import annotations

from roster_sandbox.canvas.server import Canvas, running_canvas

__all__ = ["Canvas", "running_canvas"]
