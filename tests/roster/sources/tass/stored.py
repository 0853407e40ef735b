"""The stand-in's replies without its server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from roster_sandbox.tass.export import RECORDS
from roster_sandbox.tass.replies import answered


@dataclass(frozen=True)
class Stored:
    """A `Gateway` over the records that `write_api` wrote."""

    folder: Path
    version: str = "3"

    def ask(self, company: str, product: str, method: str, parameters: Mapping[str, str]) -> bytes:
        name = f"{product}.{method.lower()}"
        records = json.loads((self.folder / RECORDS).read_bytes())[company][name]
        return json.dumps(answered(name, records, dict(parameters), self.version), ensure_ascii=False).encode()
