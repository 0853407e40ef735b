"""What the pages have in common: Airflow's address, the headers, the cookie, and the page that says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

from roster.canvas_scopes import all_scopes
from roster_airflow.ui import sealing

if TYPE_CHECKING:
    from fastapi import Request

    from roster_airflow.ui.asked import Asked

REDIRECT_PATH = "/roster/canvas/authorize"
_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
_NOT_LET_IN = {
    401: "You are not logged in to Airflow: log in there, then open this page again.",
    403: "This page is for whoever may add and edit Airflow's connections: ask Airflow's administrator.",
}


def base_url() -> str:
    """Airflow's own address, as `[api] base_url` has it."""
    return (conf.get("api", "base_url", fallback="") or "http://localhost:8080").rstrip("/")


def redirect_uri() -> str:
    """What belongs into the developer key."""
    return base_url() + REDIRECT_PATH


def page(asked: Asked, template: str, status: int = 200, **values: Any) -> Response:
    """A page for whoever asked."""
    answer = _page(template, status, **values)
    set_cookie(answer, asked.number)
    return answer


def stop(asked: Asked, says: str, status: int, connection_id: str | None = None, *, scopes: bool = False) -> Response:
    """A page that says what is wrong and leads back."""
    return page(asked, "stop.html", status, says=says, id=connection_id, scopes=all_scopes() if scopes else ())


def not_let_in(_request: Request, refusal: Exception) -> Response:
    """The page in place of a refusal of Airflow's: not logged in, not allowed, no such page."""
    status: int = getattr(refusal, "status_code", 500)
    answer = _page("stop.html", status, says=_NOT_LET_IN.get(status, "There is no such page."), id=None, scopes=())
    answer.headers.update(getattr(refusal, "headers", None) or {})
    return answer


def back_to(connection_id: str) -> Response:
    """To the page of the connection, after a form."""
    return RedirectResponse(f"{base_url()}/roster/canvas/{connection_id}", 303)


def set_cookie(answer: Response, number: str) -> None:
    """The number that forms and states are sealed with."""
    answer.set_cookie(
        sealing.COOKIE,
        number,
        path="/",
        httponly=True,
        secure=base_url().startswith("https"),
        samesite="lax",
    )


def _page(template: str, status: int, **values: Any) -> Response:
    answer = HTMLResponse(_templates.get_template(template).render(base=base_url(), **values), status)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "same-origin"
    answer.headers["X-Frame-Options"] = "DENY"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return answer
