"""All requests of a probe as an HTTP Archive.

HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/, read 2026-11-29). Credentials, cookies,
and passwords are `***`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from scimsync import __version__
from scimsync.jsontext import json_text
from scimsync.probe.render.http_text import reason, safe_body, without_secrets
from scimsync.probe.values import Exchange, Headers, ProbeReport

_UNKNOWN: Final = -1


def har_report(report: ProbeReport) -> Iterator[str]:
    """Yield the archive: a page for each provider, and an entry for each request."""
    yield json_text(archive(report), indented=True) + "\n"


def archive(report: ProbeReport) -> dict[str, Any]:
    """Return the archive as a value of JSON."""
    titles = {"scimsync": "scimsync", **report.providers}
    pages: dict[str, datetime] = {}
    for one in report.exchanges:
        pages.setdefault(one.sequence, one.started)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "scimsync probe", "version": __version__},
            "pages": [
                {
                    "startedDateTime": started.isoformat(),
                    "id": name,
                    "title": titles.get(name, name),
                    "pageTimings": {},
                }
                for name, started in pages.items()
            ],
            "entries": [_entry(report.url, one) for one in report.exchanges],
        }
    }


def _entry(base: str, exchange: Exchange) -> dict[str, Any]:
    milliseconds = round(exchange.seconds * 1000, 3)
    comment = f"{exchange.step} ({exchange.purpose})"
    return {
        "pageref": exchange.sequence,
        "startedDateTime": exchange.started.isoformat(),
        "time": milliseconds,
        "request": _request(base, exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": f"{comment}: {exchange.problem}" if exchange.problem else comment,
    }


def _request(base: str, exchange: Exchange) -> dict[str, Any]:
    url = base.rstrip("/") + exchange.path
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(exchange.request_headers),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)
        ],
        "headersSize": _UNKNOWN,
        "bodySize": len((exchange.request_body or "").encode()),
    }
    if exchange.request_body is not None:
        kind = _header(exchange.request_headers, "content-type")
        request["postData"] = {
            "mimeType": kind,
            "params": [],
            "text": safe_body(exchange.request_body),
        }
    return request


def _response(exchange: Exchange) -> dict[str, Any]:
    status = exchange.status or 0
    location = _header(exchange.response_headers, "location")
    size = len(exchange.response_body.encode())
    return {
        "status": status,
        "statusText": reason(status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(exchange.response_headers),
        "content": {
            "size": size,
            "mimeType": _header(exchange.response_headers, "content-type"),
            "text": safe_body(exchange.response_body),
        },
        "redirectURL": location if 300 <= status < 400 else "",
        "headersSize": _UNKNOWN,
        "bodySize": size,
    }


def _pairs(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in without_secrets(headers)]


def _header(headers: Headers, wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")
