"""The answers to what is asked over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scimsync.daemon.health.watched import Condition, Watched
from scimsync.errors import ScimsyncError

_LOG = logging.getLogger("scimsync")
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NEVER_KEPT = {"Cache-Control": "no-store"}
_UNFORESEEN = "this could not be found out; the log says why"


def make_pages(watched: Watched, stopping: asyncio.Event, readers: ThreadPoolExecutor) -> Starlette:
    """The pages of `watched`. Metrics are read in a thread of `readers`, so that a state that does
    not answer keeps nobody from seeing that the daemon is alive; once `stopping` is set, nobody
    waits for them."""

    async def healthz(_request: Request) -> Response:
        return _condition("/healthz", watched.alive)

    async def readyz(_request: Request) -> Response:
        return _condition("/readyz", watched.ready)

    async def metrics(_request: Request) -> Response:
        reading = asyncio.get_running_loop().run_in_executor(readers, watched.metrics)
        end = asyncio.ensure_future(stopping.wait())
        await asyncio.wait((reading, end), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if not reading.done():
            reading.cancel()
            return _json(503, {"detail": "the daemon is stopping"})
        if (error := reading.exception()) is not None:
            _tell("/metrics", error)
            return _json(500, {"detail": _UNFORESEEN})
        return Response(reading.result(), headers={"Content-Type": _METRICS_TYPE, **_NEVER_KEPT})

    paths = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    app = Starlette(
        routes=[Route(path, page, methods=["GET"]) for path, page in paths.items()],
        exception_handlers={HTTPException: _refuse},
    )
    app.router.redirect_slashes = False
    return app


def _condition(path: str, ask: Callable[[], Condition]) -> Response:
    try:
        condition = ask()
    except Exception as error:
        _tell(path, error)
        condition = Condition(False, _UNFORESEEN)
    return _json(
        200 if condition.ok else 503,
        {"status": "ok" if condition.ok else "failing", "detail": condition.detail},
    )


async def _refuse(_request: Request, error: Exception) -> Response:
    """404 and 405, which say the methods that there are."""
    if not isinstance(error, HTTPException):
        raise error
    return _json(error.status_code, {"detail": error.detail}, error.headers or {})


def _json(
    status: int, document: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse(document, status, {**(headers or {}), **_NEVER_KEPT})


def _tell(path: str, error: BaseException) -> None:
    if isinstance(error, ScimsyncError):
        _LOG.error("%s: %s", path, error.message)
    else:
        _LOG.error("%s: unexpected error", path, exc_info=error)
