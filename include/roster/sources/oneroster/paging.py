"""One list of the service, from its first page to its end.

A short page is no end: providers give fewer records than they are asked for. Where the total is given, as many have to
come; where it is not, what follows the last record is asked for, and has to be nothing. Each page begins with the last
record of the one before, so that a list that moves while it is read shows, though its total stays. A link that leads on
by something else than `offset` is followed as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

from roster.sources.oneroster.objects import Listing, text
from roster.sources.oneroster.service import Answer, Service


class Shifted(Exception):
    """The list changed while it was read, or its pages contradict each other; the message says how, in counts."""


@dataclass
class Pages:
    """One reading of one list.

    strict: a page that does not fit the one before ends the reading; else it is read by offsets alone, and that is a
    doubt. total: how many there are, where the provider says so.
    """

    listing: Listing
    path: str
    limit: int
    strict: bool = True
    total: int | None = None
    doubts: list[str] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _asked: set[str] = field(default_factory=set)
    _last: str | None = None
    _promised: bool = False
    _by_links: bool = False

    def read(self, service: Service) -> Iterator[list[Any]]:
        """The new objects of each page. Raises Shifted, or SourceFault."""
        target, overlap = self._offset(0), 0
        while True:
            self._asked.add(target)
            answer = service.get(target)
            new = self._new(answer, overlap)
            yield new
            if self._has_ended(answer, new, overlap):
                break
            target, overlap = self._following(answer, new)
        if not self.strict:
            self._doubt("could only be read without comparing its pages where they meet")

    def _new(self, answer: Answer, overlap: int) -> list[Any]:
        """The page's records but for that of the page before."""
        if answer.total is not None:
            if self.total not in (None, answer.total):
                self._stop(f"had {self.total:,} records in all on one page and {answer.total:,} on another")
            self.total = answer.total
        page = self.listing.decode(answer.body, f"page {len(self._asked)} of {self.listing.name}")
        if overlap and (not page or text(page[0].sourced_id) != self._last):
            self._stop(f"moved between two pages after {len(self._seen):,} records")
        new = page[overlap:]
        ids = [str(text(one.sourced_id)) for one in new]
        before = len(self._seen)
        self._seen.update(map(hash, ids))
        if twice := before + len(ids) - len(self._seen):
            self._stop(f"had {twice:,} records that came twice")
        self._last = ids[-1] if ids else self._last
        return new

    def _has_ended(self, answer: Answer, new: list[Any], overlap: int) -> bool:
        read, total = len(self._seen), self.total
        if total is not None and read > total:
            self._stop(f"gave {read:,} records of {total:,}")
        if new and not (self._by_links and answer.following is None):
            return not self.strict and read == total
        if overlap:
            return read == total
        if total is not None and read < total:
            self._stop(f"ended after {read:,} records of {total:,}")
        if total is None and answer.following is not None:
            if _leads_by_itself(answer.following):
                return False
            self._promised = True
        if self._promised and self.strict:
            self._stop(f"had a link to more after {read:,} records, where nothing was")
        if total is None and (self._promised or self._by_links):
            self._doubt("has no total, and its links alone say where it ends")
        return True

    def _following(self, answer: Answer, new: list[Any]) -> tuple[str, int]:
        """(what is asked for next, how many records at its start are known by then)"""
        link, read = answer.following, len(self._seen)
        if link is not None and _leads_by_itself(link):
            if link in self._asked:
                self._stop(f"led round in a circle after {read:,} records")
            self._by_links = True
            return link, 0
        if new:
            self._promised = link is not None
        if new and self.strict and (self._promised or self.total is not None):
            return self._offset(read - 1), 1
        return self._offset(read), 0

    def _offset(self, offset: int) -> str:
        return f"{self.path}?limit={self.limit}&offset={offset}&sort=sourcedId&orderBy=asc"

    def _doubt(self, what: str) -> None:
        if (reason := f"{self.listing.name} {what}") not in self.doubts:
            self.doubts.append(reason)

    def _stop(self, how: str) -> NoReturn:
        message = f"{self.listing.name} {how}"
        raise Shifted(message)


def _leads_by_itself(link: str) -> bool:
    """Whether only its provider knows where it leads."""
    return "offset" not in parse_qs(urlsplit(link).query)
