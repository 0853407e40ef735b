"""Account reports of Canvas: started, asked after, and downloaded from wherever Canvas says, without our token."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec
import requests

from roster.errors import CanvasRefused, CanvasUnreachable, CanvasWrongHost
from roster_airflow.hooks.canvas import CONNECT_SECONDS, READ_SECONDS, CanvasHook
from roster_airflow.hooks.canvas_address import is_near

REPORT: Final = "provisioning_csv"
REPORTS: Final = f"/api/v1/accounts/self/reports/{REPORT}"
REDIRECTS: Final = 5
CHUNK: Final = 1 << 20


class Attachment(msgspec.Struct, frozen=True):
    """Where the file of a report can be had; the address is as good as a key."""

    url: str


class Report(msgspec.Struct, frozen=True):
    """One report as Canvas tells of it."""

    number: int = msgspec.field(name="id")
    status: str
    attachment: Attachment | None = None

    @property
    def is_over(self) -> bool:
        """True if nothing more will become of it."""
        return self.status in ("complete", "error", "aborted", "deleted")


def start_report(hook: CanvasHook, kinds: tuple[str, ...]) -> Report:
    """Start the report of these kinds, deleted and concluded things included. Started twice it is only made twice."""
    form = {f"parameters[{kind}]": "1" for kind in (*kinds, "include_deleted")}
    return hook.command("POST", REPORTS, Report, "POST reports", form)


def look_at_report(hook: CanvasHook, number: int) -> Report:
    """How it stands. Raises CanvasRefused where it ended otherwise than complete."""
    found = hook.read(f"{REPORTS}/{number}", Report, "GET reports/:id")
    if found.is_over and (found.status != "complete" or found.attachment is None):
        message = f"Canvas ended its report as {found.status}: run it again; if that stays so, ask whoever keeps Canvas"
        raise CanvasRefused(message)
    return found


def download_report(found: Report, to: Path) -> None:
    """Fetch its file. Raises CanvasWrongHost, CanvasRefused or CanvasUnreachable; no address is part of an error."""
    with requests.Session() as session:
        session.auth = _nobody  # else a .netrc of the machine would answer
        url = found.attachment.url if found.attachment else ""
        for _ in range(REDIRECTS):
            following = _fetch(session, url, to)
            if following is None:
                return
            url = urljoin(url, following)
    message = "the file of Canvas's report is sent on from host to host: run it again"
    raise CanvasRefused(message)


def _fetch(session: requests.Session, url: str, to: Path) -> str | None:
    """Write the file, or answer where it is instead."""
    parts = urlsplit(url)
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_near(parts.hostname))):
        message = "Canvas names an address of its report's file that is not https: it is not followed"
        raise CanvasWrongHost(message)
    patience = (CONNECT_SECONDS, READ_SECONDS)
    try:
        with session.get(url, stream=True, allow_redirects=False, timeout=patience) as answer:
            if answer.is_redirect:
                return answer.headers["Location"]
            if answer.status_code != 200:
                message = f"the file of Canvas's report can't be had (status {answer.status_code}): run it again"
                raise CanvasRefused(message)
            with to.open("wb") as file:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
    except requests.RequestException as error:
        broken = type(error).__name__
    else:
        return None
    message = f"the file of Canvas's report broke off or gave no answer ({broken}): run it again"
    raise CanvasUnreachable(message)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
