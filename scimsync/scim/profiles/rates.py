"""How many requests of a class a product takes in a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from scimsync.scim.messages import ScimRequest

_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "any": ("GET", "POST", "PUT", "PATCH", "DELETE"),
    "read": ("GET",),
    "list": ("GET",),
    "get": ("GET",),
    "write": ("POST", "PUT", "PATCH", "DELETE"),
    "create": ("POST",),
    "update": ("PUT", "PATCH"),
    "delete": ("DELETE",),
}
_RESOURCES: Final = ("users", "groups")


@dataclass(frozen=True, slots=True)
class RequestRate:
    """At most `limit` requests of a class in `seconds`.

    `requests` is the class: `read`, `write`, `create users`. `over_bytes` restricts it to requests
    with a larger body.
    """

    requests: str
    limit: int
    seconds: int
    over_bytes: int | None = None

    def counts(self, request: ScimRequest) -> bool:
        """Return whether a request is one of the class."""
        action, _, resources = self.requests.partition(" ")
        if request.method not in _METHODS[action]:
            return False
        collection, _, resource_id = request.path.lower().removeprefix("/").partition("/")
        if resources not in ("", collection):
            return False
        if action in ("list", "get") and bool(resource_id) is (action == "list"):
            return False
        return self.over_bytes is None or len(orjson.dumps(request.body)) > self.over_bytes

    def __str__(self) -> str:
        """`at most 5 requests (update groups) of more than 500 bytes in 30 seconds`."""
        larger = "" if self.over_bytes is None else f" of more than {self.over_bytes} bytes"
        period = {1: "a second", 60: "a minute", 3600: "an hour"}.get(self.seconds)
        period = period or f"in {self.seconds} seconds"
        return f"{self.requests}{larger}: {self.limit:,} {period}"


def read_rate(table: object) -> RequestRate:
    """Return the rate that a table of a profile states. Raise ValueError for a wrong one."""
    if not isinstance(table, dict):
        raise ValueError("is a table")  # noqa: TRY004 - of a profile
    facts: dict[str, Any] = table
    try:
        rate = RequestRate(**facts)
    except TypeError as error:
        raise ValueError(str(error)) from None
    action, _, resources = str(rate.requests).partition(" ")
    if action not in _METHODS or resources not in ("", *_RESOURCES):
        words = ", ".join(_METHODS)
        raise ValueError(f"requests has to be one of {words}, then users or groups")
    numbers = (rate.limit, rate.seconds, 1 if rate.over_bytes is None else rate.over_bytes)
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        raise ValueError("limit, seconds and over_bytes have to be whole numbers above 0")
    return rate
