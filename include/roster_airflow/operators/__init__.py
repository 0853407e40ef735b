"""Operators: one act each, over a hook and the library. A new one is `operators/<system>.py`."""
