"""Searches by POST, for queries that are too long for a URL (RFC 7644 section 3.4.3)."""

from __future__ import annotations

from typing import Any, Final

from scimsync.scim.messages import SEARCH_BY_POST, ScimRequest

_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
_NUMBERS: Final = ("startindex", "count")
_LISTS: Final = ("attributes", "excludedattributes")


def search_by_post(request: ScimRequest) -> ScimRequest:
    """Return the POST that requests the same as the GET of a list."""
    body: dict[str, Any] = {"schemas": [_SCHEMA]}
    body |= {name: _value(name.lower(), value) for name, value in request.query}
    return ScimRequest("POST", request.path + SEARCH_BY_POST, body)


def _value(name: str, value: str) -> Any:
    if name in _NUMBERS:
        return int(value)
    return value.split(",") if name in _LISTS else value
