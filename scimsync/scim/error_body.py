"""Recognize and read the body of an error (RFC 7644 section 3.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from scimsync.scim.attributes import read

ERROR_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:error"
"""The schema of error bodies, in lower case."""

_LONGEST_TYPE = 60


class Redact(Protocol):
    """A function that returns a text of the server in one line, without secrets.

    `limit` is the number of characters that are kept.
    """

    def __call__(self, text: str, limit: int = ..., /) -> str: ...


def error_status(status: int, body: Mapping[str, Any] | None) -> int | None:
    """Return the status of the error in a response, or None if it is not an error.

    Some service providers send an error with a status of success. Its status is the one in the
    body, or 400 where the body has none that is an error.
    """
    if status >= 400:
        return status
    if body is None or ERROR_SCHEMA not in _schemas(body):
        return None
    text = str(read(body, "status"))
    return int(text) if text.isdecimal() and 400 <= int(text) < 600 else 400


def error_texts(body: Mapping[str, Any], redact: Redact) -> tuple[str | None, str | None]:
    """Return `scimType` and `detail` of an error, as far as they are texts."""
    scim_type, detail = read(body, "scimType"), read(body, "detail")
    return (
        redact(scim_type, _LONGEST_TYPE) if isinstance(scim_type, str) else None,
        redact(detail) if isinstance(detail, str) else None,
    )


def _schemas(body: Mapping[str, Any]) -> list[str]:
    schemas = read(body, "schemas")
    return [str(schema).lower() for schema in schemas] if isinstance(schemas, list) else []
