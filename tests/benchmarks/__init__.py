"""Measures, printed by `make bench`; what a test asserts of them is a ratio within one run."""
