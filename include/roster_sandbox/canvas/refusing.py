"""Rows that are refused on demand."""

from __future__ import annotations

import re

from roster_sandbox.canvas.faults import RefuseRows
from roster_sandbox.canvas.run import Row, Run


class Refuser:
    """Counts the rows that match, so that every nth can be refused."""

    def __init__(self, faults: list[RefuseRows]) -> None:
        self._faults = [(fault, [0]) for fault in faults]

    def refuses(self, run: Run, row: Row) -> bool:
        """Whether a fault refuses this row, which then has its message."""
        for fault, seen in self._faults:
            if self.names(fault.file, row.file) and re.search(fault.pattern, row.text):
                seen[0] += 1
                if seen[0] % fault.every == 0:
                    run.warn(row, fault.message)
                    return True
        return False

    @staticmethod
    def names(pattern: str, file: str) -> bool:
        """Whether the pattern is found in the file's name."""
        return re.search(pattern, file) is not None
