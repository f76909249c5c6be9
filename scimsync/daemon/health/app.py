"""The pages of the endpoint."""

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

from scimsync.daemon.health.probes import Probes, ProbeStatus
from scimsync.errors import ScimsyncError

_LOG = logging.getLogger("scimsync")
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NO_STORE = {"Cache-Control": "no-store"}
_UNKNOWN = "the check itself failed; see the log"


def make_app(probes: Probes, stopping: asyncio.Event, readers: ThreadPoolExecutor) -> Starlette:
    """Return the application that answers for `probes`.

    Metrics are read in a thread of `readers`, so that a state that does not respond does not block
    the probes. Once `stopping` is set, requests no longer wait for them.
    """

    async def healthz(_request: Request) -> Response:
        return _respond("/healthz", probes.liveness)

    async def readyz(_request: Request) -> Response:
        return _respond("/readyz", probes.readiness)

    async def metrics(_request: Request) -> Response:
        reading = asyncio.get_running_loop().run_in_executor(readers, probes.metrics)
        end = asyncio.ensure_future(stopping.wait())
        await asyncio.wait((reading, end), return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if not reading.done():
            reading.cancel()
            return _json(503, {"detail": "the daemon is stopping"})
        if (error := reading.exception()) is not None:
            _log_error("/metrics", error)
            return _json(500, {"detail": _UNKNOWN})
        return Response(reading.result(), headers={"Content-Type": _METRICS_TYPE, **_NO_STORE})

    pages = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    app = Starlette(
        routes=[Route(path, page, methods=["GET"]) for path, page in pages.items()],
        exception_handlers={HTTPException: _refuse},
    )
    app.router.redirect_slashes = False
    return app


def _respond(path: str, probe: Callable[[], ProbeStatus]) -> Response:
    try:
        status = probe()
    except Exception as error:
        _log_error(path, error)
        status = ProbeStatus(False, _UNKNOWN)
    return _json(
        200 if status.ok else 503,
        {"status": "ok" if status.ok else "failing", "detail": status.detail},
    )


async def _refuse(_request: Request, error: Exception) -> Response:
    """Respond to an unknown path (404) or method (405, with the methods that are allowed)."""
    if not isinstance(error, HTTPException):
        raise error
    return _json(error.status_code, {"detail": error.detail}, error.headers or {})


def _json(
    status: int, document: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse(document, status, {**(headers or {}), **_NO_STORE})


def _log_error(path: str, error: BaseException) -> None:
    if isinstance(error, ScimsyncError):
        _LOG.error("%s: %s", path, error.message)
    else:
        _LOG.error("%s: unexpected error", path, exc_info=error)
