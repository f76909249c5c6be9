"""Requests and responses as text for people, without secrets."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import orjson

from scimsync.formatting import printable
from scimsync.probe.values import Exchange, Headers

HIDDEN: Final = "***"
LONGEST: Final = 4000
"""Characters of a body that are shown to people."""

_SECRET_HEADERS: Final = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"}
)
_SECRET_ATTRIBUTES: Final = frozenset({"password"})


def request_text(exchange: Exchange) -> str:
    """Return a request with its headers and its body."""
    head = [f"{exchange.method} {exchange.path}", *_lines(exchange.request_headers)]
    return _joined(head, exchange.request_body)


def response_text(exchange: Exchange) -> str:
    """Return a response with its headers and its body, or why there is none."""
    if exchange.status is None:
        return f"no response: {printable(exchange.problem)}"
    head = [
        f"{exchange.status} {reason(exchange.status)}".strip(),
        *_lines(exchange.response_headers),
    ]
    return _joined(head, exchange.response_body)


def reason(status: int) -> str:
    """Return the words for a status, such as Not Found; "" for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def without_secrets(headers: Headers) -> Headers:
    """Return headers with `***` as the value of those that hold credentials."""
    return tuple(
        (name, HIDDEN if name.lower() in _SECRET_HEADERS else value) for name, value in headers
    )


def safe_body(body: str) -> str:
    """Return a body with `***` as its passwords, and otherwise as it was sent."""
    if not any(name in body.lower() for name in _SECRET_ATTRIBUTES):
        return body
    parsed = _parsed(body)
    return body if parsed is None else orjson.dumps(_masked(parsed)).decode()


def _joined(head: list[str], body: str | None) -> str:
    text = body_text(body or "")
    return "\n".join([*map(printable, head), *(["", text] if text else [])])


def body_text(body: str) -> str:
    """Return a body with JSON indented, printable, and at most `LONGEST` characters long."""
    text = safe_body(body).strip()
    parsed = _parsed(text)
    if parsed is not None:
        text = orjson.dumps(parsed, option=orjson.OPT_INDENT_2).decode()
    shown = "\n".join(printable(line) for line in text[:LONGEST].splitlines())
    return shown if len(text) <= LONGEST else f"{shown}\n… {len(text) - LONGEST:,} more characters"


def _lines(headers: Headers) -> list[str]:
    return [f"{name}: {value}" for name, value in without_secrets(headers)]


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: HIDDEN if name.lower() in _SECRET_ATTRIBUTES else _masked(item)
            for name, item in value.items()
        }
    return [_masked(item) for item in value] if isinstance(value, list) else value
