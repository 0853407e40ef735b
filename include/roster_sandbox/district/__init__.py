"""A district that nobody lives in: drawn from a seed, written as a Clever export, moved on from night to night.

`names` draws what is unmistakable, `people` and `school` draw who is there, `flaws` spoils a little on purpose, `moves`
is the next day, `clever_csv` writes it down, `implied` says what a Canvas has to hold then, by its own reckoning.
A further fault is a function in `flaws` and the rule for it in `implied`; another export format is a module beside
`clever_csv`.
"""

from __future__ import annotations

from roster_sandbox.district.clever_csv import write_clever
from roster_sandbox.district.generate import generate
from roster_sandbox.district.implied import ImpliedCanvas, after, implied, renamed
from roster_sandbox.district.model import District, Flaw
from roster_sandbox.district.moves import Move, moved

__all__ = [
    "District",
    "Flaw",
    "ImpliedCanvas",
    "Move",
    "after",
    "generate",
    "implied",
    "moved",
    "renamed",
    "write_clever",
]
