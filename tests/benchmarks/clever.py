"""Clever's API without a socket: as many pupils as asked for, and what walking them costs.

`python -m tests.benchmarks.clever USERS` prints one line of JSON, of a process of its own.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

MILLION = 1_000_000
_PUPIL = {
    "id": "",
    "district": "64f0c0aa0000000000000000",
    "email": "pupil.number.{n}@pupils.district.example",
    "name": {"first": "Given{n}", "middle": "M", "last": "Family{n}"},
    "created": "2025-07-01T04:02:00.000Z",
    "last_modified": "2026-08-11T05:00:00.000Z",
    "roles": {
        "student": {
            "legacy_id": "74f0c0aa{n}",
            "sis_id": "S{n}",
            "state_id": "XS{n}",
            "student_number": "00{n}",
            "school": "64f0c0aa0100000000000001",
            "schools": ["64f0c0aa0100000000000001"],
            "enrollments": [
                {"school": "64f0c0aa0100000000000001", "start_date": "2026-08-10", "end_date": "2027-06-04"}
            ],
            "grade": "7",
            "graduation_year": "2032",
            "dob": "2013-11-02",
            "gender": "F",
            "race": "",
            "hispanic_ethnicity": "N",
            "ell_status": "N",
            "location": {"address": "{n} Sandbox Road", "city": "Sandbox", "state": "NY", "zip": "00501"},
            "preferred_name": {"first": "", "middle": "", "last": ""},
            "credentials": {"district_username": "pupil{n}"},
            "home_language": "English",
            "ext": {},
        }
    },
}


def pupils(first: int, count: int, before: bytes = b"", behind: bytes = b"") -> bytes:
    """So many pupils from that number on, each between two texts, with commas."""
    template = before + json.dumps(_PUPIL).encode() + behind
    marked = template.replace(b'"id": ""', b'"id": "%(id)024x"').replace(b"{n}", b"%(n)d")
    return b",".join(marked % {b"id": n, b"n": n} for n in range(first, first + count))


def page_of_pupils(first: int, count: int, following: str | None) -> bytes:
    """A page of them, as Clever writes it."""
    items = pupils(first, count, b'{"data":', b',"uri":"/v3.1/users/"}')
    links = [{"rel": "next", "uri": following}] if following else []
    return b'{"data":[' + items + b'],"links":' + json.dumps(links).encode() + b"}"


@dataclass
class Crowd:
    """An `Api` with so many pupils; seconds: processor time that it took itself, bytes: what it answered."""

    users: int
    seconds: float = 0.0
    bytes: int = 0

    def get(self, path: str) -> bytes:
        began = time.process_time()
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if "count" in query:
            return json.dumps({"data": [], "count": self.users}).encode()
        first, limit = int(query.get("starting_after", "0"), 16) + 1, int(query["limit"])
        count = max(0, min(limit, self.users - first + 1))
        last = f"{first + count - 1:024x}"
        more = first + count <= self.users
        body = page_of_pupils(
            first, count, f"{path.split('&')[0]}&limit={limit}&starting_after={last}" if more else None
        )
        self.seconds += time.process_time() - began
        self.bytes += len(body)
        return body

    def find(self, _path: str) -> bytes | None:
        return None


def walked(users: int) -> dict[str, Any]:
    """Processor seconds, seconds and peak memory (MB) of one walk over so many pupils."""
    from roster.sources.clever.objects import TABLES
    from roster.sources.clever.walking import walk

    api = Crowd(users)
    with tempfile.TemporaryDirectory(prefix="roster-bench-") as folder:
        cpu, began = time.process_time(), time.perf_counter()
        found = walk(api, TABLES["students"], 10_000, Path(folder))
        cpu, took = time.process_time() - cpu - api.seconds, time.perf_counter() - began - api.seconds
    assert (found.rows, found.broken, found.doubts) == (users, [], [])
    return {"users": users, "cpu": cpu, "seconds": took, "peak": peak(), "read": api.bytes / 1e6}


def peak() -> float:
    """The most memory that this process ever had, in MB; what getrusage says begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measured(users: int) -> dict[str, Any]:
    """`walked` in a process of its own, so that its peak of memory is nobody else's."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.clever", str(users)], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def decoding(repeats: int = 5) -> tuple[float, float]:
    """Processor seconds of a page of 10,000 pupils: by our structs, and by the standard library; the best of some."""
    import msgspec

    from roster.sources.clever.objects import Page, User

    body, decoder = page_of_pupils(1, 10_000, None), msgspec.json.Decoder(Page[User])
    return _best(lambda: decoder.decode(body), repeats), _best(lambda: json.loads(body), repeats)


def _best(act: Any, repeats: int) -> float:
    took = []
    for _ in range(repeats):
        gc.collect()
        began = time.process_time()
        act()
        took.append(time.process_time() - began)
    return min(took)


if __name__ == "__main__":
    print(json.dumps(walked(int(sys.argv[1]))))
