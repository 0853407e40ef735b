"""What the plugin mounts below `/roster`, and the entry of Airflow's menu that leads there.

Every process of Airflow loads the plugin, and only the API server answers requests: the pages, with the web framework
and what they read, are imported at the first of them.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

# A link, which opens a tab: a page in a frame of Airflow's could not lead to Canvas. Relative, because Airflow's own
# address may have a path.
CONNECT_CANVAS = {
    "name": "Connect Canvas",
    "href": "roster/canvas",
    "destination": "nav",
    "category": "admin",
}


class Pages:
    """The application, put together when it is first asked."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    @cached_property
    def _app(self) -> Any:
        from fastapi import FastAPI
        from starlette.exceptions import HTTPException

        from roster_airflow.ui.connect import router
        from roster_airflow.ui.consent import HideQuery
        from roster_airflow.ui.pages import not_let_in

        # without pages of its own about itself, which nobody would guard
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        app.include_router(router)
        app.add_middleware(HideQuery)
        app.add_exception_handler(HTTPException, not_let_in)
        return app
